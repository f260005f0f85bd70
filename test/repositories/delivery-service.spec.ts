import { setImmediate as nextTurn } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { CRASH_LIMIT, LAST_CHANCE_AFTER_MS } from '../../src/delivery/attempt.js';
import { DeadLetters } from '../../src/delivery/dead-letters.js';
import { DeliveryNotDeadError, DeliveryNotFoundError } from '../../src/delivery/delivery.errors.js';
import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import type { Claim } from '../../src/delivery/claim.js';
import { DeliveryService } from '../../src/delivery/delivery.service.js';
import { Outbox } from '../../src/delivery/outbox.js';
import type { Sink } from '../../src/delivery/sink.js';
import type { Database } from '../../src/storage/database.js';
import { ReplicaRepository } from '../../src/storage/replica.repository.js';
import { ReplicaService } from '../../src/storage/replica.service.js';
import type { DeliveryRow } from '../../src/storage/schema.js';
import { StorageConflictError, StorageUnavailableError } from '../../src/storage/storage.errors.js';
import { Logs } from '../../src/telemetry/logs.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { deliveryRow } from '../helpers/rows.js';
import { DELIVERED, DOWN, TestSink } from '../helpers/test-sink.js';

/** Counts how often deliveries are claimed. */
class CountingRepository extends DeliveryRepository {
  claims = 0;
  claimsAnswered = 0;
  suspects = 0;

  override async claimDue(claim: Claim): Promise<DeliveryRow[]> {
    this.claims++;
    const claimed = await super.claimDue(claim);
    this.claimsAnswered++;
    return claimed;
  }

  override async claimSuspect(claim: Claim, spare?: number): Promise<DeliveryRow[]> {
    const claimed = await super.claimSuspect(claim, spare);
    this.suspects += claimed.length;
    return claimed;
  }
}

interface Delivering {
  repository: CountingRepository;
  service: DeliveryService;
  outbox: Outbox;
  deadLetters: DeadLetters;
}

function deliveringOn(database: Database, sink: Sink, retry = { baseMs: 5, capMs: 20, maxMs: 60_000 }): Delivering {
  const repository = new CountingRepository(database);
  const outbox = new Outbox(repository, database);
  const replica = new ReplicaService(
    { replica: { leaseMs: 30_000 } },
    database,
    new ReplicaRepository(database),
    Logs.silent(),
  );
  const service = new DeliveryService({ retry }, database, replica, repository, outbox, Logs.silent());
  service.register(sink);
  return { repository, service, outbox, deadLetters: new DeadLetters(database, repository, service) };
}

async function enqueue(database: Database, outbox: Outbox, ids: readonly string[], orderKey?: string): Promise<void> {
  await database.transaction((trx) =>
    outbox.enqueue(
      trx,
      ids.map((id) => ({
        id,
        sink: 'test',
        orderKey: orderKey ?? id,
        subjectId: id,
        payload: '{}',
        receivedAt: Date.now(),
      })),
    ),
  );
  outbox.wake();
}

const uuids = (count: number): string[] => Array.from({ length: count }, () => randomUUID());

