import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { InteractionQuery } from '../../src/conversations/interaction.query.js';
import { InteractionRepository } from '../../src/conversations/interaction.repository.js';
import { LookupRepository } from '../../src/conversations/lookup.repository.js';
import { cancelWaiting } from '../../src/delivery/cancellation.js';
import { DeliveryRepository } from '../../src/delivery/delivery.repository.js';
import { deadMatching } from '../../src/replay/replay-filter.js';
import { LedgerRepository } from '../../src/operations/ledger.repository.js';
import type { Database } from '../../src/storage/database.js';
import { KeptCounts } from '../../src/storage/kept-counts.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { plansOf as plansOfStatements, textsOf, WALK } from '../helpers/plans.js';
import { interactionDraft } from '../helpers/rows.js';

const OWNER = 'replica-1';
/** As many as wait on 5 channels: walking through all of them for each batch is what must not happen. */
const WAITING = 5_000;
const DAY_MS = 24 * 60 * 60 * 1000;

describeEachDatabase('Plans of the statements that each event and request needs', (getDb, getTarget) => {
  let database: Database;
  let interactions: InteractionRepository;
  let deliveries: DeliveryRepository;
  let ids: string[];
  let conversations: string[];

  beforeEach(async () => {
    database = getDb();
    interactions = new InteractionRepository(database);
    deliveries = new DeliveryRepository(database);
    const drafts = Array.from({ length: WAITING }, (_, no) => interactionDraft({ notes: String(no) }));
    const terms = { owner: OWNER, ttlMs: DAY_MS, lookupInMs: 60_000 };
    await database.transaction((trx) => interactions.insertNew(trx, drafts, terms));
    await database.transaction((trx) =>
      deliveries.insert(
        trx,
        drafts.map(({ conversationId: orderKey, id: subjectId }) => {
          return { id: randomUUID(), sink: 'history', orderKey, subjectId, payload: '{}', receivedAt: 0 };
        }),
      ),
    );
    // They come one after the other in life.
    await sql`update interactions set accepted_at = accepted_at - cast(notes as bigint)`.execute(database.db);
    // As autovacuum does it within a minute; SQLite never has any statistics.
    if (database.kind === 'postgres') await sql`analyze`.execute(database.db);
    ids = drafts.slice(0, 64).map((draft) => draft.id);
    conversations = drafts.slice(0, 64).map((draft) => draft.conversationId);
  });

  const plansOf = (work: () => Promise<unknown>): Promise<string[]> => plansOfStatements(database, work);

  it('finds those who wait by their conversation', async () => {
    const plans = [
      ...(await plansOf(() => database.transaction((trx) => interactions.waitingFor(trx, conversations)))),
      ...(await plansOf(() => database.transaction((trx) => interactions.ofConversations(trx, conversations)))),
      ...(await plansOf(() => interactions.idleAmong(conversations, 'someone'))),
      ...(await plansOf(() => interactions.listening(conversations, 1_000, undefined))),
    ];
    for (const plan of plans) expect(plan).toMatch(/interactions_key|sqlite_autoindex_interactions_2/);
    for (const plan of plans) expect(plan).not.toMatch(WALK);
  });

  it('finds interactions by their ids', async () => {
    const rows = await database.db.selectFrom('interactions').selectAll().where('id', 'in', ids).execute();
    const plans = [
      ...(await plansOf(() => new LookupRepository(database).schedule(rows, 1, { inMs: 1_000, openInMs: 500 }))),
      ...(await plansOf(() => database.transaction((trx) => interactions.capture(trx, ids, true)))),
      ...(await plansOf(() => database.transaction((trx) => interactions.settle(trx, ids, 'delivered')))),
    ];
    for (const plan of plans) expect(plan).toMatch(/interactions_pkey|sqlite_autoindex_interactions_1/);
    for (const plan of plans) expect(plan).not.toMatch(WALK);
  });

  it('finds who is due for a look-up, and nobody, by their order', async () => {
    const lookups = new LookupRepository(database);
    const take = (limit: number): Promise<unknown> =>
      lookups.take({ owner: OWNER, lane: 'usual', limit, putOffMs: 1_000 });
    for (const plan of await plansOf(() => take(100))) {
      expect(plan).toMatch(/interactions_waiting_owner/);
      expect(plan).not.toMatch(WALK);
      expect(plan).not.toMatch(/Sort|TEMP B-TREE/);
    }
  });

  it('lists the interactions of one customer without a walk through those of all', async () => {
    await sql`update interactions set customer_id = 'C-' || id`.execute(database.db);
    if (database.kind === 'postgres') await sql`analyze`.execute(database.db);
    const query = new InteractionQuery(database);
    const plans = [
      ...(await plansOf(() => query.list({ customerId: `C-${ids[0] ?? ''}`, limit: 50 }))),
      ...(await plansOf(() => query.list({ customerId: 'C-none', status: 'accepted', limit: 50 }))),
    ];
    for (const plan of [plans[0], plans.at(-1)]) expect(plan).toMatch(/interactions_customer/);
    for (const plan of plans) expect(plan).not.toMatch(WALK);
  });

  it('sums up the ledger without a look at what it counts', async () => {
    const ledger = new LedgerRepository(new KeptCounts(database, { storage: getTarget() }));
    const read: unknown[] = [];
    const texts = await textsOf(database.kind, async () =>
      read.push(await ledger.read(), await ledger.readAndCompare()),
    );
    expect(read).toMatchObject([{ accepted: WAITING, total: WAITING }, { ledger: { total: WAITING } }]);
    expect(texts).not.toEqual([]);
    for (const text of texts) expect(text).not.toMatch(/\b(from|join) (interactions|deliveries)\b/);
  });

  it('lists the interactions of one agent, of one error code, of one channel without a walk through the rows of all', async () => {
    await sql`update interactions set agent_id = 'A-' || id`.execute(database.db);
    await sql`update interactions set last_error_code = 'E' where cast(notes as bigint) % 50 = 0`.execute(database.db);
    await sql`update interactions set channel = 'CALL'`.execute(database.db);
    if (database.kind === 'postgres') await sql`analyze`.execute(database.db);
    const query = new InteractionQuery(database);
    const planOfList = async (filter: Omit<Parameters<InteractionQuery['list']>[0], 'limit'>): Promise<string> =>
      (await plansOf(() => query.list({ ...filter, limit: 50 })))[0] ?? '';
    const agentId = `A-${ids[0] ?? ''}`;
    for (const filter of [{ agentId }, { agentId, status: 'accepted', channel: 'CALL', errorCode: 'E' }] as const) {
      const plan = await planOfList(filter);
      expect(plan).toMatch(/interactions_agent/);
      expect(plan).not.toMatch(WALK);
    }
    for (const filter of [{ errorCode: 'E' }, { errorCode: 'E', status: 'accepted' }] as const) {
      const plan = await planOfList(filter);
      expect(plan).toMatch(/interactions_error/);
      expect(plan).not.toMatch(WALK);
    }
    // None has it: an index is walked and no row is looked at, for a query of SQLite holds up all others. PostgreSQL weighs.
    if (database.kind === 'postgres') return;
    expect(await planOfList({ channel: 'OTHER' })).toMatch(/interactions_age/);
    expect(await planOfList({ channel: 'OTHER', status: 'accepted' })).toMatch(/interactions_status/);
  });

  it('notes the last errors of deliveries by the ids of their interactions', async () => {
    const failures = ids.map((id) => ({ v_id: id, v_code: 'E', v_message: 'm' }));
    const [noting] = await plansOf(() => database.transaction((trx) => interactions.failed(trx, failures)));
    expect(noting).toMatch(/interactions_pkey|sqlite_autoindex_interactions_1/);
    expect(noting).not.toMatch(WALK);
  });

  it('finds what is due, and what an outcome is about, by what it is named', async () => {
    const claim = { sink: 'history', limit: 32, token: 't', replica: OWNER, leaseMs: 1_000 };
    const [claiming] = await plansOf(() => deliveries.claimDue(claim));
    expect(claiming).toMatch(/deliveries_due/);
    expect(claiming).toMatch(/deliveries_order/);
    expect(claiming).not.toMatch(WALK);
    const outcome = { v_id: ids[0] ?? '', v_claim: 't', v_state: 'delivered', v_attempts: 1, v_delay_ms: 0 } as const;
    const outcomes = [{ ...outcome, v_status: 200, v_code: null, v_message: null, v_answer: null }];
    const [settling] = await plansOf(() => database.transaction((trx) => deliveries.settle(trx, outcomes)));
    expect(settling).toMatch(/deliveries_key/);
    // It holds all that was claimed since the last vacuum.
    expect(settling).not.toMatch(/deliveries_claims/);
    expect(settling).not.toMatch(WALK);
  });

  it('finds what is due to each destination without a walk through what waits for one', async () => {
    await sql`update deliveries set sink = 'push', destination = 'to ' || (seq % 7)`.execute(database.db);
    if (database.kind === 'postgres') await sql`analyze`.execute(database.db);
    const names = Array.from({ length: 7 }, (_, n) => `to ${n}`);
    const plans = [
      ...(await plansOf(() => deliveries.dueDestinations('push', '', 256))),
      ...(await plansOf(() => deliveries.dueAmong('push', names))),
      ...(await plansOf(() =>
        deliveries.claimShares(
          { sink: 'push', limit: 24, token: 't', replica: OWNER, leaseMs: 1_000 },
          names.map((destination) => ({ destination, room: 3 })),
        ),
      )),
    ];
    for (const plan of plans) expect(plan).toMatch(/deliveries_destination/);
    for (const plan of plans) expect(plan).not.toMatch(WALK);
    for (const plan of plans) expect(plan).not.toMatch(/deliveries_(due|backlog|suspects)/);
    expect(plans.at(-1)).toMatch(/deliveries_order/);
  });

  it('finds what is to be cancelled, or sent again, by its subject', async () => {
    await sql`update deliveries set state = 'dead', dead_at = 0 where seq % 2 = 0`.execute(database.db);
    if (database.kind === 'postgres') await sql`analyze`.execute(database.db);
    const cancellation = { sinks: ['history'], subjectIds: ids, code: 'c', message: 'm' };
    const [cancelling] = await plansOf(() => database.transaction((trx) => cancelWaiting(trx, database, cancellation)));
    expect(cancelling).toMatch(/deliveries_pending_subject/);
    const filter = { interactionId: ids[0] ?? '' };
    const [replaying] = await plansOf(() =>
      sql`select seq from deliveries where ${deadMatching(filter)}`.execute(database.db),
    );
    expect(replaying).toMatch(/deliveries_dead_subject/);
  });

  it('asks once for each new delivery whether it is its turn, by its key', async () => {
    const claim = { sink: 'history', limit: 32, token: 't', replica: OWNER, leaseMs: 1_000 };
    const draft = { id: randomUUID(), sink: 'history', orderKey: 'k', subjectId: 's', payload: '{}', receivedAt: 0 };
    const [inserting] = await plansOf(() => database.transaction((trx) => deliveries.insert(trx, [draft], claim)));
    expect(inserting?.match(/deliveries_\w+/g)?.filter((name) => name !== 'deliveries_key')).toEqual([
      'deliveries_order',
    ]);
    expect(inserting).not.toMatch(WALK);
  });
});
