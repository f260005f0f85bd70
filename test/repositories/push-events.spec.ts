import { randomUUID } from 'node:crypto';
import type { Database } from '../../src/storage/database.js';
import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import { Outbox } from '../../src/delivery/outbox.js';
import { FanOut } from '../../src/push/publishing/fan-out.js';
import { EventRepository, textOfStored } from '../../src/push/publishing/event.repository.js';
import type { NewEvent } from '../../src/push/publishing/event.js';
import { SubscriberLimits } from '../../src/push/publishing/subscriber-limits.js';
import { OwnEventsRight } from '../../src/push/subscriptions/own-events-right.js';
import { SubscriptionIndex } from '../../src/push/subscriptions/subscription-index.js';
import { SubscriptionRepository } from '../../src/push/subscriptions/subscription.repository.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { testConfig } from '../../src/config/testing/test-config.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { deliveryRow } from '../helpers/rows.js';

const DAY_MS = 86_400_000;

function event(but: Partial<NewEvent> = {}): NewEvent {
  return {
    id: randomUUID(),
    tag: 'a.b',
    message: '',
    mediaType: 'string',
    providerName: 'default',
    publishedBy: 'test',
    orderKey: 'a.b',
    ...but,
  };
}

describeEachDatabase('push events', (getDb) => {
  let events: EventRepository;
  beforeEach(async () => {
    const { db } = getDb();
    await db.deleteFrom('push_events').execute();
    await db.deleteFrom('push_subscriptions').execute();
    events = new EventRepository(getDb());
  });

  const insert = (...list: NewEvent[]) =>
    events.insert(
      getDb().db,
      list.map((one) => ({ event: one, matched: 0, answer: '{}' })),
    );
  const age = (id: string) =>
    getDb().db.updateTable('push_events').set({ published_at: 1 }).where('id', '=', id).execute();

  it('keep every text exactly', async () => {
    const texts = ['', '\u0000', '\ud800', '"\\', '🎉\n', '{"a":"\\u0000"}'];
    for (const message of texts) {
      const one = event({ message });
      await insert(one);
      const [row] = await events.byIds([one.id]);
      expect(textOfStored(row?.message ?? '')).toBe(message);
    }
  });

  it('are inserted once by id, and once by key of each publisher', async () => {
    const once = { key: 'k', bodyHash: 'h' };
    const [a, sameKey, otherCaller] = [event({ once }), event({ once }), event({ once, publishedBy: 'other' })];
    expect(await insert(a, sameKey, otherCaller)).toEqual(new Set([a.id, otherCaller.id]));
    expect(await insert(a)).toEqual(new Set());
    expect((await events.byKey(getDb().db, 'test', 'k'))?.id).toBe(a.id);
  });

  it('a direct publication is taken over only when it was abandoned', async () => {
    const one = event({ once: { key: 'k', bodyHash: 'h' } });
    await events.insert(getDb().db, [{ event: one, matched: 0, answer: null }]);
    expect(await events.takeOver(one.id, 10_000)).toBe(false);
    await age(one.id);
    const both = await Promise.all([events.takeOver(one.id, 10_000), events.takeOver(one.id, 10_000)]);
    expect(both.filter(Boolean)).toHaveLength(1);
    await events.saveAnswer(one.id, '{}');
    await age(one.id);
    expect(await events.takeOver(one.id, 10_000)).toBe(false);
    await events.forgetUnanswered(one.id);
    expect(await events.byIds([one.id])).toHaveLength(1);
  });

  it('stay for as long as a delivery needs them', async () => {
    const [waiting, dead, delivered, none] = [event(), event(), event(), event()];
    await insert(waiting, dead, delivered, none);
    for (const { id } of [waiting, dead, delivered, none]) await age(id);
    const old = { delivered_at: 1, created_at: 1, dead_at: null };
    const rows = [
      deliveryRow({ sink: 'push', payload: waiting.id, delivered_at: null, dead_at: null }),
      deliveryRow({ sink: 'push', payload: dead.id, state: 'dead', delivered_at: null, dead_at: 1 }),
      deliveryRow({ sink: 'comet', payload: delivered.id, state: 'delivered', ...old }),
      deliveryRow({ sink: 'history', payload: '{}', state: 'delivered', ...old }),
    ];
    await getDb().db.insertInto('deliveries').values(rows).execute();
    expect(await events.removeDeliveries(DAY_MS, 10)).toBe(1);
    expect(await events.removeOld(DAY_MS, 10)).toBe(2);
    const left = await events.byIds([waiting, dead, delivered, none].map(({ id }) => id));
    expect(left.map(({ id }) => id).sort()).toEqual([waiting.id, dead.id].sort());
    expect(await getDb().db.selectFrom('deliveries').select('id').execute()).toHaveLength(3);
  });

  describe('fan out', () => {
    async function subscribe(database: Database, subscriberId: string, index: SubscriptionIndex): Promise<string> {
      const id = randomUUID();
      const rows = new SubscriptionRepository(database);
      const changeNo = await database.transaction(async (trx) => {
        const no = await rows.nextChange(trx);
        const device = { type: 'comet', deviceId: 'u', properties: {}, debug: false, providerName: 'default' } as const;
        const draft = { id, subscriberId, filter: 'a.*', language: undefined, device, destination: 'comet:u' };
        await rows.insert(
          trx,
          { ...draft, authorization: null, createdBy: 'test', ownEvents: true, expireMs: 60_000 },
          no,
        );
        return no;
      });
      await index.learn(changeNo);
      return id;
    }

    function fanOut(queue: string) {
      const database = getDb();
      const right = new OwnEventsRight(testConfig());
      const index = new SubscriptionIndex(database, new SubscriptionRepository(database), right, new Metrics());
      const limits = new SubscriberLimits(testConfig({ PUSH_QUEUE_PER_SUBSCRIBER: queue }), database);
      const outbox = new Outbox(new DeliveryRepository(database), database);
      return { index, limits, service: new FanOut(index, events, outbox, limits) };
    }

    it('makes one delivery for each, however many, under ids that never change', async () => {
      const { index, service } = fanOut('10000');
      for (let i = 0; i < 30; i++) await subscribe(getDb(), `s${i}`, index);
      const one = event();
      const write = () => getDb().transaction((trx) => service.write(trx, [one]));
      expect(await write()).toEqual([expect.objectContaining({ answer: { id: one.id, matched: 30 }, isNew: true })]);
      expect(await write()).toEqual([expect.objectContaining({ isNew: false })]);
      const rows = await getDb().db.selectFrom('deliveries').selectAll().execute();
      expect(rows).toHaveLength(30);
      expect(rows[0]).toMatchObject({ sink: 'comet', destination: 'comet:u', payload: one.id, state: 'pending' });
    });

    it('drops and tells what is for a subscriber with too much waiting', async () => {
      const { index, limits, service } = fanOut('3');
      await subscribe(getDb(), 'full', index);
      const write = async () => (await getDb().transaction((trx) => service.write(trx, [event()])))[0]?.answer;
      for (let i = 0; i < 3; i++) expect(await write()).toMatchObject({ matched: 1 });
      await limits.count();
      await subscribe(getDb(), 'free', index);
      expect(await write()).toMatchObject({ matched: 1, dropped: 1 });
      await getDb().db.updateTable('deliveries').set({ state: 'delivered', delivered_at: 1 }).execute();
      await limits.count();
      expect(await write()).toEqual({ id: expect.any(String), matched: 2 });
    });
  });
});

