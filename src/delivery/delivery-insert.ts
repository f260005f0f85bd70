import { sql, type RawBuilder, type Transaction } from 'kysely';
import type { Database } from '../storage/database.js';
import { jsonRows } from '../storage/json-rows.js';
import type { DeliveryRow, DeliveryState, Schema } from '../storage/schema.js';
import type { Claim } from './claim.js';
import type { DeliveryDraft } from './sink.js';

/** What the database gave a new delivery. */
export interface Inserted {
  seq: number;
  id: string;
  state: DeliveryState;
  due_at: number;
  claimed_until: number | null;
}

/**
 * Inserts those that are new to their sink, in order. With a claim, up to its limit of them are claimed in the same breath: those
 * behind which nothing with their order key is on its way there.
 */
export async function insertDeliveries(
  trx: Transaction<Schema>,
  { kind, now }: Pick<Database, 'kind' | 'now'>,
  drafts: readonly DeliveryDraft[],
  claim?: Claim,
): Promise<Inserted[]> {
  const first = claim && firstOfEachKey(drafts, claim.limit);
  const rows = drafts.map((draft) => ({
    id: draft.id,
    sink: draft.sink,
    order_key: draft.orderKey,
    subject_id: draft.subjectId,
    payload: draft.payload,
    destination: draft.destination ?? null,
    received_at: draft.receivedAt,
    correlation_id: draft.correlationId ?? null,
    may_claim: first?.has(draft) === true ? 1 : 0,
  }));
  const table = jsonRows(kind, rows, {
    id: 'text',
    sink: 'text',
    order_key: 'text',
    subject_id: 'text',
    payload: 'text',
    destination: 'text',
    received_at: 'bigint',
    correlation_id: 'text',
    may_claim: 'bigint',
  });
  // "where true" tells SQLite's parser that "on conflict" belongs to the insert and not to a join.
  const inserted = await sql<Inserted>`
    ${claim ? withTurn(table) : sql``}
    insert into deliveries (id, sink, order_key, subject_id, payload, destination, received_at, correlation_id, due_at, created_at,
      state, claim, claimed_by, claimed_until)
    select id, sink, order_key, subject_id, payload, destination, received_at, correlation_id, ${now}, ${now}, ${claimColumns(claim, now)}
    from ${claim ? sql`drafts` : sql`${table} as drafts`}
    where true on conflict (id, sink) do nothing returning seq, id, state, due_at, claimed_until`.execute(trx);
  return inserted.rows;
}

function claimColumns(claim: Claim | undefined, now: RawBuilder<number>): RawBuilder<unknown> {
  if (!claim) return sql`'pending', null, null, null`;
  return sql`case when its_turn then 'claimed' else 'pending' end, case when its_turn then ${claim.token} end,
    case when its_turn then ${claim.replica} end, case when its_turn then ${now} + ${sql.lit(claim.leaseMs)} end`;
}

/**
 * Whose turn it is, looked up by each one's key: of "not exists" PostgreSQL makes a list of all that wait, and reads what
 * has waited since the last vacuum for it. Materialized, or it is asked again for each column that depends on it.
 */
function withTurn(table: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`with drafts as materialized (select given.*, may_claim = 1 and (
    select 1 from deliveries as earlier
    where earlier.sink = given.sink and earlier.order_key = given.order_key and earlier.state in ('pending', 'claimed') limit 1) is null as its_turn
    from ${table} as given)`;
}

function firstOfEachKey(drafts: readonly DeliveryDraft[], limit: number): Set<DeliveryDraft> {
  const firsts = new Map<string, DeliveryDraft>();
  for (const draft of drafts) {
    if (firsts.size >= limit) break;
    if (!firsts.has(draft.orderKey)) firsts.set(draft.orderKey, draft);
  }
  return new Set(firsts.values());
}

/** The claimed ones as they are in the database, without asking for what is known. */
export function claimedOf(
  inserted: readonly Inserted[],
  drafts: readonly DeliveryDraft[],
  { token, replica }: Claim,
): DeliveryRow[] {
  const byId = new Map(drafts.map((draft) => [draft.id, draft]));
  return inserted.flatMap((row) => {
    const draft = byId.get(row.id);
    if (row.state !== 'claimed' || !draft) return [];
    const { sink, orderKey, subjectId, payload, destination = null, receivedAt, correlationId = null } = draft;
    const known = {
      sink,
      order_key: orderKey,
      subject_id: subjectId,
      payload,
      destination,
      received_at: receivedAt,
      correlation_id: correlationId,
    };
    return [{ ...UNTRIED, ...row, ...known, created_at: row.due_at, claim: token, claimed_by: replica }];
  });
}

const UNTRIED = {
  attempts: 0,
  crashes: 0,
  first_attempt_at: null,
  last_status: null,
  last_error_code: null,
  last_error_message: null,
  last_error_at: null,
  delivered_at: null,
  dead_at: null,
  cancelled_at: null,
  discarded_at: null,
  answer: null,
} as const;
