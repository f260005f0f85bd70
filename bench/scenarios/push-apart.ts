import { setTimeout as sleep } from 'node:timers/promises';
import type { CallbackReceiver } from '../load/callback-receiver.js';
import { MESSAGE_BYTES } from '../load/requests.js';
import { post, PushClient } from '../load/push-client.js';
import { measured } from '../processes/usage.js';
import type { Worker } from '../processes/worker.js';
import { Latencies, type LatencySummary } from '../report/latencies.js';
import { alternate, medianOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

const WAITING = 10_000;
const SLOW_MS = 700;
const PLACES = 8;
/** Subscriptions of the slow receiver, each of a subscriber of its own; a key may have 1,000. */
const SLOW_SUBSCRIPTIONS = 500;
const PUSHES = 100;
const WARM_UP = 20;
const PAUSE_MS = 50;

/** One receiver that is quick, beside another that is not. */
export const pushApart: Scenario = {
  name: 'push-apart',
  about: `publication → callback taken by a quick receiver, alone and with ${WAITING} waiting for one that takes ${SLOW_MS} ms`,
  unit: '',
  inShort: false,
  async run(stage) {
    const sides = await alternate(stage, {
      bare: () => bare(stage),
      alone: () => gateway(stage, 0),
      beside: () => gateway(stage, stage.size(WAITING, SLOW_SUBSCRIPTIONS)),
    });
    const later = (at: 'p50' | 'max'): number => {
      const of = (name: string): number => medianOf(sides, name, ({ latency }) => latency?.[at] ?? 0);
      return of('beside') - of('alone');
    };
    return {
      sides,
      targets: [
        { name: 'beside, later than alone: p50', value: later('p50'), limit: { max: 100 }, unit: 'ms' },
        { name: 'beside, later than alone: slowest', value: later('max'), limit: { max: 100 }, unit: 'ms' },
      ],
      notes: [
        `${PUSHES} pushes, one after the other; PUSH_CONCURRENCY=${PLACES}, SQLite; bare: a POST straight to the receiver`,
      ],
    };
  },
};

async function bare(stage: Stage): Promise<Run> {
  const receiver = stage.worker<CallbackReceiver>('load/callback-receiver');
  const url = await receiver.call('start', 0);
  const body = { message: 'x'.repeat(MESSAGE_BYTES) };
  return { latency: await latencyOf(receiver, () => post(url, body)) };
}

async function gateway(stage: Stage, waiting: number): Promise<Run> {
  const { addresses } = await stage.world();
  const [quick, slow] = [0, 1].map(() => stage.worker<CallbackReceiver>('load/callback-receiver'));
  if (!quick || !slow) throw new Error('no receivers');
  const [quickUrl, slowUrl] = [await quick.call('start', 0), await slow.call('start', SLOW_MS)];
  const database = await stage.database('sqlite', { waiting: 0, undelivered: 0, delivered: 0 });
  const settings = { PUSH_ALLOWED_HOSTS: '127.0.0.1', PUSH_CONCURRENCY: String(PLACES) };
  const process = await stage.gateway(addresses, database, settings);
  const client = new PushClient(process.url);
  await client.subscribe('quick', 'bench.quick', quickUrl);
  const subscriptions = waiting === 0 ? 0 : SLOW_SUBSCRIPTIONS;
  for (let no = 0; no < subscriptions; no++) await client.subscribe(`slow-${no}`, 'bench.slow', slowUrl);
  for (let made = 0; made < waiting; made += subscriptions) await client.publish('bench.slow');
  const [latency, usage] = await measured({ gateway: process.pid }, () =>
    latencyOf(quick, () => client.publish('bench.quick')),
  );
  return { latency, usage };
}

/** From the beginning of `send` to the receiver having it. */
async function latencyOf(receiver: Worker<CallbackReceiver>, send: () => Promise<void>): Promise<LatencySummary> {
  const latencies = new Latencies();
  for (let no = 1; no <= WARM_UP + PUSHES; no++) {
    const sentAt = performance.timeOrigin + performance.now();
    const [arrivedAt] = await Promise.all([receiver.call('untilArrived', no), send()]);
    if (no > WARM_UP) latencies.record(arrivedAt - sentAt);
    await sleep(PAUSE_MS);
  }
  return latencies.summary();
}
