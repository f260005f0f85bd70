import type { BareCapture } from '../bare/capture.js';
import type { World } from '../load/world.js';
import { measured } from '../processes/usage.js';
import type { Worker } from '../processes/worker.js';
import { alternate, medianOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { DatabaseKind, Stage } from '../stage.js';
import { runOf } from './capture.js';

const PER_SECOND = 100;
const SECONDS = 8;
const WARM_UP_SECONDS = 4;

/** Frame received → record taken, at an easy pace. */
export const latency: Scenario = {
  name: 'latency',
  about: `frame received → record taken, at ${PER_SECOND} events/s`,
  unit: 'events/s',
  inShort: false,
  async run(stage) {
    const sides = await alternate(stage, {
      bare: () => bare(stage),
      'gateway (SQLite)': () => gateway(stage, 'sqlite'),
      'gateway (PostgreSQL)': () => gateway(stage, 'postgres'),
    });
    const p50 = (run: Run): number => run.latency?.p50 ?? 0;
    const p99 = (run: Run): number => run.latency?.p99 ?? 0;
    const bareP50 = medianOf(sides, 'bare', p50);
    const above = (name: string): number => medianOf(sides, name, p99) - medianOf(sides, 'bare', p99);
    return {
      sides,
      targets: ['gateway (SQLite)', 'gateway (PostgreSQL)'].flatMap((name) => [
        { name: `${name}: p50`, value: medianOf(sides, name, p50), limit: { max: 2 * bareP50 + 2 }, unit: 'ms' },
        { name: `${name}: p99 above bare`, value: above(name), limit: { max: 25 }, unit: 'ms' },
      ]),
      notes: [`${seconds(stage)} s after ${WARM_UP_SECONDS} s to warm up`],
    };
  },
};

function seconds(stage: Stage): number {
  return stage.size(SECONDS, 2);
}

function topics(stage: Stage): number {
  return (seconds(stage) + WARM_UP_SECONDS) * PER_SECOND;
}

async function bare(stage: Stage): Promise<Run> {
  const { world, addresses } = await stage.world();
  const worker = stage.worker<BareCapture>('bare/capture');
  await worker.call('start', { topics: topics(stage), ...addresses });
  return pace(stage, world, { bare: worker.pid });
}

async function gateway(stage: Stage, kind: DatabaseKind): Promise<Run> {
  const { world, addresses } = await stage.world();
  const database = await stage.database(kind, { waiting: topics(stage), undelivered: 0, delivered: 0 });
  const process = await stage.gateway(addresses, database);
  await world.call('subscribed', topics(stage));
  const postgres = kind === 'postgres' ? { postgres: (await stage.postgres()).pid } : {};
  return pace(stage, world, { gateway: process.pid, ...postgres });
}

async function pace(stage: Stage, world: Worker<World>, processes: Record<string, number>): Promise<Run> {
  const warmUp = WARM_UP_SECONDS * PER_SECOND;
  await world.call('paced', { from: 0, count: warmUp, perSecond: PER_SECOND });
  const [result, usage] = await measured({ ...processes, load: world.pid }, () =>
    world.call('paced', { from: warmUp, count: seconds(stage) * PER_SECOND, perSecond: PER_SECOND }),
  );
  return runOf(result, usage);
}
