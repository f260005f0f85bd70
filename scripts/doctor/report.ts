import { stripVTControlCharacters, styleText } from 'node:util';
import { withoutKnown } from '../../src/common/mask.js';
import { packageJson } from '../../src/common/package-json.js';
import type { Status } from './check.js';
import { type Examined, exitCodeOf } from './examination.js';

const WORDS: Record<Status, string> = { ok: 'ok', warning: 'warning', failure: 'FAILURE', skipped: 'skipped' };
const COLOURS = { ok: 'green', warning: 'yellow', failure: 'red', skipped: 'dim' } as const;
const STATUS_WIDTH = 9;
const NAME_WIDTH = 15;
const INDENT = ' '.repeat(STATUS_WIDTH + NAME_WIDTH);
/** In a terminal that is narrower lines are not broken by us. */
const NARROWEST = 60;

/** The lines of one check, broken at `columns`. */
export function linesOf({ name, status, text, more = [], action }: Examined, columns = Infinity): string[] {
  const parts = [text, ...more, ...(action === undefined ? [] : [`→ ${action}`])];
  const room = (columns < NARROWEST ? Infinity : columns) - INDENT.length;
  const [first = '', ...rest] = parts.flatMap((part) => broken(part, room));
  return [
    `${WORDS[status].padEnd(STATUS_WIDTH)}${name.padEnd(NAME_WIDTH)}${first}`,
    ...rest.map((line) => INDENT + line),
  ];
}

export function summaryOf(examined: readonly Examined[]): string {
  const count = (status: Status): number => examined.filter((each) => each.status === status).length;
  const [failures, warnings, skipped] = [count('failure'), count('warning'), count('skipped')];
  const parts = [plural(failures, 'failure'), plural(warnings, 'warning'), `${skipped} skipped`];
  return `${failures === 0 ? 'No failure' : parts[0]}, ${parts.slice(1).join(', ')}. Exit code ${exitCodeOf(examined)}.`;
}

/** Prints the checks as they end, or all of them at the end as JSON; without the secrets that are known by then. */
export class Report {
  constructor(
    private readonly json: boolean,
    private readonly secrets: () => readonly string[],
  ) {}

  told(examined: Examined): void {
    if (this.json) return;
    const { columns } = process.stdout;
    const [first = '', ...rest] = linesOf(this.clean(examined), columns);
    const word = WORDS[examined.status];
    const coloured = styleText(COLOURS[examined.status], word, { stream: process.stdout });
    process.stdout.write(`${[coloured + first.slice(word.length), ...rest].join('\n')}\n`);
  }

  end(examined: readonly Examined[]): void {
    if (!this.json) {
      process.stdout.write(`\n${summaryOf(examined)}\n`);
      return;
    }
    const checks = examined.map((each) => this.clean(each));
    const { version } = packageJson();
    process.stdout.write(`${JSON.stringify({ version, exitCode: exitCodeOf(examined), checks }, undefined, 2)}\n`);
  }

  /** Each text by itself: JSON would write a secret's quotes otherwise. */
  private clean<T>(value: T): T {
    if (typeof value === 'string') return withoutKnown(stripVTControlCharacters(value), this.secrets()) as T;
    if (Array.isArray(value)) return value.map((each: unknown) => this.clean(each)) as T;
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.clean(each as unknown)])) as T;
  }
}

/** At spaces; a word that is longer than a line stays whole. What follows keeps the indentation of its part. */
function broken(text: string, room: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const indent = /^ */.exec(paragraph)?.[0] ?? '';
    const lines: string[] = [];
    let line = indent;
    for (const word of paragraph.slice(indent.length).split(' ')) {
      const longer = line.trim() === '' ? indent + word : `${line} ${word}`;
      if (longer.length <= room || line.trim() === '') line = longer;
      else {
        lines.push(line);
        line = `${indent}  ${word}`;
      }
    }
    return [...lines, line];
  });
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
