import { Random } from '../random.js';
import type { DatabaseKind } from '../scenario.js';
import { STORIES, type Story } from '../traffic.js';
import { FAULTS, FLEET_LEASE_MS } from './faults.js';

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
  environment: Readonly<Record<string, string>>;
}

/** Traffic and trouble go on for so long; the settling comes after. */
const SPAN_MS = 4_500;

/** Long enough for a standstill beyond the lease, a take-over, and another one. */
const FLEET_SPAN_MS = 15_000;
const FLEET_SIZE = 3;

/** `any`: one or two replicas and every kind of trouble. `fleet`: three replicas and what they can do to each other. */
export type PlanKind = 'any' | 'fleet';

/** As `planOf`, for three replicas on PostgreSQL. The first standstill beyond the lease is certain. */
export function planOfFleet(seed: number): Plan {
  const random = new Random(seed * 2_654_435_761 + 1);
  const perSecond = random.pick([10, 20, 30]);
  const names = Object.keys(FAULTS.groups.FLEET);
  const drawn = Array.from({ length: random.between(3, 8) }, (_, index): PlannedFault => ({
    name: index === 0 ? 'freeze-beyond-lease' : random.pick(names),
    at: random.between(100, index === 0 ? FLEET_SPAN_MS - 2 * FLEET_LEASE_MS : FLEET_SPAN_MS),
    forMs: random.between(50, FLEET_LEASE_MS / 2),
    seed: random.between(1, 1_000_000),
  }));
  return {
    seed,
    database: 'postgres',
    replicas: FLEET_SIZE,
    perSecond,
    interactions: Math.round((perSecond * FLEET_SPAN_MS) / 1_000),
    stories: Array.from({ length: random.between(1, 6) }, () => random.pick(STORIES)),
    workMs: random.pick([
      [20, 800],
      [300, 2_500],
      [1_000, 8_000],
    ] as [number, number][]),
    subscribeDelayMs: random.pick([0, 0, 100, 600]),
    faults: drawn.sort((a, b) => a.at - b.at),
    environment: { REPLICA_LEASE_S: String(FLEET_LEASE_MS / 1_000), CHANNEL_MAX_TOPICS: random.pick(['1000', '20']) },
  };
}

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
    environment: {},
  };
}

export function describePlan(plan: Plan): string {
  const faults = plan.faults.map(({ name, at, forMs }) => `${name}@${at}+${forMs}`).join(' ');
  return `${plan.interactions} at ${plan.perSecond}/s, ${plan.replicas} replica(s) on ${plan.database}; ${faults}`;
}
