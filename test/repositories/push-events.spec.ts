import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import type { Database } from '../../src/storage/database.js';
import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import { Outbox } from '../../src/delivery/outbox.js';
import { FanOutQueue } from '../../src/push/publishing/fan-out-queue.js';
import { FanOutWorker } from '../../src/push/publishing/fan-out-worker.service.js';
import { AS_IT_IS, type OwnEvent, PushEvents } from '../../src/push/publishing/push-events.js';
import { FanOut } from '../../src/push/publishing/fan-out.js';
import { EventRepository, textOfStored } from '../../src/push/publishing/event.repository.js';
import type { NewEvent } from '../../src/push/publishing/event.js';
import { KeptCounts } from '../../src/storage/kept-counts.js';
import { SubscriberLimits } from '../../src/push/publishing/subscriber-limits.js';
import { OwnEventsRight } from '../../src/push/subscriptions/own-events-right.js';
import { SubscriptionIndex } from '../../src/push/subscriptions/subscription-index.js';
import { SubscriptionRepository } from '../../src/push/subscriptions/subscription.repository.js';
import { Logs } from '../../src/telemetry/logs.js';
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
      const limits = new SubscriberLimits(
        testConfig({ PUSH_QUEUE_PER_SUBSCRIBER: queue }),
        database,
        new KeptCounts(database, testConfig()),
      );
      const outbox = new Outbox(new DeliveryRepository(database), database);
      const places = new FanOutQueue(database);
      const metrics = new Metrics();
      const worker = () => new FanOutWorker(database, places, index, limits, outbox, metrics, Logs.silent());
      return { index, limits, metrics, worker, service: new FanOut(index, events, places, outbox, limits) };
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

    /** Many at once, each by a change of its own as they are made one by one. */
    async function subscribeMany(count: number, filter: string, index: SubscriptionIndex): Promise<void> {
      const rows = new SubscriptionRepository(getDb());
      const device = { type: 'comet', deviceId: 'u', properties: {}, debug: false, providerName: 'default' } as const;
      const rest = { language: undefined, device, destination: 'comet:u', authorization: null, expireMs: 60_000 };
      await getDb().transaction(async (trx) => {
        for (let i = 0; i < count; i++) {
          const draft = { id: randomUUID(), subscriberId: `s${i}`, filter, createdBy: 'test', ownEvents: true };
          await rows.insert(trx, { ...draft, ...rest }, await rows.nextChange(trx));
        }
      });
      await index.refresh();
    }
    const deliveries = () => getDb().db.selectFrom('deliveries').selectAll().orderBy('seq').execute();
    const step = (conversation: string, kind: string): OwnEvent => {
      const body = { conversation, kind };
      return {
        id: `${conversation}:${kind}`,
        tag: `genesys.conversation.${conversation}.${kind}`,
        body,
        orderKey: conversation,
      };
    };

    it('costs a transaction of ours one row, however many hear its event', async () => {
      const { index, service } = fanOut('10000');
      const own = new PushEvents(new Metrics(), service);
      const tell = (event: OwnEvent) =>
        getDb().transaction((trx, afterCommit) => own.publishIn(trx, [event], AS_IT_IS, afterCommit));
      await subscribe(getDb(), 's', index);
      await tell(step('a', 'accepted'));
      expect(await getDb().db.selectFrom('push_events').selectAll().execute()).toEqual([]);
      await subscribeMany(600, '*', index);
      await tell(step('a', 'acw'));
      expect(await getDb().db.selectFrom('push_events').selectAll().execute()).toHaveLength(1);
      expect(await deliveries()).toEqual([]);
    });

    it('wakes for each event after the commit that stores it, whatever else commits before', async () => {
      // Under SQLite no transaction commits while another one is under way.
      if (getDb().kind === 'sqlite') return;
      const { index, service } = fanOut('10000');
      let woken = 0;
      const own = new PushEvents(new Metrics(), service, { wake: () => (woken += 1) } as unknown as FanOutWorker);
      await subscribeMany(1, '*', index);
      await getDb().transaction(async (outer, afterOuter) => {
        await own.publishIn(outer, [step('a', 'accepted')], AS_IT_IS, afterOuter);
        await getDb().transaction((inner, afterInner) =>
          own.publishIn(inner, [step('b', 'accepted')], AS_IT_IS, afterInner),
        );
        expect(woken).toBe(1);
      });
      expect(woken).toBe(2);
    });

    it('makes the deliveries of our events page by page, goes on after a kill, and keeps their order', async () => {
      const { index, metrics, service, worker } = fanOut('10000');
      const own = new PushEvents(new Metrics(), service);
      const tell = (event: OwnEvent) =>
        getDb().transaction((trx, afterCommit) => own.publishIn(trx, [event], AS_IT_IS, afterCommit));
      const waiting = async () => {
        await worker().measure();
        return (await metrics.pushEventsWaiting.get()).values[0]?.value;
      };
      await subscribeMany(600, '*', index);
      const [accepted, acw] = [step('a', 'accepted'), step('a', 'acw')];
      await tell(accepted);
      await tell(acw);
      expect(await waiting()).toBe(2);
      // Whoever comes later hears nothing of it.
      await subscribeMany(5, 'genesys.*', index);
      expect(await worker().turn()).toBe(true);
      expect(await deliveries()).toHaveLength(100);
      // Another one's event need not wait for the rest.
      await tell(step('b', 'accepted'));
      expect(await worker().turn()).toBe(true);
      expect(new Set((await deliveries()).slice(100).map(({ order_key }) => order_key.split(':')[1]))).toEqual(
        new Set(['b']),
      );
      const both = [worker(), worker()];
      while ((await Promise.all(both.map((one) => one.turn()))).some(Boolean));
      const rows = await deliveries();
      expect(rows).toHaveLength(600 + 600 + 605);
      const ofA = rows.filter(({ order_key }) => order_key.endsWith(':a')).map(({ payload }) => payload);
      expect(ofA).toEqual([...ofA.slice(0, 600).fill(ofA[0] ?? ''), ...ofA.slice(600).fill(ofA.at(-1) ?? '')]);
      expect(new Set(ofA).size).toBe(2);
      expect(await waiting()).toBe(0);
      expect(await worker().turn()).toBe(false);
    });

    it('stores an event for very many without its deliveries, and what follows on its tag waits behind it', async () => {
      const { index, service, worker } = fanOut('10000');
      await subscribeMany(1_001, 'a.*', index);
      await subscribeMany(1, 'x.*', index);
      const write = async (one: NewEvent) => (await getDb().transaction((trx) => service.write(trx, [one])))[0];
      const first = event();
      expect(await write(first)).toMatchObject({ answer: { id: first.id, matched: 1_001 }, isQueued: true });
      expect(await deliveries()).toEqual([]);
      const [later, other] = [event({ tag: 'x.y' }), event({ tag: 'x.y', orderKey: 'x.y' })];
      expect(await write(later)).toMatchObject({ answer: { matched: 1 }, isQueued: true });
      expect(await write(other)).toMatchObject({ answer: { matched: 1 }, isQueued: false });
      while (await worker().turn());
      const payloads = (await deliveries()).map(({ payload }) => payload);
      expect(payloads).toHaveLength(1 + 1_001 + 1);
      expect([payloads[0], payloads[1], payloads.at(-1)]).toEqual([other.id, first.id, later.id]);
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

    it('counts for nobody who is far from the limit, however much waits for others', async () => {
      const { index, limits, service } = fanOut('20');
      const full = await subscribe(getDb(), 'full', index);
      await getDb()
        .db.insertInto('deliveries')
        .values(Array.from({ length: 500 }, () => deliveryRow({ sink: 'comet', subject_id: full, payload: 'p' })))
        .execute();
      const write = async () => (await getDb().transaction((trx) => service.write(trx, [event()])))[0]?.answer;
      const countedFor = async (): Promise<string[]> => {
        const counting = jest.spyOn(limits as unknown as { waitingFor: (id: string) => Promise<number> }, 'waitingFor');
        await limits.count();
        const whom = counting.mock.calls.map(([id]) => id);
        counting.mockRestore();
        return whom;
      };
      expect(await countedFor()).toEqual([]);
      await subscribe(getDb(), 'free', index);
      expect(await write()).toMatchObject({ matched: 2 });
      // Who is pushed to for the first time may have anything waiting.
      expect((await countedFor()).sort()).toEqual(['free', 'full']);
      expect(await write()).toMatchObject({ matched: 1, dropped: 1 });
      expect(await countedFor()).toEqual(['full']);
      for (let i = 0; i < 17; i++) await write();
      expect(await countedFor()).toEqual(['full']);
      await write();
      expect((await countedFor()).sort()).toEqual(['free', 'full']);
      expect(await write()).toEqual({ id: expect.any(String), matched: 0, dropped: 2 });
    });
  });
});

describe('SubscriberLimits', () => {
  it('lets a second’s worth go at once, then at an even pace, each subscriber apart', () => {
    const limits = new SubscriberLimits(
      testConfig({ PUSH_RATE_PER_SUBSCRIBER: '10' }),
      {} as Database,
      {} as KeptCounts,
    );
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
    const limits = new SubscriberLimits(
      testConfig({ PUSH_RATE_PER_SUBSCRIBER: '20' }),
      {} as Database,
      {} as KeptCounts,
    );
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
