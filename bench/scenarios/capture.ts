import type { BareCapture } from '../bare/capture.js';
import type { Ceiling } from '../bare/ceiling.js';
import { alternate, median, ratioOf } from '../report/rounds.js';
import { measured } from '../processes/usage.js';
import type { Worker } from '../processes/worker.js';
import type { BurstResult, World } from '../load/world.js';
import type { Run, Scenario } from '../scenario.js';
import type { DatabaseKind, Stage } from '../stage.js';

/** Events between "sent" and "topic given back" at any time. */
const WINDOW = 64;
/** As many as fit on 19 channels. */
const TOPICS = 19_000;
/** Share of the events that comes before the measurement, so that both sides run compiled code. */
const WARM_UP = 0.2;

/** Events received → record taken by the history → topic unsubscribed. */
export const capture: Scenario = {
  name: 'capture',
  about: `events received → record taken → topic given back, ${WINDOW} at a time; SQLite and PostgreSQL`,
  unit: 'events/s',
  inShort: true,
  async run(stage) {
    const topics = stage.size(TOPICS, 500);
    const sides = await alternate(stage, {
      bare: () => bare(stage, topics, 'capture'),
      'gateway (SQLite)': () => gatewayCapture(stage, 'sqlite', topics),
      'gateway (PostgreSQL)': () => gatewayCapture(stage, 'postgres', topics),
    });
    const ceiling = await bare(stage, topics, 'ceiling');
    await stage.clear();
    const reach = (ceiling.perSecond ?? 0) / median(sides[0]?.runs.map((run) => run.perSecond ?? 0) ?? []);
    return {
      sides: [...sides, { name: 'load generator alone', runs: [ceiling] }],
      targets: [
        {
          name: 'SQLite, of bare',
          value: ratioOf(sides, 'gateway (SQLite)', 'bare'),
          limit: { min: 0.6 },
          unit: '',
          reached: 0.2,
        },
        {
          name: 'PostgreSQL, of bare',
          value: ratioOf(sides, 'gateway (PostgreSQL)', 'bare'),
          limit: { min: 0.4 },
          unit: '',
          reached: 0.1,
        },
      ],
      notes: [
        `${topics} conversations on 1,000-topic channels; the load generator alone reaches ${reach.toFixed(1)} × bare`,
      ],
    };
  },
};

async function bare(stage: Stage, topics: number, program: 'capture' | 'ceiling'): Promise<Run> {
  const { world, addresses } = await stage.world();
  const worker = stage.worker<BareCapture | Ceiling>(`bare/${program}`);
  await worker.call('start', { topics, ...addresses });
  return burst(world, topics, { [program === 'capture' ? 'bare' : 'ceiling']: worker.pid });
}

/** @param delivered rows of former interactions that the database holds besides */
export async function gatewayCapture(stage: Stage, kind: DatabaseKind, topics: number, delivered = 0): Promise<Run> {
  const { world, addresses } = await stage.world();
  const database = await stage.database(kind, { waiting: topics, undelivered: 0, delivered });
  const process = await stage.gateway(addresses, database);
  await world.call('subscribed', topics);
  const postgres = kind === 'postgres' ? { postgres: (await stage.postgres()).pid } : {};
  return burst(world, topics, { gateway: process.pid, ...postgres });
}

async function burst(world: Worker<World>, topics: number, processes: Record<string, number>): Promise<Run> {
  const warmUp = Math.round(topics * WARM_UP);
  await world.call('burst', { from: 0, count: warmUp, window: WINDOW });
  const [result, usage] = await measured({ ...processes, load: world.pid }, () =>
    world.call('burst', { from: warmUp, count: topics - warmUp, window: WINDOW }),
  );
  return runOf(result, usage);
}

export function runOf({ perSecond, latency }: BurstResult, usage: NonNullable<Run['usage']>): Run {
  return { perSecond, latency, usage };
}
