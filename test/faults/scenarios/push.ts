import { setTimeout as sleep } from 'node:timers/promises';
import { CallbackReceiver } from '../callback-receiver.js';
import type { Rig } from '../rig.js';
import { sized, type Scenario } from '../scenario.js';
import { withRig } from '../with-rig.js';

/** Topics that the subscribers share: with 1,000 of them each event matches five. */
const TOPICS = 200;
const PUBLISHERS = 32;
const API = '/genesys/1/notification';

interface PushLedger {
  pending: number;
  delivered: number;
  dead: number;
  discarded: number;
  cancelled: number;
  total: number;
}

/** The Notification API's own fault: callbacks that fail, and a process that is killed while it fans out. */
export const pushFanOut: Scenario = {
  name: 'push-fan-out',
  study: [20],
  fault: '1,000 subscribers, 10,000 publishes, 10 % of callbacks failing for a while, kill -9 twice',
  databases: ['sqlite', 'postgres'],
  quick: 0.05,
  quickOn: ['sqlite'],
  run: async (context) => {
    const receiver = await CallbackReceiver.open();
    const environment = { PUSH_ALLOWED_HOSTS: '127.0.0.1', PUSH_TIMEOUT_MS: '1500', PUSH_RATE_PER_SUBSCRIBER: '10000' };
    try {
      return await withRig(context, { environment }, async (rig) => {
        const subscribers = sized(context, 1_000, 60);
        const publishes = sized(context, 10_000, 500);
        for (let n = 0; n < subscribers; n++) await subscribe(rig, receiver, n);
        receiver.failing = (subscriber) => subscriber % 10 === 0;
        let published = 0;
        const publishing = inParallel(publishes, async (n) => {
          await publish(rig, n);
          published++;
        });
        for (const share of [1 / 3, 2 / 3]) {
          await rig.until(() => published >= publishes * share, 120_000);
          await rig.killAndStart();
        }
        await publishing;
        receiver.failing = () => false;
        const since = performance.now();
        const due = expected(subscribers, publishes);
        await rig.until(() => receiver.got.size >= due.size, 180_000);
        const worstRecoveryMs = Math.round(performance.now() - since);
        let ledger = await readLedger(rig);
        await rig.until(async () => (ledger = await readLedger(rig))?.pending === 0, 20_000);
        const lost = [...due].filter((id) => !receiver.got.has(id)).length;
        const foreign = [...receiver.got.keys()].filter((id) => !due.has(id)).length;
        rig.expect(foreign === 0, `${foreign} callbacks of nothing that was published to them`);
        rig.expect(receiver.failures > 0, 'no callback failed: the scenario tested nothing');
        const whole = { pending: 0, delivered: due.size, dead: 0, discarded: 0, cancelled: 0, total: due.size };
        rig.expect(
          JSON.stringify({ ...ledger }) === JSON.stringify(whole),
          `the ledger is ${JSON.stringify(ledger)}, not ${JSON.stringify(whole)}`,
        );
        return {
          repetitions: 2,
          emitted: due.size,
          captured: ledger?.total ?? 0,
          delivered: due.size - lost,
          lost,
          distinctDuplicates: receiver.distinctDuplicates,
          repeats: receiver.repeats,
          worstRecoveryMs,
          extra: { subscribers, publishes, failures: receiver.failures },
          violations: rig.violations,
        };
      });
    } finally {
      await receiver.close();
    }
  },
};

/** Latency of the receiver whose backlog fills up, ms: below what makes a destination count as failing. */
const SLOW_MS = 700;
const PLACES = 8;
/** No push to the fast receiver may take longer than this, backlog or not, ms; alone each takes some tens. */
const FAST_WITHIN_MS = 1_000;

