import { setTimeout as sleep } from 'node:timers/promises';
import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import { DeliveryService } from '../../src/delivery/delivery.service.js';
import { Outbox } from '../../src/delivery/outbox.js';
import type { SendOutcome } from '../../src/delivery/sink.js';
import { ReplicaRepository } from '../../src/storage/replica.repository.js';
import { ReplicaService } from '../../src/storage/replica.service.js';
import type { DeliveryRow } from '../../src/storage/schema.js';
import { StorageUnavailableError } from '../../src/storage/storage.errors.js';
import { Logs } from '../../src/telemetry/logs.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { DELIVERED, DOWN, TestSink } from '../helpers/test-sink.js';

/** A sink with many receivers, of which some can be reached. */
class ManyReceivers extends TestSink {
  readonly perDestination = 2;
  override timeoutMs = 10_000;
  reachableOnes: readonly string[] | undefined;

  reachable(): readonly string[] | undefined {
    return this.reachableOnes;
  }
}

describeEachDatabase('Deliveries with destinations', (getDb) => {
  let sink: ManyReceivers;
  let service: DeliveryService;
  let outbox: Outbox;
  let deliveries: DeliveryRepository;

  beforeEach(() => {
    sink = new ManyReceivers();
    deliveries = new DeliveryRepository(getDb());
    outbox = new Outbox(deliveries, getDb());
    const replica = new ReplicaService(
      { replica: { leaseMs: 30_000 } },
      getDb(),
      new ReplicaRepository(getDb()),
      Logs.silent(),
    );
    const retry = { baseMs: 5, capMs: 20, maxMs: 60_000 };
    service = new DeliveryService({ retry }, getDb(), replica, deliveries, outbox, Logs.silent());
    service.register(sink);
  });

  afterEach(async () => service.stop(1_000));

  const put = async (...drafts: { id: string; destination: string; orderKey?: string; subjectId?: string }[]) => {
    const whole = drafts.map((draft) => ({
      sink: 'test',
      orderKey: draft.id,
      subjectId: draft.id,
      payload: '{}',
      receivedAt: 0,
      ...draft,
    }));
    await getDb().transaction((trx) => outbox.enqueue(trx, whole));
    outbox.wake();
  };
  const numbered = (count: number, destination: string) =>
    Array.from({ length: count }, (_, n) => ({ id: `${destination}${n}`, destination }));
  const rows = (): Promise<DeliveryRow[]> => getDb().db.selectFrom('deliveries').selectAll().orderBy('seq').execute();
  const delivered = (): string[] =>
    sink.ended.filter(({ state }) => state === 'delivered').map(({ delivery }) => delivery.id);

  it('is slowed down for nobody by a receiver that does not answer', async () => {
    let release: (outcome: SendOutcome) => void = () => undefined;
    const stuck = new Promise<SendOutcome>((resolve) => (release = resolve));
    sink.answer = ({ destination }) => (destination === 'stuck' ? stuck : Promise.resolve(DELIVERED));
    await service.start();
    await put(...numbered(30, 'stuck'), ...numbered(60, 'well'));
    await sink.until(() => delivered().length === 60);
    expect(sink.sent.filter((id) => id.startsWith('stuck')).length).toBeLessThanOrEqual(2);
    release(DELIVERED);
    await sink.until(() => delivered().length === 90);
  });

  it('lets a push to a quick receiver overtake what waits for one that takes its time', async () => {
    sink.answer = async ({ destination }) => {
      if (destination === 'slow') await sleep(120);
      return DELIVERED;
    };
    await service.start();
    await put(...numbered(100, 'slow'));
    await sink.until(() => delivered().length === 4);
    const before = sink.sent.length;
    await put(...numbered(5, 'well'));
    await sink.until(() => delivered().filter((id) => id.startsWith('well')).length === 5);
    // Of the slow one's backlog no more than two rounds have gone out meanwhile.
    expect(sink.sent.slice(before).filter((id) => id.startsWith('slow')).length).toBeLessThanOrEqual(4);
  });

  it('lets nobody be hidden by what came behind a push that is put off', async () => {
    const keys = Array.from({ length: 70 }, (_, no) => `key ${no}`);
    const draft = (id: string, orderKey: string) => ({
      ...{ id, orderKey, sink: 'test', subjectId: id, payload: '{}', receivedAt: 0, destination: 'one' },
    });
    const insert = (drafts: ReturnType<typeof draft>[]) => getDb().transaction((trx) => deliveries.insert(trx, drafts));
    await insert(keys.map((key) => draft(`first of ${key}`, key)));
    await getDb()
      .db.updateTable('deliveries')
      .set({ due_at: Date.now() + 3_600_000 })
      .execute();
    await insert(keys.map((key) => draft(`second of ${key}`, key)));
    await insert([draft('free', 'of its own')]);
    const claim = { sink: 'test', limit: 2, token: 't', replica: 'r', leaseMs: 30_000 };
    const claimed = await deliveries.claimShares(claim, [{ destination: 'one', room: 2 }]);
    expect(claimed.map(({ id }) => id)).toEqual(['free']);
  });

  it('lets nobody be hidden by what stands behind a push that is under way, however much that is', async () => {
    let release: (outcome: SendOutcome) => void = () => undefined;
    const stuck = new Promise<SendOutcome>((resolve) => (release = resolve));
    sink.answer = ({ id }) => (id === 'one0' ? stuck : Promise.resolve(DELIVERED));
    const to = (name: string, count: number, orderKey?: string) =>
      numbered(count, name).map((draft) => ({ ...draft, destination: 'x', ...(orderKey && { orderKey }) }));
    await put(...to('one', 100, 'one'), ...to('other', 10), ...to('another', 3, 'another'));
    await service.start();
    await sink.until(() => delivered().length === 13);
    expect(sink.sent.filter((id) => id.startsWith('one'))).toEqual(['one0']);
    expect(delivered().filter((id) => id.startsWith('another'))).toEqual(['another0', 'another1', 'another2']);
    release(DELIVERED);
    await sink.until(() => delivered().length === 113);
    expect(delivered().filter((id) => id.startsWith('one'))).toEqual(numbered(100, 'one').map(({ id }) => id));
  });

  it('keeps places for a quick receiver, however many others do not answer', async () => {
    let release: (outcome: SendOutcome) => void = () => undefined;
    const stuck = new Promise<SendOutcome>((resolve) => (release = resolve));
    sink.answer = ({ destination }) => (destination === 'well' ? Promise.resolve(DELIVERED) : stuck);
    await service.start();
    await put({ id: 'first', destination: 'well' });
    await sink.until(() => delivered().length === 1);
    const names = Array.from({ length: 300 }, (_, n) => `stuck ${n} `);
    await put(...names.flatMap((name) => numbered(3, name)));
    await sink.until(() => sink.inFlight === 6);
    await put(...numbered(20, 'well'));
    await sink.until(() => delivered().length === 21);
    expect(sink.inFlight).toBe(6);
    release(DELIVERED);
    await sink.until(() => delivered().length === 921);
  });

  it('asks all destinations in turn, however many have something waiting', async () => {
    await put(...Array.from({ length: 700 }, (_, n) => numbered(2, `to ${n} `)).flat());
    await service.start();
    await sink.until(() => delivered().length === 1_400);
    expect(new Set(delivered()).size).toBe(1_400);
  });

  it('goes on with other keys of a destination while one key waits for its turn', async () => {
    let release: (outcome: SendOutcome) => void = () => undefined;
    const stuck = new Promise<SendOutcome>((resolve) => (release = resolve));
    sink.answer = ({ id }) => (id === 'x0' ? stuck : Promise.resolve(DELIVERED));
    await put(...numbered(40, 'x').map((draft) => ({ ...draft, orderKey: 'one' })), ...numbered(5, 'x other '));
    await service.start();
    await sink.until(() => delivered().length === 5);
    expect(sink.sent).toHaveLength(6);
    release(DELIVERED);
    await sink.until(() => delivered().length === 45);
    expect(delivered().slice(5)).toEqual(numbered(40, 'x').map(({ id }) => id));
  });

  it('is slowed down for nobody by a receiver that is down', async () => {
    let down = true;
    sink.answer = async ({ destination }) => (down && destination === 'down' ? DOWN : DELIVERED);
    await service.start();
    await put(...numbered(40, 'down'), ...numbered(40, 'well'));
    await sink.until(() => delivered().length === 40);
    down = false;
    await sink.until(() => delivered().length === 80);
    const dead = (await rows()).filter((row) => row.state !== 'delivered');
    expect(dead).toEqual([]);
  });

  it('claims only for whom it can reach', async () => {
    sink.reachableOnes = [];
    await service.start();
    await put({ id: 'a', destination: 'here' }, { id: 'b', destination: 'elsewhere' });
    sink.reachableOnes = ['here'];
    outbox.wake();
    await sink.until(() => delivered().length === 1);
    expect(sink.sent).toEqual(['a']);
    expect((await rows()).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['delivered', 1],
      ['pending', 0],
    ]);
  });

  it('counts no attempt for what is postponed', async () => {
    let postpone = true;
    sink.answer = async () => {
      if (!postpone) return DELIVERED;
      postpone = false;
      return { kind: 'postponed', delayMs: 10 };
    };
    await service.start();
    await put({ id: 'a', destination: 'x' });
    await sink.until(() => delivered().length === 1);
    expect(sink.sent).toEqual(['a', 'a']);
    expect((await rows())[0]).toMatchObject({ attempts: 1, last_error_code: null });
  });

  it('postpones although the database is away for a while', async () => {
    let refusals = 3;
    const postpone = deliveries.postpone.bind(deliveries);
    deliveries.postpone = async (postponed) => {
      if (refusals-- > 0) throw new StorageUnavailableError('test: the disk is full');
      return postpone(postponed);
    };
    let first = true;
    sink.answer = async () => {
      if (!first) return DELIVERED;
      first = false;
      return { kind: 'postponed', delayMs: 10 };
    };
    await service.start();
    await put({ id: 'a', destination: 'x' });
    await sink.until(() => delivered().length === 1);
    expect(refusals).toBe(-1);
    expect((await rows())[0]).toMatchObject({ attempts: 1 });
  });

  it('ends what nobody wants any more, without a dead letter', async () => {
    sink.answer = async () => ({ kind: 'cancelled', code: 'test.unwanted', message: 'nobody wants it' });
    await service.start();
    await put({ id: 'a', destination: 'x' });
    await sink.until(() => sink.ended.length === 1);
    const [row] = await rows();
    expect(row).toMatchObject({ state: 'cancelled', attempts: 0, last_error_code: 'test.unwanted', dead_at: null });
    expect(row?.cancelled_at).toEqual(expect.any(Number));
    expect([...sink.reported]).toEqual([['cancelled', 1]]);
  });

  it('cancels what waits of a subject, and nothing else', async () => {
    await put({ id: 'a', destination: 'x', subjectId: 's' }, { id: 'b', destination: 'x', subjectId: 't' });
    const cancellation = { sinks: ['test'], subjectIds: ['s'], code: 'test.ended', message: 'ended' };
    expect(await getDb().transaction((trx) => outbox.cancel(trx, cancellation))).toBe(1);
    await service.start();
    await sink.until(() => sink.ended.length === 1);
    expect((await rows()).map(({ state }) => state)).toEqual(['cancelled', 'delivered']);
  });

  it('puts off what stands behind a failure, and keeps the order', async () => {
    let failures = 3;
    sink.answer = async () => (failures-- > 0 ? DOWN : DELIVERED);
    const dueTogether = new Promise<boolean>((resolve) => {
      const settled = sink.settled.bind(sink);
      sink.settled = async (trx, settlements) => {
        const all = await trx.selectFrom('deliveries').selectAll().orderBy('seq').execute();
        if (settlements[0]?.state === 'retry') resolve(all.every((row) => row.due_at >= (all[0]?.due_at ?? 0)));
        return settled(trx, settlements);
      };
    });
    await service.start();
    await put(...numbered(5, 'x').map((draft) => ({ ...draft, orderKey: 'one' })));
    await sink.until(() => delivered().length === 5);
    expect(await dueTogether).toBe(true);
    expect(delivered()).toEqual(['x0', 'x1', 'x2', 'x3', 'x4']);
  });
});
