import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { InteractionRepository } from '../../src/conversations/interaction.repository.js';
import { RetentionRepository } from '../../src/conversations/retention.repository.js';
import { LookupRepository } from '../../src/conversations/lookup.repository.js';
import { recordIdOf } from '../../src/history/record.js';
import type { Database } from '../../src/storage/database.js';
import type { InteractionRow, InteractionStatus } from '../../src/storage/schema.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { interactionDraft } from '../helpers/rows.js';

const OWNER = 'replica-1';
const DAY_MS = 24 * 60 * 60 * 1000;
const SWEEP_MS = 1_800_000;

describeEachDatabase('InteractionRepository', (getDb) => {
  let database: Database;
  let interactions: InteractionRepository;
  let retention: RetentionRepository;
  let lookups: LookupRepository;

  beforeEach(() => {
    database = getDb();
    interactions = new InteractionRepository(database);
    retention = new RetentionRepository(database);
    lookups = new LookupRepository(database);
  });

  async function insert(count: number, fields: Partial<InteractionRow> = {}): Promise<InteractionRow[]> {
    const drafts = Array.from({ length: count }, () =>
      interactionDraft({ conversationId: fields.conversation_id ?? randomUUID(), customerId: randomUUID() }),
    );
    const terms = { owner: OWNER, ttlMs: DAY_MS, lookupInMs: 60_000 };
    return database.transaction((trx) => interactions.insertNew(trx, drafts, terms));
  }

  async function set(ids: string[], fields: Partial<InteractionRow>): Promise<void> {
    await database.db.updateTable('interactions').set(fields).where('id', 'in', ids).execute();
  }

  async function statuses(): Promise<Record<string, number>> {
    const rows = await database.db.selectFrom('interactions').select('status').execute();
    return rows.reduce<Record<string, number>>((all, { status }) => ({ ...all, [status]: (all[status] ?? 0) + 1 }), {});
  }

  const ids = (rows: { id: string }[]): string[] => rows.map((row) => row.id);
  const conversationsOf = (rows: InteractionRow[]): string[] => rows.map((row) => row.conversation_id);

  it('stores what is new by conversation, customer and agent, and nothing twice', async () => {
    const conversationId = randomUUID();
    const drafts = [{}, {}, { agentId: 'a' }].map((but) => interactionDraft({ conversationId, ...but }));
    const terms = { owner: OWNER, ttlMs: DAY_MS, lookupInMs: 60_000 };
    const stored = await database.transaction((trx) => interactions.insertNew(trx, drafts, terms));
    expect(ids(stored)).toEqual([drafts[0]?.id, drafts[2]?.id]);
    expect(await database.transaction((trx) => interactions.insertNew(trx, drafts, terms))).toEqual([]);
    expect(stored[0]).toMatchObject({ status: 'accepted', owner: OWNER, result_hash: null });
    expect((stored[0]?.expires_at ?? 0) - (stored[0]?.accepted_at ?? 0)).toBe(DAY_MS);
  });

  it('gives all that is stored together one moment', async () => {
    const stored = await insert(2_000);
    const times = stored.map(({ accepted_at, expires_at, lookup_at }) => [accepted_at, expires_at, lookup_at].join());
    expect(stored).toHaveLength(2_000);
    expect(new Set(times).size).toBe(1);
  });

  it.each([{}, { status: 'captured', result_hash: 'result' } as const])(
    'answers whole rows as stored (%j)',
    async (extra) => {
      const attributes = '{"caseId":"4711"}';
      const draft = interactionDraft({ agentId: 'a', channel: 'CALL', subject: 'Invoice 77', attributes });
      const terms = { owner: OWNER, ttlMs: DAY_MS, lookupInMs: 60_000, ...extra };
      const answered = await database.transaction((trx) => interactions.insertNew(trx, [draft], terms));
      const stored = await database.transaction((trx) => interactions.ofConversations(trx, [draft.conversationId]));
      expect(answered).toEqual(stored);
      expect(stored).toHaveLength(1);
    },
  );

  it('captures each waiting one once', async () => {
    const rows = await insert(3);
    await set([rows[2]?.id ?? ''], { status: 'cancelled' });
    const first = await database.transaction((trx) => interactions.capture(trx, ids(rows), false));
    expect(first).toEqual(new Set(ids(rows.slice(0, 2))));
    expect(await database.transaction((trx) => interactions.capture(trx, ids(rows), false))).toEqual(new Set());
    expect(await statuses()).toEqual({ captured: 2, cancelled: 1 });
  });

  it('takes an event as the proof that we listen, should it overtake the note of it', async () => {
    const [heard] = await insert(1);
    const [found] = await insert(1);
    await database.transaction((trx) => interactions.capture(trx, [heard?.id ?? ''], true));
    await database.transaction((trx) => interactions.capture(trx, [found?.id ?? ''], false));
    const rows = await database.db.selectFrom('interactions').select(['id', 'listening_at', 'captured_at']).execute();
    const [one, other] = [heard, found].map((row) => rows.find(({ id }) => id === row?.id));
    expect(one?.listening_at).toBe(one?.captured_at);
    expect(other?.listening_at).toBeNull();
  });

  it('lets an interaction listen, and begins its look-ups anew', async () => {
    const [row] = await insert(1);
    await interactions.listening([row?.conversation_id ?? ''], SWEEP_MS, 'gap-1');
    const after = await database.db.selectFrom('interactions').selectAll().executeTakeFirstOrThrow();
    expect(after).toMatchObject({ status: 'listening', lookup_series: 'gap', lookup_step: 0, gap_id: 'gap-1' });
    expect(after.lookup_at).toBeGreaterThanOrEqual((after.listening_at ?? Infinity) + 2_000);
    expect(after.lookup_at).toBeLessThanOrEqual(Date.now() + 2_000);
  });

  it('never schedules a look-up later than the expiry, so that the last one comes before it', async () => {
    const [row] = await insert(1);
    await lookups.schedule([row as InteractionRow], 3, { inMs: 10 * DAY_MS, openInMs: 9 * DAY_MS });
    const after = await database.db.selectFrom('interactions').selectAll().executeTakeFirstOrThrow();
    expect(after).toMatchObject({ lookup_step: 3, lookup_at: after.expires_at, lookup_open_at: after.expires_at });
  });

  it('takes due look-ups, the longest due first, and gives none out twice', async () => {
    const rows = await insert(3);
    const now = Date.now();
    for (const [index, row] of rows.entries()) {
      const at = now - (index + 1) * 1_000;
      await set([row.id], { lookup_at: at, lookup_open_at: at });
    }
    const take = async (owner: string): Promise<InteractionRow[]> =>
      (await lookups.take({ owner, lane: 'usual', limit: 2, putOffMs: 60_000 })).rows;
    const first = await take(OWNER);
    expect(ids(first).sort()).toEqual(ids(rows.slice(1)).sort());
    expect(ids(await take(OWNER))).toEqual([rows[0]?.id]);
    expect(await take(OWNER)).toEqual([]);
    expect(await take('another')).toEqual([]);
  });

  it('does not schedule what began anew while it was asked for', async () => {
    const rows = await insert(2);
    await set(ids(rows), { lookup_at: 1, lookup_open_at: 1 });
    const taken = (await lookups.take({ owner: OWNER, lane: 'usual', limit: 10, putOffMs: 60_000 })).rows;
    const [missed, other] = taken as [InteractionRow, InteractionRow];
    await interactions.listening([missed.conversation_id], SWEEP_MS, 'gap-1');
    await lookups.schedule(taken, 1, { inMs: 300_000, openInMs: 150_000 });
    await lookups.putOff([missed], 400_000);
    const read = async ({ id }: InteractionRow): Promise<InteractionRow> =>
      database.db.selectFrom('interactions').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    expect(await read(missed)).toMatchObject({ lookup_series: 'gap', lookup_step: 0 });
    expect((await read(missed)).lookup_at).toBeLessThanOrEqual(Date.now() + 2_000);
    expect(await read(other)).toMatchObject({ lookup_step: 1 });
  });

  it('fills a usual batch up with those that may go along, and takes nobody while nobody is due', async () => {
    const [due, open, later] = (await insert(3)) as [InteractionRow, InteractionRow, InteractionRow];
    const now = Date.now();
    await set([due.id], { lookup_at: now + DAY_MS, lookup_open_at: now - 1 });
    await set([open.id], { lookup_at: now + DAY_MS, lookup_open_at: now - 1 });
    await set([later.id], { lookup_at: now + DAY_MS, lookup_open_at: now + DAY_MS });
    const take = async (): Promise<string[]> =>
      ids((await lookups.take({ owner: OWNER, lane: 'usual', limit: 10, putOffMs: 60_000 })).rows);
    expect(await take()).toEqual([]);
    await set([due.id], { lookup_at: now - 1 });
    expect((await take()).sort()).toEqual([due.id, open.id].sort());
    expect(await take()).toEqual([]);
  });

  it('asks patiently for whoever may have missed something, and for the others once together', async () => {
    const [heard, late, missed] = (await insert(3)) as [InteractionRow, InteractionRow, InteractionRow];
    await set([late.id], { accepted_at: Date.now() - 61_000 });
    await interactions.uncovered([missed.conversation_id], SWEEP_MS);
    await interactions.listening(conversationsOf([heard, late, missed]), SWEEP_MS, undefined);
    const after = await database.db.selectFrom('interactions').selectAll().orderBy('id').execute();
    const told = (row: InteractionRow): unknown => {
      const found = after.find(({ id }) => id === row.id) as InteractionRow;
      const inMs = (at: number | null): number => Math.round(((at ?? 0) - (found.listening_at ?? 0)) / 1_000);
      return [found.lookup_series, inMs(found.lookup_open_at), inMs(found.lookup_at)];
    };
    expect([heard, late, missed].map(told)).toEqual([
      ['heard', 0, 30],
      ['gap', 1, 2],
      ['gap', 1, 2],
    ]);
  });

  it('leaves the look-ups of who is listened for as they are when a second interaction of the conversation comes', async () => {
    const [row] = (await insert(1)) as [InteractionRow];
    await interactions.listening([row.conversation_id], SWEEP_MS, undefined);
    await set([row.id], { lookup_step: 2 });
    expect(await interactions.listening([row.conversation_id], SWEEP_MS, undefined)).toEqual([]);
    const read = (): Promise<InteractionRow> =>
      database.db.selectFrom('interactions').selectAll().where('id', '=', row.id).executeTakeFirstOrThrow();
    expect(await read()).toMatchObject({ lookup_series: 'heard', lookup_step: 2 });
    expect(await interactions.listening([row.conversation_id], SWEEP_MS, 'gap-1')).toHaveLength(1);
    expect(await read()).toMatchObject({ lookup_series: 'gap', lookup_step: 0 });
  });

  it('expires only those whose time is over and that still wait', async () => {
    const rows = await insert(3);
    await set(ids(rows.slice(0, 2)), { expires_at: Date.now() - 1 });
    await set([rows[1]?.id ?? ''], { status: 'captured' });
    expect(ids(await getDb().transaction((trx) => interactions.expire(trx, ids(rows))))).toEqual([rows[0]?.id]);
    expect(await statuses()).toEqual({ expired: 1, captured: 1, accepted: 1 });
  });

  it('tells for which conversations none of ours waits', async () => {
    const [waiting] = await insert(1);
    const [others] = await insert(1);
    await set([others?.id ?? ''], { owner: 'replica-2' });
    const [done] = await insert(1);
    await set([done?.id ?? ''], { status: 'delivered' });
    const conversations = [waiting, others, done].map((row) => row?.conversation_id ?? '');
    expect(await interactions.idleAmong([...conversations, 'unknown'], OWNER)).toEqual([
      others?.conversation_id,
      done?.conversation_id,
      'unknown',
    ]);
  });

  it('lets those that no channel has room for only wait, and asks for them anew', async () => {
    const rows = await insert(3);
    await interactions.listening(conversationsOf(rows), SWEEP_MS, undefined);
    await set(ids(rows), { lookup_step: 5 });
    await set([rows[2]?.id ?? ''], { status: 'captured' });
    await interactions.uncovered(conversationsOf(rows), SWEEP_MS);
    expect(await statuses()).toEqual({ accepted: 2, captured: 1 });
    const [row] = await interactions.ofConversations(database.db as never, conversationsOf(rows.slice(0, 1)));
    expect(row).toMatchObject({ lookup_step: 0, listening_at: expect.any(Number) });
    expect((row?.lookup_at ?? 0) - Date.now()).toBeLessThan(2_500);
    await interactions.listening(conversationsOf(rows), SWEEP_MS, undefined);
    expect(await statuses()).toEqual({ listening: 2, captured: 1 });
  });

  it('begins anew what is cancelled or expired, and nothing else', async () => {
    const terms = { owner: 'replica-2', ttlMs: DAY_MS, lookupInMs: 60_000 };
    const old = Date.now() - DAY_MS;
    const [cancelled, expired, captured, waiting] = (await insert(4)) as [
      InteractionRow,
      InteractionRow,
      InteractionRow,
      InteractionRow,
    ];
    const earlier = {
      accepted_at: old,
      expires_at: old,
      listening_at: old,
      lookup_at: null,
      lookup_step: 4,
      gap_id: 'g',
    };
    const error = { last_error_code: 'topic.rejected', last_error_message: 'no', last_error_at: old };
    await set([cancelled.id], { ...earlier, ...error, status: 'cancelled', cancelled_at: old });
    await set([expired.id], { ...earlier, status: 'expired', expired_at: old });
    await set([captured.id], { status: 'captured', captured_at: old });
    const drafts = [cancelled, expired, captured, waiting].map(({ id, conversation_id: conversationId }) => {
      return { ...interactionDraft({ conversationId, subject: 'again' }), id };
    });
    const renewed = await database.transaction((trx) => interactions.renew(trx, drafts, terms));
    expect(ids(renewed)).toEqual([cancelled.id, expired.id]);
    const { rows } = await sql<{ now: number }>`select ${database.now} as now`.execute(database.db);
    for (const [row, before] of [
      [renewed[0], cancelled],
      [renewed[1], expired],
    ] as const) {
      expect(row).toEqual({
        ...before,
        subject: 'again',
        request_hash: drafts[0]?.requestHash,
        owner: 'replica-2',
        accepted_at: expect.any(Number),
        expires_at: expect.any(Number),
        lookup_at: expect.any(Number),
        lookup_open_at: expect.any(Number),
      });
      expect(Math.abs((rows[0]?.now ?? 0) - (row?.accepted_at ?? 0))).toBeLessThan(10_000);
    }
    expect(await statuses()).toEqual({ accepted: 3, captured: 1 });
  });

  it('does not remove what a result by hand is just completing', async () => {
    const old = Date.now() - 31 * DAY_MS;
    const [row] = (await insert(1)) as [InteractionRow];
    await set([row.id], { status: 'expired', accepted_at: old, expired_at: old });
    if (database.kind === 'sqlite') {
      const completing = database.transaction((trx) => interactions.captureByHand(trx, row.id, 'result'));
      expect(await retention.removeFinished(30 * DAY_MS, 10)).toBe(0);
      expect(await completing).toBe(true);
    } else {
      let removing: Promise<number> | undefined;
      await database.transaction(async (trx) => {
        await interactions.captureByHand(trx, row.id, 'result');
        const removed = new AbortController();
        removing = retention.removeFinished(30 * DAY_MS, 10).finally(() => removed.abort());
        await somebodyWaits(removed.signal);
      });
      expect(await removing).toBe(0);
    }
    expect(await statuses()).toEqual({ captured: 1 });
  });

  /** Resolves when a connection to PostgreSQL waits for another one's lock, or when nobody asks any more. */
  async function somebodyWaits(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { rows } = await sql<{ n: number }>`select count(*) as n from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(database.db);
      if ((rows[0]?.n ?? 0) > 0) return;
    }
  }

  it('removes what has been over long enough, with its record, and never the dead', async () => {
    const old = Date.now() - 31 * DAY_MS;
    const finished: [InteractionStatus, Partial<InteractionRow>][] = [
      ['delivered', { delivered_at: old }],
      ['expired', { expired_at: old }],
      ['cancelled', { cancelled_at: old }],
      ['discarded', { dead_at: old, discarded_at: old }],
      ['discarded', { dead_at: old, discarded_at: Date.now() }],
      ['dead', { dead_at: old }],
      ['captured', {}],
      ['listening', {}],
      ['delivered', { delivered_at: Date.now() }],
    ];
    for (const [status, fields] of finished) {
      const [row] = await insert(1);
      await set([row?.id ?? ''], { status, accepted_at: old, ...fields });
      await sql`insert into deliveries (id, sink, order_key, subject_id, payload, state, due_at, received_at, created_at)
        values (${recordIdOf(row?.id ?? '')}, 'history', 'c', ${row?.id}, '{}', 'delivered', 0, 0, 0)`.execute(
        database.db,
      );
    }
    expect(await retention.removeFinished(30 * DAY_MS, 2)).toBe(2);
    expect(await retention.removeFinished(30 * DAY_MS, 2)).toBe(2);
    expect(await retention.removeFinished(30 * DAY_MS, 2)).toBe(0);
    expect(await statuses()).toEqual({ dead: 1, discarded: 1, captured: 1, listening: 1, delivered: 1 });
    const left = await database.db.selectFrom('deliveries').select('id').execute();
    expect(left).toHaveLength(5);
  });
});
