import { randomUUID } from 'node:crypto';
import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import type { Claim } from '../../src/delivery/claim.js';
import type { StoredOutcome } from '../../src/delivery/delivery.repository.js';
import type { DeliveryDraft } from '../../src/delivery/sink.js';
import type { DeliveryRow } from '../../src/storage/schema.js';
import { describeEachDatabase, openDatabase } from '../helpers/databases.js';
import { deliveryRow } from '../helpers/rows.js';

function draft(but: Partial<DeliveryDraft> = {}): DeliveryDraft {
  return {
    id: randomUUID(),
    sink: 'test',
    orderKey: randomUUID(),
    subjectId: 's',
    payload: '{"a":1}',
    receivedAt: 5,
    ...but,
  };
}

function claim(but: Partial<Claim> = {}): Claim {
  return { sink: 'test', limit: 100, token: randomUUID(), replica: 'me', leaseMs: 60_000, ...but };
}

function outcome(row: DeliveryRow, but: Partial<StoredOutcome> = {}): StoredOutcome {
  return {
    v_id: row.id,
    v_claim: row.claim ?? '',
    v_state: 'delivered',
    v_attempts: 1,
    v_delay_ms: 0,
    v_status: 200,
    v_code: null,
    v_message: null,
    v_answer: null,
    ...but,
  };
}

const ids = (rows: readonly { id: string }[]): string[] => rows.map((row) => row.id);

