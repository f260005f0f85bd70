import type { PostLoop } from '../bare/post-loop.js';
import type { HttpLoad } from '../load/http-load.js';
import type { Receivers } from '../load/receivers.js';
import { MESSAGE_BYTES } from '../load/requests.js';
import { PUBLISH_KEY } from '../processes/gateway.js';
import { measured } from '../processes/usage.js';
import { alternate, ratioOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

/** PUSH_CONCURRENCY's default; one receiver may have a quarter of it, so that four are needed to use it all. */
const CONCURRENT = 64;
const RECEIVERS = 4;
const SUBSCRIBERS = 1_000;
/** A second's worth to each subscriber goes at once (PUSH_RATE_PER_SUBSCRIBER, 100): with both, the rate stays unlimited. */
const PUBLICATIONS = 20;
const WARM_UP = 4;

/** From the publication to the last callback taken. */
export const pushCallbacks: Scenario = {
  name: 'push-callbacks',
  about: `events published → callbacks (httpcb) taken by ${RECEIVERS} receivers, ${CONCURRENT} under way, SQLite`,
  unit: 'deliveries/s',
  inShort: true,
  async run(stage) {
    const sides = await alternate(stage, { bare: () => bare(stage), gateway: () => gateway(stage) });
    return {
      sides,
      targets: [
        { name: 'of bare', value: ratioOf(sides, 'gateway', 'bare'), limit: { min: 0.1 }, unit: '', isUsual: true },
      ],
      notes: [
        `${publications(stage)} events to ${SUBSCRIBERS} subscriptions each; PUSH_ALLOWED_HOSTS=127.0.0.1; neither signed nor authorized`,
        `no limit reached: ${WARM_UP + publications(stage)} pushes to each subscriber, PUSH_RATE_PER_SUBSCRIBER (100) lets as many go at once`,
      ],
    };
  },
};

function publications(stage: Stage): number {
  return stage.size(PUBLICATIONS, WARM_UP);
}

async function bare(stage: Stage): Promise<Run> {
  const receivers = stage.worker<Receivers>('load/receivers');
  const urls = await receivers.call('start', RECEIVERS);
  const worker = stage.worker<PostLoop>('bare/post-loop');
  const order = { urls, connections: CONCURRENT, bytes: MESSAGE_BYTES };
  await worker.call('post', { ...order, count: WARM_UP * SUBSCRIBERS });
  const count = publications(stage) * SUBSCRIBERS;
  const [perSecond, usage] = await measured({ bare: worker.pid, load: receivers.pid }, async () => {
    const startedAt = performance.now();
    await worker.call('post', { ...order, count });
    return (count / (performance.now() - startedAt)) * 1_000;
  });
  return { perSecond, usage };
}

async function gateway(stage: Stage): Promise<Run> {
  const { addresses } = await stage.world();
  const receivers = stage.worker<Receivers>('load/receivers');
  const urls = await receivers.call('start', RECEIVERS);
  const database = await stage.database('sqlite', { waiting: 0, undelivered: 0, delivered: 0 });
  const process = await stage.gateway(addresses, database, { PUSH_ALLOWED_HOSTS: '127.0.0.1' });
  const http = stage.worker<HttpLoad>('load/http-load');
  const load = { url: process.url, key: PUBLISH_KEY };
  await http.call('post', {
    ...load,
    kind: 'callbackSubscription',
    receivers: urls,
    connections: 16,
    from: 0,
    count: SUBSCRIBERS,
  });
  const publish = async (from: number, count: number): Promise<void> => {
    await http.call('post', { ...load, kind: 'publication', connections: WARM_UP, from, count });
  };
  await Promise.all([publish(0, WARM_UP), receivers.call('untilTaken', WARM_UP * SUBSCRIBERS)]);
  const count = publications(stage);
  const [perSecond, usage] = await measured({ gateway: process.pid, load: receivers.pid }, async () => {
    const startedAt = performance.timeOrigin + performance.now();
    const [lastAt] = await Promise.all([
      receivers.call('untilTaken', (WARM_UP + count) * SUBSCRIBERS),
      publish(WARM_UP, count),
    ]);
    return ((count * SUBSCRIBERS) / (lastAt - startedAt)) * 1_000;
  });
  return { perSecond, usage };
}
