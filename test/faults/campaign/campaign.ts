import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../random.js';
import { Rig } from '../rig.js';
import type { Counts, DatabaseKind } from '../scenario.js';
import { FAULTS } from './faults.js';
import { type Plan, type PlannedFault, type PlanKind, planOf, planOfFleet } from './plan.js';

/** When everything works again, everything must be delivered within this. */
const SETTLE_MS = 60_000;
/** Lines of each gateway's log that go with a failing seed: about those of its last ten seconds under trouble. */
const TAIL = 250;

export interface SeedResult {
  plan: Plan;
  counts: Counts;
  /** The end of the gateways' logs, when something was violated. */
  log: string[];
}

/** Draws traffic and trouble from the seed, lets them loose, and counts the invariants of the whole suite. */
export async function runSeed(seed: number, database: DatabaseKind, kind: PlanKind = 'any'): Promise<SeedResult> {
  const plan = kind === 'fleet' ? planOfFleet(seed) : planOf(seed, database);
  const { stories, workMs, subscribeDelayMs, environment } = plan;
  const rig = await Rig.open({
    database,
    units: plan.replicas,
    environment,
    genesys: { subscribeDelayMs },
    traffic: { stories, workMs, random: new Random(seed) },
  });
  try {
    const flow = rig.traffic.flow(plan.interactions, plan.perSecond);
    await trouble(rig, plan.faults);
    await flow;
    await recover(rig);
    await rig.traffic.doneWithin(SETTLE_MS);
    const counts = await rig.verdict(plan.faults.length, {
      withinMs: SETTLE_MS,
      failedStarts: database === 'postgres',
    });
    const log = counts.violations.length > 0 ? rig.units.flatMap((unit) => unit.lines.slice(-TAIL)) : [];
    return { plan, counts, log };
  } finally {
    await rig.close();
  }
}

/** All faults at their times; each ends after its own while, or at the end. */
async function trouble(rig: Rig, faults: readonly PlannedFault[]): Promise<void> {
  const since = performance.now();
  await Promise.all(
    faults.map(async ({ name, at, forMs, seed }) => {
      await sleep(Math.max(0, since + at - performance.now()));
      const begin = FAULTS.postgres[name];
      if (!begin) throw new Error(`There is no fault ${name}.`);
      const end = await begin(rig, new Random(seed));
      if (!end) return;
      await sleep(forMs);
      await end();
    }),
  );
}

async function recover(rig: Rig): Promise<void> {
  rig.liftFaults();
  for (const unit of rig.units) unit.thaw();
  await Promise.all(rig.units.map((unit) => unit.start()));
  rig.audit.faultOver();
}
