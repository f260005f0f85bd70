import type { BareCaptureOnly } from '../bare/capture-only.js';
import { measured } from '../processes/usage.js';
import type { Worker } from '../processes/worker.js';
import { alternate, ratioOf } from '../report/rounds.js';
import type { World } from '../load/world.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

const TOPICS = 19_000;
const WARM_UP = 0.2;
/** Events that are on their way to the disk at any time: enough that both sides always have something to store. */
const WINDOW = 1_000;

/** Events received → committed. */
export const captureOnly: Scenario = {
  name: 'capture-only',
  about: 'events received → committed to SQLite, while the history takes requests and does not answer',
  unit: 'events/s',
  inShort: true,
  async run(stage) {
    const topics = stage.size(TOPICS, 2_000);
    const sides = await alternate(stage, {
      bare: () => bare(stage, topics),
      gateway: () => gateway(stage, topics),
    });
    return {
      sides,
      targets: [
        { name: 'of bare', value: ratioOf(sides, 'gateway', 'bare'), limit: { min: 0.6 }, unit: '', reached: 0.35 },
      ],
      notes: [`${topics} conversations; up to ${WINDOW} events uncommitted; bare commits 50 at a time`],
    };
  },
};

async function bare(stage: Stage, topics: number): Promise<Run> {
  const { world, addresses } = await stage.world();
  const worker = stage.worker<BareCaptureOnly>('bare/capture-only');
  const file = stage.file();
  await worker.call('start', { topics, apiUrl: addresses.apiUrl, file });
  return flood(world, topics, file, 'select max(seq) from captured', { bare: worker.pid });
}

async function gateway(stage: Stage, topics: number): Promise<Run> {
  const { world, addresses } = await stage.world();
  await world.call('setHistory', 'hang');
  const database = await stage.database('sqlite', { waiting: topics, undelivered: 0, delivered: 0 });
  // The requests that hang must not end meanwhile.
  const process = await stage.gateway(addresses, database, { HISTORY_TIMEOUT_MS: '120000' });
  await world.call('subscribed', topics);
  return flood(world, topics, database.file, 'select max(seq) from deliveries', { gateway: process.pid });
}

async function flood(
  world: Worker<World>,
  topics: number,
  file: string,
  query: string,
  processes: Record<string, number>,
): Promise<Run> {
  const warmUp = Math.round(topics * WARM_UP);
  const order = { window: WINDOW, file, query };
  await world.call('untilCommitted', { ...order, from: 0, count: warmUp });
  const [{ perSecond }, usage] = await measured({ ...processes, load: world.pid }, () =>
    world.call('untilCommitted', { ...order, from: warmUp, count: topics - warmUp }),
  );
  return { perSecond, usage };
}