describeEachDatabase('DeliveryRepository', (getDb, getTarget) => {
  let deliveries: DeliveryRepository;

  beforeEach(() => {
    deliveries = new DeliveryRepository(getDb());
  });

  const enqueue = (...drafts: DeliveryDraft[]) =>
    getDb().transaction(async (trx) => (await deliveries.insert(trx, drafts)).ids);
  const settle = (...outcomes: StoredOutcome[]) => getDb().transaction((trx) => deliveries.settle(trx, outcomes));
  const rowOf = (id: string) =>
    getDb().db.selectFrom('deliveries').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

  it('takes each id once, and says which were new', async () => {
    const [first, second] = [draft(), draft()];
    expect(await enqueue(first)).toEqual([first.id]);
    expect(await enqueue(first, second, second)).toEqual([second.id]);
    expect(await rowOf(first.id)).toMatchObject({ payload: '{"a":1}', state: 'pending', attempts: 0, crashes: 0 });
  });

  it('claims what is due, in the order of insertion, and only once', async () => {
    const drafts = Array.from({ length: 5 }, () => draft());
    await enqueue(...drafts);
    const first = await deliveries.claimDue(claim({ limit: 3 }));
    const second = await deliveries.claimDue(claim());
    expect([...ids(first), ...ids(second)]).toEqual(ids(drafts));
    expect(await deliveries.claimDue(claim())).toEqual([]);
    expect(first[0]?.claimed_until ?? 0).toBeGreaterThan(Date.now() + 50_000);
  });

  describe('to many destinations', () => {
    const to = (destination: string, count: number, but: Partial<DeliveryDraft> = {}) =>
      Array.from({ length: count }, (_, n) => draft({ id: `${destination}${n}`, destination, ...but }));

    it('claims for each its share, in the order of insertion, whoever waits longest', async () => {
      await enqueue(...to('a', 50), ...to('b', 3), ...to('c', 2));
      const shares = [
        { destination: 'a', room: 2 },
        { destination: 'b', room: 5 },
      ];
      expect(ids(await deliveries.claimShares(claim(), shares))).toEqual(['a0', 'a1', 'b0', 'b1', 'b2']);
      expect(ids(await deliveries.claimShares(claim(), shares))).toEqual(['a2', 'a3']);
    });

    it('claims of one key only the first, and looks past 64 rows only where more are due', async () => {
      await enqueue(
        ...to('a', 80, { orderKey: 'k' }),
        ...to('a beyond ', 1, { destination: 'a' }),
        ...to('a more ', 2, { destination: 'a', orderKey: 'more' }),
      );
      const shares = [{ destination: 'a', room: 9 }];
      expect(ids(await deliveries.claimShares(claim(), shares))).toEqual(['a0']);
      const { crowded } = await deliveries.dueDestinations('test', '', 1);
      expect(crowded).toEqual(new Set(['a']));
      // It begins with any of them.
      const others = await deliveries.claimShares(claim(), shares, crowded);
      expect(ids(others).sort()).toEqual(['a beyond 0', 'a more 0']);
    });

    it('tells which have something due, some at a time', async () => {
      await enqueue(...['a', 'b', 'c', 'd', 'e'].flatMap((name) => to(name, 3)), ...to('f', 1, { sink: 'other' }));
      await getDb().db.updateTable('deliveries').set({ due_at: 9e15 }).where('destination', '=', 'b').execute();
      await deliveries.claimShares(claim(), [{ destination: 'd', room: 9 }]);
      expect(await deliveries.dueDestinations('test', '', 3)).toMatchObject({ due: ['a', 'c'], last: 'c' });
      expect(await deliveries.dueDestinations('test', 'c', 3)).toMatchObject({ due: ['e'], last: undefined });
      expect(await deliveries.dueDestinations('nobody', '', 3)).toMatchObject({ due: [], last: undefined });
      expect((await deliveries.dueAmong('test', ['e', 'b', 'z', 'a'])).due).toEqual(['e', 'a']);
    });

    it('gives each to one claimer only', async () => {
      await enqueue(...to('a', 100), ...to('b', 100));
      const shares = ['a', 'b'].map((destination) => ({ destination, room: 20 }));
      const claimed = await Promise.all(Array.from({ length: 10 }, () => deliveries.claimShares(claim(), shares)));
      const all = ids(claimed.flat());
      expect(new Set(all).size).toBe(all.length);
      const rest = await deliveries.claimShares(
        claim(),
        shares.map((share) => ({ ...share, room: 100 })),
      );
      expect(ids(rest)).not.toContain(all[0]);
    });
  });

  it('leaves other sinks and later ones alone', async () => {
    await getDb()
      .db.insertInto('deliveries')
      .values([deliveryRow({ sink: 'other' }), deliveryRow({ due_at: 9e15 })])
      .execute();
    expect(await deliveries.claimDue(claim())).toEqual([]);
  });

  it('keeps the order of one key: the next goes when the one before has ended', async () => {
    const [a, b, other] = [draft({ orderKey: 'k' }), draft({ orderKey: 'k' }), draft()];
    await enqueue(a, b, other);
    const claimed = await deliveries.claimDue(claim());
    expect(ids(claimed)).toEqual([a.id, other.id]);
    await settle(outcome(claimed[0]!, { v_state: 'pending', v_delay_ms: 60_000, v_code: 'x', v_message: 'y' }));
    expect(await deliveries.claimDue(claim())).toEqual([]);
    await getDb().db.updateTable('deliveries').set({ due_at: 0 }).where('id', '=', a.id).execute();
    const again = await deliveries.claimDue(claim());
    expect(ids(again)).toEqual([a.id]);
    await settle(outcome(again[0]!, { v_state: 'dead' }));
    expect(ids(await deliveries.claimDue(claim()))).toEqual([b.id]);
  });

  it('keeps sinks apart: each gets a record under the same key, and none holds up another', async () => {
    const [a, b] = [draft({ orderKey: 'k' }), draft({ orderKey: 'k' })];
    await enqueue(a, b);
    expect(await enqueue({ ...a, sink: 'second' }, { ...b, sink: 'second' })).toEqual([a.id, b.id]);
    expect(await enqueue({ ...a, sink: 'second' })).toEqual([]);
    const [first] = await deliveries.claimDue(claim());
    const second = await deliveries.claimDue(claim({ sink: 'second' }));
    expect(ids(second)).toEqual([a.id]);
    await settle(outcome(second[0]!));
    expect(ids(await deliveries.claimDue(claim({ sink: 'second' })))).toEqual([b.id]);
    const states = await getDb().db.selectFrom('deliveries').select(['sink', 'state']).where('id', '=', a.id).execute();
    expect(states.map(({ sink, state }) => [sink, state]).sort()).toEqual([
      ['second', 'delivered'],
      ['test', 'claimed'],
    ]);
    expect(await settle(outcome(first!))).toHaveLength(1);
  });

  it('hands over to one sink what another still waits for', async () => {
    const [waits, next] = [draft({ orderKey: 'k' }), draft({ orderKey: 'k', sink: 'second' })];
    await enqueue(waits);
    const { claimed } = await getDb().transaction((trx) => deliveries.insert(trx, [next], claim({ sink: 'second' })));
    expect(ids(claimed)).toEqual([next.id]);
  });

  it('stores outcomes of all kinds in one statement', async () => {
    await enqueue(draft({ id: 'a' }), draft({ id: 'b' }), draft({ id: 'c' }));
    const [a, b, c] = await deliveries.claimDue(claim());
    const failed = { v_status: 503, v_code: 'history.down', v_message: `it's "down"` };
    const stored = await settle(
      outcome(a!),
      outcome(b!, { ...failed, v_state: 'pending', v_delay_ms: 60_000 }),
      outcome(c!, { ...failed, v_state: 'dead', v_status: 422 }),
    );
    expect(stored.map((row) => [row.id, row.attempts]).sort()).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
    for (const row of stored) expect(Math.abs(row.at - Date.now())).toBeLessThan(5_000);
    const free = { claim: null, claimed_by: null, claimed_until: null };
    expect(await rowOf('a')).toMatchObject({ ...free, state: 'delivered', last_error_code: null, dead_at: null });
    expect(await rowOf('b')).toMatchObject({
      ...free,
      state: 'pending',
      last_error_message: `it's "down"`,
      delivered_at: null,
    });
    expect(await rowOf('c')).toMatchObject({
      ...free,
      state: 'dead',
      last_status: 422,
      last_error_code: 'history.down',
    });
    expect((await rowOf('a')).delivered_at).not.toBeNull();
    expect((await rowOf('b')).due_at).toBeGreaterThan(Date.now() + 50_000);
    expect((await rowOf('c')).dead_at).not.toBeNull();
  });

  it('is fenced: a lost claim changes nothing', async () => {
    await enqueue(draft({ id: 'a' }));
    const [lost] = await deliveries.claimDue(claim());
    await deliveries.release([lost!]);
    const [held] = await deliveries.claimDue(claim());
    expect(await settle(outcome(lost!, { v_state: 'dead' }))).toEqual([]);
    expect(await rowOf('a')).toMatchObject({ state: 'claimed', claim: held?.claim, attempts: 0 });
    await deliveries.release([lost!]);
    expect(await rowOf('a')).toMatchObject({ state: 'claimed' });
    expect(await settle(outcome(held!))).toHaveLength(1);
  });

  it('gives claims back without counting an attempt', async () => {
    await enqueue(draft({ id: 'a' }), draft({ id: 'b' }));
    await deliveries.claimDue(claim({ limit: 1 }));
    await deliveries.claimDue(claim({ replica: 'another' }));
    await deliveries.releaseAll('me');
    expect(await rowOf('a')).toMatchObject({ state: 'pending', attempts: 0, crashes: 0, claim: null });
    expect(await rowOf('b')).toMatchObject({ state: 'claimed', claimed_by: 'another' });
  });

  it('postpones what stands behind a postponed one as far apart as it is told, once', async () => {
    await enqueue(...['a', 'b', 'c'].map((id) => draft({ id, orderKey: 'k' })), draft({ id: 'other' }));
    const [a] = await deliveries.claimDue(claim({ limit: 1 }));
    await deliveries.postpone([{ delivery: a!, delayMs: 60_000, apartMs: 50 }]);
    const due = async () => Promise.all(['a', 'b', 'c'].map(async (id) => (await rowOf(id)).due_at));
    const times = await due();
    expect(await rowOf('a')).toMatchObject({ state: 'pending', attempts: 0, claim: null });
    expect(times.map((at) => at - (times[0] ?? 0))).toEqual([0, 50, 100]);
    expect(ids(await deliveries.claimDue(claim()))).toEqual(['other']);
    await getDb().db.updateTable('deliveries').set({ due_at: 0 }).where('id', '=', 'a').execute();
    const [again] = await deliveries.claimDue(claim());
    await deliveries.postpone([{ delivery: again!, delayMs: 10 }]);
    expect((await due()).slice(1)).toEqual(times.slice(1));
  });

  it('gives back expired claims, but only its own', async () => {
    await enqueue(draft({ id: 'a' }), draft({ id: 'b' }), draft({ id: 'c' }));
    await deliveries.claimDue(claim({ limit: 1, leaseMs: -1 }));
    await deliveries.claimDue(claim({ limit: 1, leaseMs: -1, replica: 'another' }));
    await deliveries.claimDue(claim({ limit: 1 }));
    await deliveries.releaseExpired('me');
    expect(await Promise.all(['a', 'b', 'c'].map(async (id) => (await rowOf(id)).state))).toEqual([
      'pending',
      'claimed',
      'claimed',
    ]);
  });

  it('has one suspect in flight at a time, apart from the others', async () => {
    const crashed = [deliveryRow({ id: 's1', crashes: 1 }), deliveryRow({ id: 's2', crashes: 1 })];
    await getDb()
      .db.insertInto('deliveries')
      .values([...crashed, deliveryRow({ id: 'fresh' })])
      .execute();
    expect(ids(await deliveries.claimDue(claim()))).toEqual(['fresh']);
    const [first] = await deliveries.claimSuspect(claim());
    expect(first?.id).toBe('s1');
    expect(await deliveries.claimSuspect(claim())).toEqual([]);
    await settle(outcome(first!, { v_state: 'pending', v_delay_ms: 60_000 }));
    expect(await rowOf('s1')).toMatchObject({ crashes: 0 });
    expect(ids(await deliveries.claimSuspect(claim()))).toEqual(['s2']);
  });

  it('claims the least suspected first, and spares those that have one death left', async () => {
    await getDb()
      .db.insertInto('deliveries')
      .values([deliveryRow({ id: 'twice', crashes: 2 }), deliveryRow({ id: 'once', crashes: 1 })])
      .execute();
    const [first] = await deliveries.claimSuspect(claim());
    expect(first?.id).toBe('once');
    await settle(outcome(first!));
    expect(await deliveries.claimSuspect(claim(), 2)).toEqual([]);
    expect(ids(await deliveries.claimSuspect(claim()))).toEqual(['twice']);
  });

  it('knows when to look again', async () => {
    expect(await deliveries.nextDue('test')).toEqual({ waitMs: null, blocked: false });
    await getDb()
      .db.insertInto('deliveries')
      .values(deliveryRow({ due_at: 1 }))
      .execute();
    // What is due already and was not claimed waits for another one, not for a time.
    expect(await deliveries.nextDue('test')).toEqual({ waitMs: null, blocked: true });
    const later = Date.now() + 60_000;
    await getDb()
      .db.insertInto('deliveries')
      .values([deliveryRow({ due_at: later, crashes: 1 }), deliveryRow({ due_at: later + 60_000 })])
      .execute();
    const { waitMs } = await deliveries.nextDue('test');
    expect(Math.abs((waitMs ?? 0) - 60_000)).toBeLessThan(5_000);
  });

  it('counts its backlog', async () => {
    expect(await deliveries.backlog('test')).toEqual({ waiting: 0, oldestWaitingMs: null, dead: 0 });
    const rows = [
      deliveryRow({ received_at: Date.now() - 60_000 }),
      deliveryRow({ state: 'claimed', received_at: Date.now() }),
    ];
    await getDb()
      .db.insertInto('deliveries')
      .values([...rows, deliveryRow({ state: 'dead' }), deliveryRow({ state: 'delivered' })])
      .execute();
    const backlog = await deliveries.backlog('test');
    expect(backlog).toMatchObject({ waiting: 2, dead: 1 });
    expect(Math.abs((backlog.oldestWaitingMs ?? 0) - 60_000)).toBeLessThan(5_000);
  });

  it('gives each to one claimer only, however many claim at once', async () => {
    await enqueue(...Array.from({ length: 300 }, () => draft()));
    const target = getTarget();
    const other = target.kind === 'postgres' ? await openDatabase(target) : undefined;
    const claimers = [deliveries, new DeliveryRepository(other ?? getDb())];
    const claimed = await Promise.all(
      Array.from({ length: 20 }, (_, i) => claimers[i % 2]!.claimDue(claim({ limit: 20 }))),
    );
    const all = ids(claimed.flat());
    expect(new Set(all).size).toBe(all.length);
    const rest = await deliveries.claimDue(claim({ limit: 300 }));
    expect(all.length + rest.length).toBe(300);
    await other?.close();
  });
});
