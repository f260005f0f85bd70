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

function topicOf(n: number): string {
  return `fault.t${n % TOPICS}`;
}

async function subscribe(rig: Rig, receiver: CallbackReceiver, n: number): Promise<void> {
  const body = {
    subscriberId: `subscriber-${n}`,
    // Half of them exact, half of them with a wildcard.
    filter: n % 2 === 0 ? `${topicOf(n)}.done` : `${topicOf(n)}.*`,
    notificationDetails: { type: 'httpcb', deviceId: receiver.urlOf(n) },
  };
  const reply = await rig.callers.call(rig.unit, 'POST', `${API}/subscription`, { as: 'publish', body });
  if (reply?.status !== 200) throw new Error(`subscribing answered ${reply?.status}: ${reply?.text}`);
}

/** As a careful publisher does it: again with the same key until it is told that the event is durable. */
async function publish(rig: Rig, n: number): Promise<void> {
  const body = { tag: `${topicOf(n)}.done`, message: `event ${n}` };
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
  const { pending, delivered, dead, cancelled, total } = reply.body as unknown as PushLedger;
  return { pending, delivered, dead, cancelled, total };
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