describeEachDatabase('DeliveryService', (getDb) => {
  let sink: TestSink;
  let delivering: Delivering;

  beforeEach(() => {
    sink = new TestSink();
    delivering = deliveringOn(getDb(), sink);
  });

  afterEach(async () => {
    await delivering.service.stop(1_000);
  });

  const put = (ids: readonly string[], orderKey?: string) => enqueue(getDb(), delivering.outbox, ids, orderKey);
  const rows = () => getDb().db.selectFrom('deliveries').selectAll().orderBy('seq').execute();
  it('delivers everything once, no more than its concurrency at a time', async () => {
    sink.answer = () => new Promise((resolve) => setImmediate(() => resolve(DELIVERED)));
    await delivering.service.start();
    const ids = uuids(200);
    await put(ids);
    await sink.until(() => sink.ended.length === 200);
    expect([...sink.sent].sort()).toEqual([...ids].sort());
    expect(sink.mostInFlight).toBe(8);
    expect(new Set((await rows()).map((row) => row.state))).toEqual(new Set(['delivered']));
    expect([...sink.reported]).toEqual([['delivered', 200]]);
  });

  describe('handed over', () => {
    const draft = (id: string, orderKey = id) => {
      return { id, sink: 'test', orderKey, subjectId: id, payload: '{"a":1}', receivedAt: 5 };
    };

    /** Stores them as a capture does. */
    async function hand(drafts: ReturnType<typeof draft>[], fails = false): Promise<void> {
      const handOver = delivering.outbox.handOver('test', drafts.length);
      try {
        await getDb().transaction(async (trx, afterCommit) => {
          await delivering.outbox.enqueue(trx, drafts, { to: handOver, afterCommit });
          if (fails) throw new Error('test: rolled back');
        });
        handOver.committed();
      } catch {
        handOver.failed();
      }
    }

    /** The first look after the start finds nothing; until then nothing can be handed over. */
    async function started(): Promise<number> {
      await delivering.service.start();
      while (delivering.outbox.handOver('test', 1).claim === undefined)
        await new Promise((resolve) => setImmediate(resolve));
      return delivering.repository.claims;
    }

    it('goes out without being looked for, as the row that the database has', async () => {
      const claims = await started();
      const heard: DeliveryRow[] = [];
      sink.answer = async (delivery) => {
        heard.push(delivery);
        expect(await rows()).toEqual([delivery]);
        return DELIVERED;
      };
      await hand([draft('a')]);
      await sink.until(() => sink.ended.length === 1);
      expect(sink.ended[0]).toMatchObject({ state: 'delivered', attempts: 1 });
      expect((await rows())[0]).toMatchObject({ state: 'delivered', claim: null, claimed_by: null });
      expect(heard[0]).toMatchObject({ id: 'a', payload: '{"a":1}', received_at: 5 });
      expect(delivering.repository.claims).toBe(claims);
    });

    it('keeps the order of one key, and looks for what found no place', async () => {
      await started();
      await hand([draft('1', 'k'), draft('2', 'k'), ...uuids(40).map((id) => draft(id))]);
      await hand([draft('3', 'k')]);
      await sink.until(() => sink.ended.length === 43);
      expect(sink.sent.filter((id) => id.length === 1)).toEqual(['1', '2', '3']);
      expect(new Set(sink.sent).size).toBe(43);
      expect(sink.mostInFlight).toBeLessThanOrEqual(8);
    });

    it('sends nothing that was rolled back, and has its places again', async () => {
      await started();
      for (let i = 0; i < 10; i++) await hand([draft('a'), draft('b')], true);
      await hand([draft('c')]);
      await sink.until(() => sink.ended.length === 1);
      expect(sink.sent).toEqual(['c']);
      expect(await rows()).toHaveLength(1);
    });

    it('sends nothing of a run that was rolled back, when the next one stores nothing', async () => {
      await started();
      const handOver = delivering.outbox.handOver('test', 1);
      let runs = 0;
      const storing = getDb().transaction(async (trx, afterCommit) => {
        if (++runs > 1) return;
        await delivering.outbox.enqueue(trx, [draft('a')], { to: handOver, afterCommit });
        // PostgreSQL has the transaction repeated; under SQLite the neighbour fails below, and both run again.
        if (getDb().kind === 'postgres') throw new StorageConflictError('test: a deadlock');
      });
      let fails = true;
      const neighbour = getDb().transaction(async () => {
        if (!fails) return;
        fails = false;
        throw new StorageUnavailableError('test: the disk is full');
      });
      await Promise.allSettled([storing, neighbour]);
      expect(runs).toBe(2);
      handOver.committed();
      await hand([draft('b')]);
      await sink.until(() => sink.ended.length === 1);
      expect(sink.sent).toEqual(['b']);
      expect((await rows()).map(({ id }) => id)).toEqual(['b']);
    });

    it('gives back what is committed after the stop', async () => {
      await started();
      const handOver = delivering.outbox.handOver('test', 1);
      await getDb().transaction((trx, afterCommit) =>
        delivering.outbox.enqueue(trx, [draft('a')], { to: handOver, afterCommit }),
      );
      await delivering.service.stop(1_000);
      expect((await rows())[0]).toMatchObject({ state: 'pending', crashes: 0, attempts: 0 });
      handOver.committed();
      expect(sink.sent).toEqual([]);
    });

    it('has no places while others wait or the receiver is in doubt', async () => {
      sink.answer = async () => DOWN;
      await started();
      await hand([draft('a')]);
      await sink.until(() => sink.ended.length > 12);
      expect(delivering.outbox.handOver('test', 1).claim).toBeUndefined();
      sink.answer = async () => DELIVERED;
      await hand([draft('b')]);
      await sink.until(() => sink.ended.filter(({ state }) => state === 'delivered').length === 2);
    });
  });

  it('keeps the order of one key, through failures', async () => {
    let failures = 3;
    sink.answer = async () => (failures-- > 0 ? DOWN : DELIVERED);
    await delivering.service.start();
    const ids = uuids(4);
    await put(ids, 'one key');
    await sink.until(() => sink.ended.filter(({ state }) => state === 'delivered').length === 4);
    expect([...new Set(sink.sent)]).toEqual(ids);
    expect(sink.mostInFlight).toBe(1);
  });

  it('tries again until it succeeds, and counts', async () => {
    let failures = 4;
    sink.answer = async () => (failures-- > 0 ? DOWN : DELIVERED);
    await delivering.service.start();
    await put(['a']);
    await sink.until(() => sink.ended.at(-1)?.state === 'delivered');
    expect(sink.ended.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['retry', 1],
      ['retry', 2],
      ['retry', 3],
      ['retry', 4],
      ['delivered', 5],
    ]);
    expect((await rows())[0]).toMatchObject({ attempts: 5, last_error_code: 'test.down', last_status: 200 });
  });

  it('tells how its receiver is doing, from the first failure on', async () => {
    const { service } = delivering;
    expect(service.receivers('test')).toEqual({ breaker: 'closed', failing: 0 });
    let failures = 1;
    sink.answer = async () => (failures-- > 0 ? DOWN : DELIVERED);
    await service.start();
    await put(['a']);
    await sink.until(() => sink.ended.length === 1);
    const lastError = { code: 'test.down', message: 'down', at: expect.any(Number) };
    expect(service.receivers('test')).toEqual({ breaker: 'closed', failing: 1, lastError });
    await sink.until(() => sink.ended.length === 2);
    expect(service.receivers('test')).toEqual({ breaker: 'closed', failing: 0, lastError });
  });

  it('gives up after the time for retries, and at once when refused', async () => {
    delivering = deliveringOn(getDb(), sink, { baseMs: 5, capMs: 20, maxMs: 60 });
    sink.answer = async ({ id }) =>
      id === 'no' ? { kind: 'refused', code: 'test.no', message: 'never', status: 422 } : DOWN;
    await delivering.service.start();
    await put(['no', 'late']);
    await sink.until(() => sink.ended.filter(({ state }) => state === 'dead').length === 2);
    const dead = new Map(sink.ended.filter(({ state }) => state === 'dead').map((each) => [each.delivery.id, each]));
    expect(dead.get('no')).toMatchObject({ attempts: 1, error: { code: 'test.no', message: 'never' } });
    const late = (await rows()).find((row) => row.id === 'late');
    expect((late?.dead_at ?? 0) - (late?.first_attempt_at ?? 0)).toBeGreaterThanOrEqual(58);
  });

  it('holds everything back while the receiver is down, and loses nothing', async () => {
    let down = true;
    sink.answer = async () => (down ? DOWN : DELIVERED);
    await delivering.service.start();
    await put(uuids(100));
    await sink.until(() => sink.sent.length >= 25);
    expect(delivering.service.receivers('test').breaker).not.toBe('closed');
    // One batch until the breaker noticed, then one probe at a time.
    expect(new Set(sink.sent).size).toBeLessThan(60);
    down = false;
    await sink.until(() => sink.ended.filter(({ state }) => state === 'delivered').length === 100);
    expect(delivering.service.receivers('test').breaker).toBe('closed');
  });

  it('claims nothing while the breaker holds', async () => {
    delivering = deliveringOn(getDb(), sink, { baseMs: 60_000, capMs: 60_000, maxMs: 600_000 });
    sink.answer = async () => DOWN;
    await delivering.service.start();
    await put(uuids(100));
    // Those of the first slots and those that started before the tenth failure was known.
    await sink.until(() => sink.ended.length >= 10 && sink.inFlight === 0);
    expect(delivering.service.receivers('test').breaker).toBe('open');
    const { claims } = delivering.repository;
    for (let i = 0; i < 5; i++) {
      delivering.outbox.wake();
      await getDb().check();
    }
    expect(delivering.repository.claims).toBe(claims);
    expect(sink.sent.length).toBeLessThan(20);
  });

  it('keeps an outcome that could not be stored, and uses up no attempt for it', async () => {
    sink.refuseToSettle = 2;
    await delivering.service.start();
    await put(['a']);
    await sink.until(() => sink.ended.length === 1);
    expect(sink.sent).toEqual(['a']);
    expect((await rows())[0]).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('changes nothing when its claim was lost meanwhile', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    sink.answer = async () => {
      await held;
      return DELIVERED;
    };
    await delivering.service.start();
    await put(['a']);
    await sink.until(() => sink.inFlight === 1);
    await getDb().db.updateTable('deliveries').set({ claim: 'another', claimed_by: 'another' }).execute();
    release();
    await delivering.service.stop(1_000);
    expect(sink.ended).toEqual([]);
    expect((await rows())[0]).toMatchObject({ state: 'claimed', claim: 'another', attempts: 0 });
    expect([...sink.reported]).toEqual([['fenced', 1]]);
  });

  it('counts a rejection, and no outcome at all, as failures to be tried again', async () => {
    let calls = 0;
    sink.answer = async () => {
      if (++calls === 1) throw new Error('socket hang up');
      return DELIVERED;
    };
    await delivering.service.start();
    await put(['a']);
    await sink.until(() => sink.ended.length === 2);
    expect(sink.ended[0]?.error).toEqual({ code: 'delivery.failed', message: 'socket hang up' });
  });

  it('aborts at the end of the grace, gives the claim back and counts no attempt', async () => {
    sink.answer = (_, signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(DOWN), { once: true }));
    await delivering.service.start();
    await put(uuids(30));
    await sink.until(() => sink.inFlight === 8);
    await delivering.service.stop(10);
    expect(sink.ended).toEqual([]);
    for (const row of await rows())
      expect(row).toMatchObject({ state: 'pending', attempts: 0, crashes: 0, claim: null });
  });

  it('puts aside what three processes died with, without sending it', async () => {
    await getDb()
      .db.insertInto('deliveries')
      .values([deliveryRow({ id: 'poison', crashes: 3 }), deliveryRow({ id: 'fine', crashes: 1 })])
      .execute();
    await delivering.service.start();
    await sink.until(() => sink.ended.length === 2);
    expect(sink.sent).toEqual(['fine']);
    const poison = (await rows()).find((row) => row.id === 'poison');
    expect(poison).toMatchObject({
      state: 'dead',
      last_error_code: 'delivery.crash',
      attempts: 0,
      crashes: CRASH_LIMIT,
    });
  });

  it('clears a suspect that is in flight while the process lives, and lets the next one go', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    sink.timeoutMs = 10_000;
    sink.answer = async () => {
      await held;
      return DELIVERED;
    };
    await getDb()
      .db.insertInto('deliveries')
      .values([deliveryRow({ id: 'slow', crashes: 1 }), deliveryRow({ id: 'next', crashes: 1 })])
      .execute();
    await delivering.service.start();
    // Only one suspect may be in flight: the second one goes out because the first one has been cleared.
    await sink.until(() => sink.sent.length === 2);
    const slow = (await rows()).find((row) => row.id === 'slow');
    expect(slow).toMatchObject({ state: 'claimed', crashes: 0, attempts: 0 });
    release();
    await sink.until(() => sink.ended.length === 2);
  });

  it('risks what would be put aside with the next death only in a process that has proven to live', async () => {
    await getDb()
      .db.insertInto('deliveries')
      .values([deliveryRow({ id: 'last chance', crashes: CRASH_LIMIT - 1 }), deliveryRow({ id: 'fine', crashes: 1 })])
      .execute();
    const startedAt = performance.now();
    await delivering.service.start();
    await sink.until(() => sink.ended.length === 1);
    expect(sink.sent).toEqual(['fine']);
    await sink.until(() => sink.ended.length === 2);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(LAST_CHANCE_AFTER_MS);
    expect((await rows()).map(({ state }) => state)).toEqual(['delivered', 'delivered']);
  }, 25_000);

  it('sends a suspect before what was claimed earlier', async () => {
    const answers: (() => void)[] = [];
    let atOnce = false;
    sink.answer = () =>
      new Promise((resolve) => (atOnce ? resolve(DELIVERED) : answers.push(() => resolve(DELIVERED))));
    sink.timeoutMs = 10_000;
    await delivering.service.start();
    await put(uuids(30));
    await sink.until(() => sink.sent.length === 8);
    await getDb()
      .db.insertInto('deliveries')
      .values(deliveryRow({ id: 'suspect', crashes: 1 }))
      .execute();
    // Of the 24 that are held four still wait when it is looked for more; the next to go must be the suspect.
    for (let sent = 9; sent <= 20; sent++) {
      answers.shift()?.();
      await sink.until(() => sink.sent.length === sent);
    }
    // A claim asks for suspects first and then for others; the worker has both at the end of the turn of the second answer.
    const { repository } = delivering;
    do await nextTurn();
    while (repository.suspects === 0 || repository.claimsAnswered < repository.claims);
    await nextTurn();
    atOnce = true;
    for (const answer of answers.splice(0)) answer();
    await sink.until(() => sink.ended.length === 31);
    expect(sink.sent.indexOf('suspect')).toBe(20);
  });

  describe('DeadLetters', () => {
    async function dead(count: number): Promise<void> {
      const letters = Array.from({ length: count }, (_, i) =>
        deliveryRow({
          id: `dead-${i}`,
          state: 'dead',
          dead_at: 100 + Math.floor(i / 2),
          last_error_code: `code-${i % 2}`,
          attempts: 7,
        }),
      );
      await getDb().db.insertInto('deliveries').values(letters).execute();
    }

    it('are listed newest first, page by page', async () => {
      await dead(5);
      const first = await delivering.deadLetters.list({ limit: 2 });
      const second = await delivering.deadLetters.list({ limit: 2, cursor: first.nextCursor });
      const third = await delivering.deadLetters.list({ limit: 2, cursor: second.nextCursor });
      const all = [first, second, third].flatMap((page) => page.items.map((row) => row.id));
      expect(all).toEqual(['dead-4', 'dead-3', 'dead-2', 'dead-1', 'dead-0']);
      expect(third.nextCursor).toBeUndefined();
      const filtered = await delivering.deadLetters.list({ limit: 9, reason: 'code-1' });
      expect(filtered.items.map((row) => row.id)).toEqual(['dead-3', 'dead-1']);
      await expect(delivering.deadLetters.list({ limit: 1, cursor: 'x' })).rejects.toMatchObject({ status: 400 });
    });

    it('go out again under the same id, as if never tried', async () => {
      await dead(1);
      await delivering.service.start();
      const row = await delivering.deadLetters.replay('dead-0');
      expect(row).toMatchObject({ state: 'pending', attempts: 0, first_attempt_at: null, dead_at: null });
      await sink.until(() => sink.ended.length === 1);
      expect(sink.sent).toEqual(['replay dead-0', 'dead-0']);
      await expect(delivering.deadLetters.replay('dead-0')).rejects.toBeInstanceOf(DeliveryNotDeadError);
      await expect(delivering.deadLetters.replay('nobody')).rejects.toBeInstanceOf(DeliveryNotFoundError);
    });
  });
});
