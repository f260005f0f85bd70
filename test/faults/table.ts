import type { Result } from './scenario.js';

const COLUMNS: readonly (readonly [title: string, of: (result: Result) => string | number])[] = [
  ['scenario', (result) => result.scenario],
  ['database', (result) => result.database],
  ['repetitions', (result) => result.repetitions],
  ['emitted', (result) => result.emitted],
  ['captured', (result) => result.captured],
  ['delivered', (result) => result.delivered],
  ['lost', (result) => result.lost],
  ['distinct duplicates', (result) => result.distinctDuplicates],
  ['repeats', (result) => result.repeats],
  ['worst recovery', (result) => `${(result.worstRecoveryMs / 1_000).toFixed(1)} s`],
  ['took', (result) => `${result.seconds.toFixed(0)} s`],
  ['verdict', verdictOf],
];

/** The results as a Markdown table. */
export function tableOf(results: readonly Result[]): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    ...results.map((result) => COLUMNS.map(([, of]) => String(of(result)))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

export function failed(result: Result): boolean {
  return result.violations.length > 0 || result.lost !== 0 || result.distinctDuplicates !== 0;
}

function verdictOf(result: Result): string {
  if (result.skipped !== undefined) return `SKIPPED: ${result.skipped}`;
  return failed(result) ? `${Math.max(1, result.violations.length)} VIOLATED` : 'holds';
}
