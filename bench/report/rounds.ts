import type { Run, Side } from '../scenario.js';
import type { Stage } from '../stage.js';

/** Runs all sides in turns, round after round, so that what changes on the machine meets all of them alike. */
export async function alternate(
  stage: Stage,
  sides: Record<string, () => Promise<Run>>,
  rounds = stage.options.rounds,
): Promise<Side[]> {
  const results = Object.keys(sides).map((name): Side => ({ name, runs: [] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, runs } of results) {
      const run = await sides[name]?.();
      if (run) runs.push(run);
      await stage.clear();
    }
  }
  return results;
}

/** 0 for no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? 0) + high) / 2;
}

/** The median over the rounds of what one side reached of the other. */
export function ratioOf(sides: readonly Side[], name: string, of: string, figure = rate): number {
  const [ours, theirs] = [runsOf(sides, name), runsOf(sides, of)];
  return median(ours.map((run, round) => figure(run) / figure(theirs[round] ?? run)));
}

/** The median over the rounds of a figure of one side. */
export function medianOf(sides: readonly Side[], name: string, figure: (run: Run) => number): number {
  return median(runsOf(sides, name).map(figure));
}

export function rate(run: Run): number {
  return run.perSecond ?? 0;
}

function runsOf(sides: readonly Side[], name: string): Run[] {
  return sides.find((side) => side.name === name)?.runs ?? [];
}
