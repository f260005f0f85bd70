import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import { AuditLog } from '../../src/audit/audit-log.js';
import { DeadLetters } from '../../src/delivery/dead-letters.js';
import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import { DeliveryService } from '../../src/delivery/delivery.service.js';
import { Outbox } from '../../src/delivery/outbox.js';
import type { Sink } from '../../src/delivery/sink.js';
import { ReplayRunner } from '../../src/replay/replay-runner.service.js';
import type { ReplayFilter } from '../../src/replay/replay-filter.js';
import { ReplayRepository, type Step } from '../../src/replay/replay.repository.js';
import { ReplayService } from '../../src/replay/replay.service.js';
import type { Database } from '../../src/storage/database.js';
import { ReplicaRepository } from '../../src/storage/replica.repository.js';
import { ReplicaService } from '../../src/storage/replica.service.js';
import type { DeliveryRow, Schema } from '../../src/storage/schema.js';
import { Logs } from '../../src/telemetry/logs.js';
import { describeEachDatabase, freshTarget, openDatabase } from '../helpers/databases.js';
import { deliveryRow } from '../helpers/rows.js';

/** Delivers nothing: what is of interest is what is sent again. */
class TestSink implements Sink {
  readonly name = 'test';
  readonly concurrency = 1;
  readonly timeoutMs = 1_000;
  readonly revived: string[] = [];
  readonly discardedIds: string[] = [];
  fails = 0;

  send(): Promise<never> {
    return Promise.reject(new Error('never started'));
  }

  async settled(): Promise<void> {}

  report(): void {}

  async replayed(_trx: Transaction<Schema>, rows: readonly DeliveryRow[]): Promise<void> {
    if (this.fails-- > 0) throw new Error('test: an interaction could not be revived');
    this.revived.push(...rows.map((row) => row.id).sort());
  }

  async discarded(_trx: Transaction<Schema>, rows: readonly DeliveryRow[]): Promise<void> {
    this.discardedIds.push(...rows.map((row) => row.id).sort());
  }
}

interface Replaying {
  sink: TestSink;
  replica: ReplicaService;
  replays: ReplayRepository;
  runner: ReplayRunner;
  service: ReplayService;
  steps: ObservedReplays;
}

/** Lets a test wait for the end of a step. */
class ObservedReplays extends ReplayRepository {
  readonly ended: Step[] = [];
  private readonly waiting: { count: number; resolve: () => void }[] = [];

  override async advance(id: string, owner: string, limit: number): Promise<Step> {
    const step = await super.advance(id, owner, limit);
    this.ended.push(step);
    for (const wait of this.waiting) if (this.ended.length >= wait.count) wait.resolve();
    return step;
  }

  until(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ count, resolve });
      if (this.ended.length >= count) resolve();
    });
  }
}

function replayingOn(database: Database): Replaying {
  const sink = new TestSink();
  const deliveries = new DeliveryRepository(database);
  const outbox = new Outbox(deliveries, database);
  const replica = new ReplicaService(
    { replica: { leaseMs: 30_000 } },
    database,
    new ReplicaRepository(database),
    Logs.silent(),
  );
  const retry = { baseMs: 1, capMs: 1, maxMs: 1 };
  const delivery = new DeliveryService({ retry }, database, replica, deliveries, outbox, Logs.silent());
  delivery.register(sink);
  const deadLetters = new DeadLetters(database, deliveries, delivery);
  const steps = new ObservedReplays(database, deadLetters);
  const runner = new ReplayRunner(steps, outbox, replica, Logs.silent());
  const service = new ReplayService(database, steps, runner, deadLetters, new AuditLog(database), replica);
  return { sink, replica, replays: steps, runner, service, steps };
}

const dead = (but: Parameters<typeof deliveryRow>[0] = {}) =>
  deliveryRow({ state: 'dead', dead_at: 1_000, last_error_code: 'test.refused', ...but });

const order = { action: 'replay', ratePerSecond: 50, requestedBy: 'operator' } as const;
const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `letter-${String(i).padStart(3, '0')}`);