/** A receiver's backlog is its own affair: whoever answers at once is pushed to at once. */
export const slowReceiver: Scenario = {
  name: 'slow-beside-fast',
  alone: true,
  study: [20],
  fault: '10,000 pushes wait for a receiver that takes 700 ms; a fast one is pushed to meanwhile; kill -9 once',
  databases: ['sqlite', 'postgres'],
  quick: 0.05,
  quickOn: ['sqlite'],
  run: async (context) => {
    const [slow, fast] = await Promise.all([CallbackReceiver.open(), CallbackReceiver.open()]);
    const environment = {
      PUSH_ALLOWED_HOSTS: '127.0.0.1',
      PUSH_CONCURRENCY: String(PLACES),
      PUSH_RATE_PER_SUBSCRIBER: '10000',
      PUSH_QUEUE_PER_SUBSCRIBER: '100000',
      RETRY_CAP_MS: '60000',
    };
    try {
      return await withRig(context, { environment }, async (rig) => {
        const backlog = sized(context, 10_000, 300);
        const pushes = sized(context, 60, 20);
        slow.latencyMs = () => SLOW_MS;
        await subscribeTo(rig, 0, 'slow.*', slow.urlOf(0));
        await subscribeTo(rig, 1, 'fast.*', fast.urlOf(1));
        // A tag each: pushes of one tag wait for each other anyhow.
        await inParallel(backlog, (n) => publish(rig, n, `slow.event.n${n}`));
        const latencies: number[] = [];
        for (let n = backlog; n < backlog + pushes; n++) {
          if (n === backlog + Math.floor(pushes / 2)) await rig.killAndStart();
          const since = performance.now();
          await publish(rig, n, 'fast.event');
          const came = await rig.until(() => fast.got.size > n - backlog, 30_000);
          latencies.push(came ? performance.now() - since : Infinity);
        }
        const waiting = backlog - slow.got.size;
        rig.expect(waiting > backlog / 3, 'the backlog was worked off too soon: the scenario tested nothing');
        latencies.sort((a, b) => a - b);
        // One of them met the kill, and waits for the start besides.
        const late = latencies.filter((ms) => ms > FAST_WITHIN_MS).length;
        rig.expect(late <= 1, `${late} of ${pushes} pushes to the fast receiver took over ${FAST_WITHIN_MS} ms`);
        slow.latencyMs = () => 0;
        const due = backlog + pushes;
        const delivered = (): number => slow.got.size + fast.got.size;
        await rig.until(() => delivered() >= due, 120_000);
        let ledger = await readLedger(rig);
        await rig.until(async () => (ledger = await readLedger(rig))?.pending === 0, 60_000);
        rig.expect(ledger?.delivered === due && ledger.total === due, `the ledger is ${JSON.stringify(ledger)}`);
        const [fastMedianMs = NaN, fastWorstMs = NaN] = [latencies[Math.floor(pushes / 2)], latencies.at(-1)];
        return {
          repetitions: 1,
          emitted: due,
          captured: ledger?.total ?? 0,
          delivered: delivered(),
          lost: due - delivered(),
          distinctDuplicates: slow.distinctDuplicates + fast.distinctDuplicates,
          repeats: slow.repeats + fast.repeats,
          worstRecoveryMs: 0,
          extra: { waiting, fastMedianMs: Math.round(fastMedianMs), fastWorstMs: Math.round(fastWorstMs) },
          violations: rig.violations,
        };
      });
    } finally {
      await Promise.all([slow.close(), fast.close()]);
    }
  },
};

function topicOf(n: number): string {
  return `fault.t${n % TOPICS}`;
}

async function subscribe(rig: Rig, receiver: CallbackReceiver, n: number): Promise<void> {
  // Half of them exact, half of them with a wildcard.
  await subscribeTo(rig, n, n % 2 === 0 ? `${topicOf(n)}.done` : `${topicOf(n)}.*`, receiver.urlOf(n));
}

async function subscribeTo(rig: Rig, n: number, filter: string, url: string): Promise<void> {
  const body = { subscriberId: `subscriber-${n}`, filter, notificationDetails: { type: 'httpcb', deviceId: url } };
  const reply = await rig.callers.call(rig.unit, 'POST', `${API}/subscription`, { as: 'publish', body });
  if (reply?.status !== 200) throw new Error(`subscribing answered ${reply?.status}: ${reply?.text}`);
}

/** As a careful publisher does it: again with the same key until it is told that the event is durable. */
async function publish(rig: Rig, n: number, tag = `${topicOf(n)}.done`): Promise<void> {
  const body = { tag, message: `event ${n}` };
  const headers = { 'idempotency-key': `event-${n}` };
  for (;;) {
    const reply = await rig.callers.call(rig.unit, 'POST', `${API}/publish`, { as: 'publish', body, headers });
    if (reply?.status === 200) return;
    if (reply !== undefined && reply.status < 500)
      throw new Error(`publishing answered ${reply.status}: ${reply.text}`);
    await sleep(20);
  }
}

async function readLedger(rig: Rig): Promise<PushLedger | undefined> {
  const reply = await rig.callers.call(rig.unit, 'GET', '/ops/push/ledger', { as: 'admin' });
  if (reply?.status !== 200) return undefined;
  const { pending, delivered, dead, discarded, cancelled, total } = reply.body as unknown as PushLedger;
  return { pending, delivered, dead, discarded, cancelled, total };
}

function expected(subscribers: number, publishes: number): Set<string> {
  const due = new Set<string>();
  for (let subscriber = 0; subscriber < subscribers; subscriber++)
    for (let n = subscriber % TOPICS; n < publishes; n += TOPICS) due.add(`${subscriber}|event ${n}`);
  return due;
}

async function inParallel(total: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < total) await work(next++);
  };
  await Promise.all(Array.from({ length: PUBLISHERS }, lane));
}
