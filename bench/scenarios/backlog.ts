import type { PostLoop } from '../bare/post-loop.js';
import { measured, residentMemory } from '../processes/usage.js';
import { alternate, medianOf, ratioOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

const RECORDS = 100_000;
/** Share of the records after which memory is looked at for the first time; the rest must not add to it. */
const FIRST_LOOK = 0.25;
/** HISTORY_CONCURRENCY's default, and records as long as the seeded ones. */
const LOOP = { connections: 32, bytes: 600 };
const MIB = 2 ** 20;

/** The history comes back after a long outage. */
export const backlog: Scenario = {
  name: 'backlog',
  about: `history down, ${RECORDS} records queued, then up: drain rate and memory`,
  unit: 'records/s',
  inShort: true,
  async run(stage) {
    const sides = await alternate(stage, { bare: () => bare(stage), gateway: () => gateway(stage) });
    const growth = medianOf(sides, 'gateway', (run) => run.figures?.['memory growth'] ?? 0);
    return {
      sides,
      targets: [
        { name: 'of bare', value: ratioOf(sides, 'gateway', 'bare'), limit: { min: 0.6 }, unit: '', reached: 0.13 },
        { name: 'memory at the end, of that at a quarter', value: growth, limit: { max: 1.2 }, unit: '' },
      ],
      notes: [
        `${stage.size(RECORDS)} records of about 0.7 KiB; bare: a POST each over ${LOOP.connections} connections, from no database`,
      ],
    };
  },
};

async function bare(stage: Stage): Promise<Run> {
  const { world, addresses } = await stage.world();
  const count = stage.size(RECORDS, 1_000);
  const worker = stage.worker<PostLoop>('bare/post-loop');
  const [perSecond, usage] = await measured({ bare: worker.pid, load: world.pid }, async () => {
    const startedAt = performance.now();
    await worker.call('post', { urls: [addresses.historyUrl], count, ...LOOP });
    return (count / (performance.now() - startedAt)) * 1_000;
  });
  return { perSecond, usage };
}

async function gateway(stage: Stage): Promise<Run> {
  const { world, addresses } = await stage.world();
  const count = stage.size(RECORDS, 1_000);
  const database = await stage.database('sqlite', { waiting: 0, undelivered: count, delivered: 0 });
  await world.call('setHistory', 'refuse');
  const process = await stage.gateway(addresses, database);
  await world.call('setHistory', 'answer');
  // The first record that is taken shows that the breaker has let its probe through.
  const first = await world.call('untilTaken', 1);
  const [result, usage] = await measured({ gateway: process.pid, load: world.pid }, async () => {
    await world.call('untilTaken', Math.round(count * FIRST_LOOK));
    const early = residentMemory(process.pid);
    const last = await world.call('untilTaken', count);
    return { early, late: residentMemory(process.pid), seconds: (last - first) / 1_000 };
  });
  const { early, late, seconds } = result;
  const figures = { 'early MiB': early / MIB, 'late MiB': late / MIB, 'memory growth': late / early };
  return { perSecond: count / seconds, usage, figures };
}
