import { setTimeout as sleep } from 'node:timers/promises';
import type { BareSubscribe } from '../bare/subscribe.js';
import { measured, residentMemory } from '../processes/usage.js';
import { alternate, medianOf } from '../report/rounds.js';
import type { Run, Scenario } from '../scenario.js';
import type { Stage } from '../stage.js';

const TOPICS = 19_000;
/** From "all subscribed" until the look-ups that follow (2, 5 and 15 s) are over; the next ones come after a minute. */
const SETTLE_MS = 22_000;
/** Without topics nothing follows but what a start leaves behind. */
const SETTLE_EMPTY_MS = 5_000;
const IDLE_MS = 10_000;
/** Look-ups of 19,000 conversations would else take minutes of the real budget, and idle would not come. */
const BUDGET = { GENESYS_REQUESTS_PER_MINUTE: '100000' };
const KIB = 1_024;

/** 19,000 interactions on 19 channels that wait. */
export const scale: Scenario = {
  name: 'scale',
  about: '19,000 interactions waiting on 19 channels: time to all subscribed, memory of each, CPU when idle',
  unit: '',
  inShort: false,
  async run(stage) {
    const topics = stage.size(TOPICS, 1_000);
    const programs = {
      bare: () => bare(stage, topics),
      'gateway, empty': () => gateway(stage, 0),
      'gateway, full': () => gateway(stage, topics),
    };
    // Most of a round is waiting for the gateway to have nothing to do; sizes differ little from one to the next.
    const sides = await alternate(stage, programs, 1);
    const resident = (name: string): number => medianOf(sides, name, (run) => run.figures?.['resident MiB'] ?? 0);
    const each = ((resident('gateway, full') - resident('gateway, empty')) * KIB) / topics;
    const idle = medianOf(sides, 'gateway, full', (run) => run.figures?.['idle CPU %'] ?? 0);
    return {
      sides,
      targets: [
        { name: 'resident memory each', value: each, limit: { max: 1.5 }, unit: 'KiB' },
        { name: 'idle CPU', value: idle, limit: { max: 2 }, unit: '% of a core' },
      ],
      notes: [`${topics} topics, one round; GENESYS_REQUESTS_PER_MINUTE=${BUDGET.GENESYS_REQUESTS_PER_MINUTE}`],
    };
  },
};

async function bare(stage: Stage, topics: number): Promise<Run> {
  const { addresses } = await stage.world();
  const worker = stage.worker<BareSubscribe>('bare/subscribe');
  return { figures: { 'subscribed ms': await worker.call('subscribe', { topics, apiUrl: addresses.apiUrl }) } };
}

async function gateway(stage: Stage, topics: number): Promise<Run> {
  const { world, addresses } = await stage.world();
  const database = await stage.database('sqlite', { waiting: topics, undelivered: 0, delivered: 0 });
  const process = await stage.gateway(addresses, database, BUDGET);
  const listeningAt = performance.now();
  await world.call('subscribed', topics);
  const subscribedMs = performance.now() - listeningAt;
  await sleep(topics === 0 ? SETTLE_EMPTY_MS : SETTLE_MS);
  const [, usage] = await measured({ gateway: process.pid }, () => sleep(IDLE_MS));
  return {
    usage,
    figures: {
      'subscribed ms': subscribedMs,
      'resident MiB': residentMemory(process.pid) / KIB / KIB,
      'idle CPU %': (usage['gateway']?.cpu ?? 0) * 100,
    },
  };
}
