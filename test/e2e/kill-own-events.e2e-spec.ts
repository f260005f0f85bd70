import { sql } from 'kysely';
import { CallbackReceiver } from '../faults/callback-receiver.js';
import { openDatabase } from '../helpers/databases.js';
import type { GatewayProcess } from '../helpers/gateway-process.js';
import { type Accepted, call, eventually, ProcessScene } from '../helpers/process-scene.js';

/** Three pages of deliveries for each event. */
const SUBSCRIBERS = 300;
const EVENTS = 6;
const DUE = SUBSCRIBERS * EVENTS;
const CONCURRENCY = 32;
const CALLERS = 16;

describe.each(['sqlite', 'postgres'] as const)('a kill in the middle of the fan-out of own events (%s)', (kind) => {
  let scene: ProcessScene;
  let receiver: CallbackReceiver;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    scene = await ProcessScene.open(kind, {
      PUSH_ALLOWED_HOSTS: '127.0.0.1',
      PUSH_CONCURRENCY: String(CONCURRENCY),
      PUSH_RATE_PER_SUBSCRIBER: '10000',
    });
    receiver = await CallbackReceiver.open();
    gateway = await scene.start();
  });

  afterAll(async () => {
    await scene.close();
    await receiver.close();
  });

  async function subscribe(subscriber: number, filter: string): Promise<void> {
    const notificationDetails = { type: 'httpcb', deviceId: receiver.urlOf(subscriber) };
    const body = { subscriberId: `subscriber-${subscriber}`, filter, notificationDetails };
    const reply = await call(gateway, 'POST', '/genesys/1/notification/subscription', { as: 'publish', body });
    expect(reply.status).toBe(200);
  }

  async function subscribeAll(): Promise<void> {
    let next = 0;
    const caller = async (): Promise<void> => {
      while (next < SUBSCRIBERS) await subscribe(next++, 'genesys.conversation.*');
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    await subscribe(SUBSCRIBERS, 'genesys.conversation.of_nobody.*');
  }

  /** What the dead process has left behind. */
  async function leftBehind(): Promise<{ waiting: number; made: number }> {
    const database = await openDatabase(scene.target);
    try {
      const { rows } = await sql<{ waiting: number; made: number }>`
        select (select count(*) from push_events where fan_out_no is not null) as waiting,
          (select count(*) from deliveries where sink = 'push') as made`.execute(database.db);
      return { waiting: Number(rows[0]?.waiting), made: Number(rows[0]?.made) };
    } finally {
      await database.close();
    }
  }

  function expectedIds(accepted: readonly Accepted[]): string[] {
    return accepted.flatMap(({ id }) => Array.from({ length: SUBSCRIBERS }, (_, subscriber) => `${subscriber}|${id}`));
  }

  function gotIds(): string[] {
    return [...receiver.got.keys()].map((got) => {
      const [subscriber = '', ...body] = got.split('|');
      const { event, interactionId } = JSON.parse(body.join('|')) as { event: string; interactionId: string };
      expect(event).toBe('accepted');
      return `${subscriber}|${interactionId}`;
    });
  }

  it('brings each event to each subscription that matches, under one key', async () => {
    await subscribeAll();
    const accepted = await Promise.all(Array.from({ length: EVENTS }, () => scene.accept(gateway)));
    await eventually(async () => receiver.got.size > 0);
    await gateway.end('SIGKILL');
    const { waiting, made } = await leftBehind();
    expect(waiting).toBeGreaterThan(0);
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThan(DUE);
    gateway = await scene.start();
    await eventually(async () => receiver.got.size >= DUE, 60_000);
    const ledger = async () => (await call(gateway, 'GET', '/ops/push/ledger', { as: 'admin' })).body;
    await eventually(async () => (await ledger())['pending'] === 0);
    expect(await ledger()).toMatchObject({ delivered: DUE, dead: 0, cancelled: 0, total: DUE });
    expect(gotIds().sort()).toEqual(expectedIds(accepted).sort());
    expect(receiver.distinctDuplicates).toBe(0);
    // Only what was under way with the process may have come twice, under the same key.
    expect(receiver.repeats).toBeLessThanOrEqual(CONCURRENCY);
  }, 120_000);
});
