import type { Limit, Outcome, Run, Scenario, Side, Target } from '../scenario.js';
import { median } from './rounds.js';

/** What one scenario came to, for people. */
export function describe(scenario: Scenario, outcome: Outcome): string {
  const rows = outcome.sides.map((side) => rowOf(side, scenario.unit));
  const others = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const table = aligned([others, ...rows.map((row) => others.map((column) => row[column] ?? ''))]);
  const targets = outcome.targets.map((target) => `  ${isMet(target) ? 'met   ' : 'MISSED'}  ${sayTarget(target)}`);
  return [`\n${scenario.name}: ${scenario.about}`, table, ...targets, ...outcome.notes.map((note) => `  ${note}`)].join(
    '\n',
  );
}

/** Whether a figure is as promised. */
export function isMet({ value, limit }: Target): boolean {
  return isWithin(value, limit, 1);
}

/**
 * Whether a short run on a busy machine shows a collapse: a ratio of two sides that is this factor beside what is promised,
 * or beside what is reached. Times, sizes and the slowest few say nothing there.
 */
export function hasCollapsed({ value, limit, unit, reached, isTail }: Target, factor: number): boolean {
  if (unit !== '' || isTail) return false;
  if (reached === undefined) return !isWithin(value, limit, factor);
  return !isWithin(value, 'min' in limit ? { min: reached } : { max: reached }, factor);
}

function isWithin(value: number, limit: Limit, factor: number): boolean {
  return 'min' in limit ? value >= limit.min / factor : value <= limit.max * factor;
}

export function sayTarget({ name, value, limit, unit, isUsual }: Target): string {
  const bound = 'min' in limit ? `≥ ${number(limit.min)}` : `≤ ${number(limit.max)}`;
  return `${name}: ${number(value)} ${unit}`.trimEnd() + ` (${isUsual ? 'usually ' : ''}${bound})`;
}

/** The medians over the rounds of one side, as texts by column. */
function rowOf({ name, runs }: Side, unit: string): Record<string, string> {
  const row: Record<string, string> = { side: name };
  const add = (column: string, of: (run: Run) => number | undefined): void => {
    const values = runs.map(of).filter((value) => value !== undefined);
    if (values.length > 0) row[column] = number(median(values));
  };
  add(unit, (run) => run.perSecond);
  add('p50 ms', (run) => run.latency?.p50);
  add('p99 ms', (run) => run.latency?.p99);
  add('p99.9 ms', (run) => run.latency?.p999);
  for (const process of new Set(runs.flatMap((run) => Object.keys(run.usage ?? {})))) {
    const own = process === 'load' || process === 'postgres' ? `${process} ` : '';
    add(`${own}CPU %`, (run) => (run.usage?.[process]?.cpu ?? 0) * 100);
    // What others do on the same cores changes it little.
    if (process === 'gateway' || process === 'bare')
      add('CPU µs each', ({ usage, perSecond }) => microsecondsEach(usage?.[process]?.cpu, perSecond));
    add(`${own}peak MiB`, (run) => (run.usage?.[process]?.peakRss ?? 0) / 2 ** 20);
  }
  for (const figure of new Set(runs.flatMap((run) => Object.keys(run.figures ?? {})))) {
    add(figure, (run) => run.figures?.[figure]);
  }
  return row;
}

/** Microseconds of CPU for each of what `perSecond` counts. */
function microsecondsEach(cpu: number | undefined, perSecond: number | undefined): number | undefined {
  return cpu === undefined || perSecond === undefined ? undefined : (cpu / perSecond) * 1e6;
}

/** Three significant digits for small numbers, whole ones for large. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return rows.map((row) => `  ${line(row)}`).join('\n');
}
