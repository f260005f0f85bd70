import type { BareSubscribe } from '../bare/subscribe.js';
import { alternate, medianOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

/** A full channel, and one more that goes on being used meanwhile. */
const TOPICS = 2_000;
const PER_SECOND = 200;
const SECONDS = 4;

/** A full channel whose socket is about to be closed, under load. */
export const rotation: Scenario = {
  name: 'rotation',
  about: `socket_closing on a channel of 1,000 topics at ${PER_SECOND} events/s: time until all are on a new one`,
  unit: 'events/s',
  inShort: false,
  async run(stage) {
    const sides = await alternate(stage, { bare: () => bare(stage), gateway: () => gateway(stage) });
    const figure = (name: string) => medianOf(sides, 'gateway', (run) => run.figures?.[name] ?? 0);
    return {
      sides,
      targets: [
        { name: 'new channel confirmed', value: figure('rotated ms'), limit: { max: 1_000 }, unit: 'ms' },
        { name: 'event loop p99', value: figure('loop delay p99 ms'), limit: { max: 50 }, unit: 'ms' },
      ],
      notes: ['bare: a socket and two subscribe requests of 500 topics each; event loop as /metrics has it'],
    };
  },
};

async function bare(stage: Stage): Promise<Run> {
  const { addresses } = await stage.world();
  const worker = stage.worker<BareSubscribe>('bare/subscribe');
  return {
    figures: { 'rotated ms': await worker.call('subscribe', { topics: TOPICS / 2, apiUrl: addresses.apiUrl }) },
  };
}

async function gateway(stage: Stage): Promise<Run> {
  const { world, addresses } = await stage.world();
  const database = await stage.database('sqlite', { waiting: TOPICS, undelivered: 0, delivered: 0 });
  const process = await stage.gateway(addresses, database);
  await world.call('subscribed', TOPICS);
  await world.call('burst', { from: 0, count: TOPICS / 4, window: 16 });
  // Reading the metric begins a new interval of it.
  await process.metric('nodejs_eventloop_lag_p99_seconds');
  const load = world.call('paced', { from: TOPICS / 4, count: PER_SECOND * SECONDS, perSecond: PER_SECOND });
  const { ms, topics } = await world.call('rotate');
  const { perSecond, latency } = await load;
  const loopDelay = (await process.metric('nodejs_eventloop_lag_p99_seconds')) * 1_000;
  return { perSecond, latency, figures: { 'rotated ms': ms, topics, 'loop delay p99 ms': loopDelay } };
}