describe('SubscriberLimits', () => {
  it('lets a second’s worth go at once, then at an even pace, each subscriber apart', () => {
    const limits = new SubscriberLimits(testConfig({ PUSH_RATE_PER_SUBSCRIBER: '10' }), {} as Database);
    const at = (now: number) => limits.delayOf('s', now);
    expect(Array.from({ length: 10 }, () => at(1_000))).toEqual(Array.from({ length: 10 }, () => 0));
    // Each of those that have to wait gets a time of its own, once.
    expect([at(1_000), at(1_000), at(1_050)]).toEqual([100, 200, 250]);
    expect([at(1_100), at(1_200), at(1_300)]).toEqual([0, 0, 0]);
    expect(at(1_300)).toBe(100);
    expect(limits.delayOf('other', 1_100)).toBe(0);
    expect(Array.from({ length: 11 }, () => at(10_000)).filter((delay) => delay === 0)).toHaveLength(10);
  });

  it('is asked once by each push that waits, and once more when its time has come', () => {
    const limits = new SubscriberLimits(testConfig({ PUSH_RATE_PER_SUBSCRIBER: '20' }), {} as Database);
    const waiting: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      const delay = limits.delayOf('s', 5_000);
      if (delay > 0) waiting.push(5_000 + delay);
    }
    expect(waiting).toHaveLength(980);
    expect(waiting.filter((at) => limits.delayOf('s', at) > 0)).toEqual([]);
    expect(waiting.at(-1)).toBe(5_000 + 980 * 50);
  });
});
