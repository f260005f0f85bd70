import { Rig } from './rig.js';
import type { Context, Counts } from './scenario.js';

type RigOptions = Omit<Parameters<typeof Rig.open>[0], 'database'>;

/** Opens a rig, runs, and closes it whatever happens. */
export async function withRig(
  context: Context,
  options: RigOptions,
  work: (rig: Rig) => Promise<Counts>,
): Promise<Counts> {
  const rig = await Rig.open({ database: context.database, ...options });
  try {
    const counts = await work(rig);
    return counts.violations.length > 0 ? { ...counts, log: rig.units.flatMap((unit) => unit.lines) } : counts;
  } finally {
    await rig.close();
  }
}