describeEachDatabase('Replay', (getDb) => {
  let replaying: Replaying;

  beforeEach(() => {
    replaying = replayingOn(getDb());
  });

  afterEach(async () => {
    await replaying.runner.stop();
    await replaying.replica.stop();
  });

  const insert = (...rows: ReturnType<typeof deliveryRow>[]) =>
    getDb().db.insertInto('deliveries').values(rows).execute();
  const stateOf = async (id: string): Promise<string> =>
    (await getDb().db.selectFrom('deliveries').select('state').where('id', '=', id).executeTakeFirstOrThrow()).state;
  const start = async (filter: ReplayFilter = {}, more: { requestId?: string } = {}) =>
    replaying.service.start({ ...order, filter, ...more });
  const advance = (id: string, limit: number) => replaying.replays.advance(id, replaying.replica.id, limit);
  const audited = async () =>
    (await new AuditLog(getDb()).list(100)).items.map((row) => [row.actor, row.action, row.target]);

  it('counts what fits, by each part of the filter', async () => {
    const [conversationId, interactionId] = [randomUUID(), randomUUID()];
    await insert(
      dead({ order_key: conversationId, dead_at: 1_000 }),
      dead({ subject_id: interactionId, dead_at: 2_000, last_error_code: 'test.crash' }),
      dead({ dead_at: 3_000, last_error_code: null }),
      dead({ state: 'pending' }),
      dead({ state: 'delivered', dead_at: null }),
    );
    const count = async (filter: ReplayFilter): Promise<number> => (await replaying.service.preview(filter)).count;
    expect(await replaying.service.preview({})).toEqual({
      count: 3,
      oldest: 1_000,
      newest: 3_000,
      byReason: { 'test.refused': 1, 'test.crash': 1, unknown: 1 },
    });
    expect(await count({ reason: 'test.crash' })).toBe(1);
    expect(await count({ conversationId })).toBe(1);
    expect(await count({ interactionId })).toBe(1);
    expect(await count({ diedAfter: 2_000 })).toBe(2);
    expect(await count({ diedBefore: 2_000 })).toBe(1);
    expect(await count({ diedAfter: 1_001, diedBefore: 2_000 })).toBe(0);
    expect(await replaying.service.preview({ reason: 'none' })).toEqual({
      count: 0,
      oldest: null,
      newest: null,
      byReason: {},
    });
  });

  it('revives in the order of insertion, a part at a time, and knows how far it is', async () => {
    const ids = names(5);
    for (const [i, id] of ids.entries()) await insert(dead({ id, dead_at: 9_000 - i }));
    const { job, created } = await start();
    expect(created).toBe(true);
    expect(job).toMatchObject({ status: 'running', total: 5, replayed: 0, requested_by: 'operator', filter: '{}' });
    expect(await advance(job.id, 2)).toEqual({ kind: 'more', revived: 2 });
    expect(replaying.sink.revived).toEqual(ids.slice(0, 2));
    expect(await advance(job.id, 2)).toEqual({ kind: 'more', revived: 2 });
    expect(await replaying.service.get(job.id)).toMatchObject({ status: 'running', replayed: 4, finished_at: null });
    expect(await advance(job.id, 2)).toEqual({ kind: 'done', revived: 1 });
    expect(replaying.sink.revived).toEqual(ids);
    const over = await replaying.service.get(job.id);
    expect(over).toMatchObject({ status: 'done', replayed: 5, total: 5, skipped: 0, owner: null });
    expect(over.finished_at).not.toBeNull();
    expect(await advance(job.id, 2)).toEqual({ kind: 'not-ours' });
  });

  it('replays each letter once, also when it dies again, and none that died later', async () => {
    const ids = names(3);
    for (const id of ids) await insert(dead({ id }));
    const { job } = await start();
    await advance(job.id, 2);
    // So soon, or by a clock that was set back, that the time alone does not tell.
    const diesAgain = { state: 'dead' as const, dead_at: job.created_at };
    await getDb().db.updateTable('deliveries').set(diesAgain).where('id', '=', ids[0]!).execute();
    await insert(dead({ id: 'later', dead_at: job.created_at + 1 }));
    expect(await advance(job.id, 2)).toEqual({ kind: 'done', revived: 1 });
    expect(replaying.sink.revived).toEqual(ids);
    expect([await stateOf(ids[0]!), await stateOf('later')]).toEqual(['dead', 'dead']);
  });

  it('tells in the end how many were not dead any more', async () => {
    for (const id of names(3)) await insert(dead({ id }));
    const { job } = await start();
    await replaying.service.replayOne('letter-001', 'colleague');
    expect(await advance(job.id, 10)).toEqual({ kind: 'done', revived: 2 });
    expect(await replaying.service.get(job.id)).toMatchObject({ total: 3, replayed: 2, skipped: 1 });
  });

  it('revives and notes it together, or neither', async () => {
    for (const id of names(2)) await insert(dead({ id }));
    const { job } = await start();
    replaying.sink.fails = 1;
    await expect(advance(job.id, 10)).rejects.toThrow('could not be revived');
    expect(await replaying.service.get(job.id)).toMatchObject({ status: 'running', replayed: 0, last_seq: 0 });
    expect(await stateOf('letter-000')).toBe('dead');
    expect(await advance(job.id, 10)).toEqual({ kind: 'done', revived: 2 });
  });

  it('answers the running job to the same filter, however it is written', async () => {
    await insert(dead());
    const first = await start({ reason: 'test.refused', diedAfter: 5 });
    const second = await start({ diedAfter: 5, reason: 'test.refused' });
    expect(second).toEqual({ job: first.job, created: false });
    expect((await start({ reason: 'test.refused' })).created).toBe(true);
    await replaying.service.stop(first.job.id, 'operator');
    const third = await start({ reason: 'test.refused', diedAfter: 5 });
    expect(third.created).toBe(true);
    expect(await audited()).toHaveLength(4);
  });

  it('makes one job of many clicks at the same instant', async () => {
    await insert(dead());
    const clicks = await Promise.all(Array.from({ length: 8 }, () => start({}, { requestId: 'click' })));
    expect(new Set(clicks.map(({ job }) => job.id)).size).toBe(1);
    expect(clicks.filter(({ created }) => created)).toHaveLength(1);
    expect(await audited()).toEqual([['operator', 'replay.start', clicks[0]!.job.id]]);
  });

  it('answers the same request with its job even when that is over, and refuses another filter', async () => {
    const { job } = await start({}, { requestId: 'r-1' });
    expect(await advance(job.id, 10)).toEqual({ kind: 'done', revived: 0 });
    const again = await start({}, { requestId: 'r-1' });
    expect(again).toMatchObject({ created: false, job: { id: job.id, status: 'done' } });
    await expect(start({ reason: 'x' }, { requestId: 'r-1' })).rejects.toMatchObject({
      code: 'replay.conflict',
      status: 409,
    });
    const other = await replaying.service.start({ ...order, filter: {}, requestedBy: 'colleague', requestId: 'r-1' });
    expect(other.created).toBe(true);
  });

  it('runs five at most', async () => {
    for (let i = 0; i < 5; i++) await start({ reason: `code-${i}` });
    await expect(start({ reason: 'one too many' })).rejects.toMatchObject({ code: 'replay.too-many', status: 409 });
    expect((await start({ reason: 'code-3' })).created).toBe(false);
  });

  it('stops, once, and says who did it', async () => {
    await insert(dead());
    const { job } = await start();
    const stopped = await replaying.service.stop(job.id, 'colleague');
    expect(stopped).toMatchObject({ status: 'stopped', owner: null });
    expect(await replaying.service.stop(job.id, 'another')).toEqual(stopped);
    expect(await advance(job.id, 10)).toEqual({ kind: 'not-ours' });
    expect(await audited()).toEqual([
      ['colleague', 'replay.stop', job.id],
      ['operator', 'replay.start', job.id],
    ]);
    const missing = replaying.service.stop(randomUUID(), 'colleague');
    await expect(missing).rejects.toMatchObject({ code: 'replay.not-found', status: 404 });
  });

  it('writes down who replayed a single letter, and nothing when it was refused', async () => {
    await insert(dead({ id: 'one' }));
    await replaying.service.replayOne('one', 'operator');
    await expect(replaying.service.replayOne('one', 'operator')).rejects.toMatchObject({ code: 'delivery.not-dead' });
    expect(await audited()).toEqual([['operator', 'dead-letter.replay', 'one']]);
  });

  it('discards in the order of insertion, a part at a time, and goes on where it was', async () => {
    const ids = names(5);
    for (const id of ids) await insert(dead({ id }));
    const order = { action: 'discard', reason: 'test data', filter: {}, ratePerSecond: 50, requestedBy: 'op' } as const;
    const { job } = await replaying.service.start(order);
    expect(job).toMatchObject({ action: 'discard', reason: 'test data', total: 5 });
    expect(await advance(job.id, 3)).toEqual({ kind: 'more', revived: 3 });
    expect(await Promise.all(ids.map(stateOf))).toEqual([...Array(3).fill('discarded'), 'dead', 'dead']);
    await replaying.replays.release(replaying.replica.id);
    expect(await advance(job.id, 3)).toEqual({ kind: 'not-ours' });
    await replaying.replays.adopt(replaying.replica.id, [job.id]);
    expect(await advance(job.id, 3)).toEqual({ kind: 'done', revived: 2 });
    expect(replaying.sink.discardedIds).toEqual(ids);
    expect(await replaying.service.get(job.id, 'discard')).toMatchObject({ status: 'done', replayed: 5, skipped: 0 });
    await expect(replaying.service.get(job.id)).rejects.toMatchObject({ code: 'replay.not-found' });
    expect(await audited()).toEqual([['op', 'discard.start', job.id]]);
  });

  it('lets exactly one of a replay and a discard of the same letters have each', async () => {
    const ids = names(40);
    for (const id of ids) await insert(dead({ id }));
    const replay = await start();
    const discard = await replaying.service.start({ ...order, action: 'discard', reason: 'x', filter: {} });
    expect([replay.created, discard.created]).toEqual([true, true]);
    const steps = Array.from({ length: 12 }, (_, i) => advance((i % 2 ? discard : replay).job.id, 7));
    await Promise.all(steps);
    const { revived, discardedIds } = replaying.sink;
    expect([...revived, ...discardedIds].sort()).toEqual(ids);
    const jobs = [await replaying.service.get(replay.job.id), await replaying.service.get(discard.job.id, 'discard')];
    expect(jobs.map(({ replayed }) => replayed)).toEqual([revived.length, discardedIds.length]);
    for (const id of ids) expect(await stateOf(id)).toBe(revived.includes(id) ? 'pending' : 'discarded');
  });

  it('discards one, once, and keeps the first reason; what was discarded is not sent again', async () => {
    await insert(dead({ id: 'one' }), dead({ id: 'waits', state: 'pending', dead_at: null }));
    const first = await replaying.service.discardOne('one', 'test data', 'operator');
    expect(first).toMatchObject({ state: 'discarded', discarded_at: expect.any(Number) });
    expect(await replaying.service.discardOne('one', 'other words', 'colleague')).toEqual(first);
    await expect(replaying.service.replayOne('one', 'operator')).rejects.toMatchObject({
      code: 'delivery.not-dead',
      message: expect.stringContaining('was discarded'),
    });
    await expect(replaying.service.discardOne('waits', 'x', 'operator')).rejects.toMatchObject({ status: 409 });
    await expect(replaying.service.discardOne('nobody', 'x', 'operator')).rejects.toMatchObject({ status: 404 });
    const { items } = await new AuditLog(getDb()).list(10);
    expect(items.map(({ action, details }) => [action, JSON.parse(details).reason])).toEqual([
      ['dead-letter.discard', 'test data'],
    ]);
  });

  it('pages through the audit', async () => {
    const log = new AuditLog(getDb());
    for (const target of ['a', 'b', 'c']) {
      const entry = { actor: 'operator', action: 'replay.stop', target, details: { total: 1 } } as const;
      await getDb().transaction((trx) => log.record(trx, entry));
    }
    const first = await log.list(2);
    expect(first.items.map((row) => row.target)).toEqual(['c', 'b']);
    const second = await log.list(2, first.nextCursor);
    expect(second.items.map((row) => [row.target, row.details])).toEqual([['a', '{"total":1}']]);
    expect(second.nextCursor).toBeUndefined();
  });

  it('keeps its rate', async () => {
    for (const id of names(40)) await insert(dead({ id }));
    await replaying.replica.start();
    replaying.runner.start();
    const startedAt = performance.now();
    const { job } = await replaying.service.start({ ...order, filter: {}, ratePerSecond: 100 });
    await replaying.steps.until(3);
    // Twenty at once, twenty 200 ms later, and 200 ms later that there is no more.
    expect(performance.now() - startedAt).toBeGreaterThan(390);
    expect(replaying.steps.ended.map((step) => step.kind !== 'not-ours' && step.revived)).toEqual([20, 20, 0]);
    expect(await replaying.service.get(job.id)).toMatchObject({ status: 'done', replayed: 40 });
  });

  it('goes on after a step that failed', async () => {
    await insert(dead());
    replaying.sink.fails = 2;
    await replaying.replica.start();
    replaying.runner.start();
    const { job } = await start();
    await replaying.steps.until(1);
    expect(await replaying.service.get(job.id)).toMatchObject({ status: 'done', replayed: 1 });
  });

  it('is handed over when its replica stops, and taken from one that died', async () => {
    for (const id of names(30)) await insert(dead({ id }));
    await replaying.replica.start();
    replaying.runner.start();
    const { job } = await start();
    await replaying.steps.until(1);
    await replaying.runner.stop();
    expect(await replaying.service.get(job.id)).toMatchObject({ status: 'running', owner: null, replayed: 10 });

    // Somebody takes it and dies without a word.
    const died = randomUUID();
    await getDb().db.insertInto('replicas').values({ id: died, started_at: 1, lease_until: 1 }).execute();
    await replaying.replays.adopt(died, [job.id]);
    expect(await replaying.replays.advance(job.id, died, 5)).toEqual({ kind: 'more', revived: 5 });
    expect(await replaying.replica.takeOver()).toEqual([died]);
    expect(await replaying.replays.advance(job.id, died, 5)).toEqual({ kind: 'not-ours' });

    const before = replaying.steps.ended.length;
    replaying.runner.start();
    await replaying.steps.until(before + 2);
    expect(await replaying.service.get(job.id)).toMatchObject({ status: 'done', replayed: 30, skipped: 0 });
    expect([...replaying.sink.revived].sort()).toEqual(names(30));
  });

  it('is taken from an owner that has no row any more', async () => {
    await insert(dead());
    const { job } = await start();
    await getDb().db.updateTable('replay_jobs').set({ owner: 'gone' }).execute();
    await replaying.replica.start();
    expect(await replaying.replica.takeOver()).toEqual(['gone']);
    expect(await replaying.service.get(job.id)).toMatchObject({ owner: replaying.replica.id });
  });

  it('looks only at dead letters, however many were delivered', async () => {
    const rows = Array.from({ length: 5_000 }, () => deliveryRow({ state: 'delivered', delivered_at: 1 }));
    for (let i = 0; i < rows.length; i += 500) await insert(...rows.slice(i, i + 500));
    await insert(dead());
    await sql`analyze`.execute(getDb().db);
    const query = sql`select id, seq from deliveries where state = 'dead' and +dead_at <= 5 and seq > 1 order by seq limit 10`;
    const plan = await (getDb().kind === 'sqlite' ? sql`explain query plan ${query}` : sql`explain ${query}`).execute(
      getDb().db,
    );
    expect(JSON.stringify(plan.rows)).toContain('deliveries_dead_order');
  });
});

describe('Replay on two replicas', () => {
  it('makes one job, and lets only its owner work on it', async () => {
    const { target } = await freshTarget('postgres');
    const databases = [await openDatabase(target), await openDatabase(target)] as const;
    const [one, other] = [replayingOn(databases[0]), replayingOn(databases[1])];
    await databases[0].db
      .insertInto('deliveries')
      .values(names(20).map((id) => dead({ id })))
      .execute();
    const clicks = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).service.start({ ...order, filter: {} })),
    );
    expect(new Set(clicks.map(({ job }) => job.id)).size).toBe(1);
    const { id } = clicks[0]!.job;
    const steps = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 ? one : other)).map((each) =>
        each.replays.advance(id, each.replica.id, 4),
      ),
    );
    // Four steps of four by the owner, whatever the other one tried.
    expect(steps.filter((step) => step.kind === 'not-ours')).toHaveLength(4);
    expect(await one.service.get(id)).toMatchObject({ replayed: 16 });
    expect([...one.sink.revived, ...other.sink.revived].sort()).toEqual(names(16));
    await Promise.all(databases.map((database) => database.close()));
  });
});
