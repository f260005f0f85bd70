import type { BareFanOut } from '../bare/fan-out.js';
import type { HttpLoad } from '../load/http-load.js';
import { PUBLISH_KEY } from '../processes/gateway.js';
import { measured } from '../processes/usage.js';
import { alternate, ratioOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

const SUBSCRIBERS = 1_000;
const PUBLICATIONS = 100;
const WARM_UP = 8;
/** Publishers at a time. */
const CONNECTIONS = 4;

/** One event, a thousand deliveries, durable before the publisher has his answer. */
export const pushFanOut: Scenario = {
  name: 'push-fan-out',
  about: `publish to ${SUBSCRIBERS} matching subscriptions each, ${CONNECTIONS} publishers at a time, SQLite`,
  unit: 'deliveries/s',
  inShort: true,
  async run(stage) {
    const sides = await alternate(stage, { bare: () => bare(stage), gateway: () => gateway(stage) });
    return {
      sides,
      targets: [
        { name: 'of bare', value: ratioOf(sides, 'gateway', 'bare'), limit: { min: 0.05 }, unit: '', isUsual: true },
      ],
      notes: [
        `${publications(stage)} events of 160 bytes; latency is the publisher's; comet users who are away, so that nothing is sent meanwhile`,
        `no limit reached: each subscriber has far less than PUSH_QUEUE_PER_SUBSCRIBER (10000) waiting; bare: a transaction of ${SUBSCRIBERS} rows each`,
      ],
    };
  },
};

function publications(stage: Stage): number {
  return stage.size(PUBLICATIONS, CONNECTIONS);
}

async function bare(stage: Stage): Promise<Run> {
  const worker = stage.worker<BareFanOut>('bare/fan-out');
  const url = await worker.call('start', { file: stage.file(), subscribers: SUBSCRIBERS });
  return publish(stage, url, { bare: worker.pid });
}

async function gateway(stage: Stage): Promise<Run> {
  const { addresses } = await stage.world();
  const database = await stage.database('sqlite', { waiting: 0, undelivered: 0, delivered: 0 });
  const process = await stage.gateway(addresses, database);
  const order = { url: process.url, kind: 'cometSubscription', key: PUBLISH_KEY, connections: 16 } as const;
  await stage.worker<HttpLoad>('load/http-load').call('post', { ...order, from: 0, count: SUBSCRIBERS });
  return publish(stage, process.url, { gateway: process.pid });
}

async function publish(stage: Stage, url: string, processes: Record<string, number>): Promise<Run> {
  const worker = stage.worker<HttpLoad>('load/http-load');
  const order = { url, kind: 'publication', key: PUBLISH_KEY, connections: CONNECTIONS } as const;
  await worker.call('post', { ...order, from: 0, count: WARM_UP });
  const [{ perSecond, latency }, usage] = await measured({ ...processes, load: worker.pid }, () =>
    worker.call('post', { ...order, from: WARM_UP, count: publications(stage) }),
  );
  return { perSecond: perSecond * SUBSCRIBERS, latency, usage, figures: { 'publications/s': perSecond } };
}
