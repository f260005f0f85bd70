import { Random } from '../random.js';
import type { DatabaseKind } from '../scenario.js';
import { STORIES, type Story } from '../traffic.js';
import { FAULTS } from './faults.js';

export interface PlannedFault {
  name: string;
  /** Milliseconds after the traffic began. */
  at: number;
  /** For how long, where it has an end. */
  forMs: number;
  /** What the fault itself draws. */
  seed: number;
}

export interface Plan {
  seed: number;
  database: DatabaseKind;
  replicas: number;
  perSecond: number;
  interactions: number;
  stories: Story[];
  workMs: [from: number, to: number];
  /** Of the simulated Genesys Cloud. */
  subscribeDelayMs: number;
  faults: PlannedFault[];
}

/** Traffic and trouble go on for so long; the settling comes after. */
const SPAN_MS = 4_500;

/** Everything that the seed decides. The same seed gives the same plan, on the same database. */
export function planOf(seed: number, database: DatabaseKind): Plan {
  const random = new Random(seed * 2_654_435_761);
  const perSecond = random.pick([10, 25, 50]);
  const { PROCESS, GENESYS, HISTORY, POSTGRES } = FAULTS.groups;
  const groups = [PROCESS, GENESYS, GENESYS, HISTORY, ...(database === 'postgres' ? [POSTGRES] : [])];
  const faults = Array.from({ length: random.between(3, 9) }, (): PlannedFault => ({
    name: random.pick(Object.keys(random.pick(groups))),
    at: random.between(100, SPAN_MS),
    forMs: random.between(50, 1_800),
    seed: random.between(1, 1_000_000),
  }));
  return {
    seed,
    database,
    replicas: database === 'postgres' && random.chance(0.5) ? 2 : 1,
    perSecond,
    interactions: Math.round((perSecond * SPAN_MS) / 1_000),
    stories: Array.from({ length: random.between(1, 6) }, () => random.pick(STORIES)),
    workMs: random.pick([
      [0, 50],
      [20, 800],
      [300, 2_500],
    ] as [number, number][]),
    subscribeDelayMs: random.pick([0, 0, 100, 600]),
    faults: faults.sort((a, b) => a.at - b.at),
  };
}

export function describePlan(plan: Plan): string {
  const faults = plan.faults.map(({ name, at, forMs }) => `${name}@${at}+${forMs}`).join(' ');
  return `${plan.interactions} at ${plan.perSecond}/s, ${plan.replicas} replica(s) on ${plan.database}; ${faults}`;
}
