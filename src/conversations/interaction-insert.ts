import { sql, type Transaction } from 'kysely';
import type { Database } from '../storage/database.js';
import { jsonRows, justCompared } from '../storage/json-rows.js';
import type { InteractionRow, Schema } from '../storage/schema.js';

/** What is needed to store an interaction; the rest is filled in here. */
export interface InteractionDraft {
  id: string;
  conversationId: string;
  customerId: string;
  agentId: string;
  requestHash: string;
  channel: string | null;
  subject: string | null;
  notes: string | null;
  attributes: string | null;
  correlationId: string | null;
}

/** What all interactions of one request share. */
export type InteractionTerms = { owner: string; ttlMs: number; lookupInMs: number } & Partial<
  Pick<InteractionRow, 'status' | 'result_hash'>
>;

/** Stores those that are new by conversation, customer and agent, and returns them. */
export async function insertInteractions(
  trx: Transaction<Schema>,
  { kind, now }: Pick<Database, 'kind' | 'now'>,
  drafts: readonly InteractionDraft[],
  extra: InteractionTerms,
): Promise<InteractionRow[]> {
  const status = extra.status ?? 'accepted';
  const captured = status === 'captured';
  const table = jsonRows(kind, drafts, {
    id: 'text',
    conversationId: 'text',
    customerId: 'text',
    agentId: 'text',
    requestHash: 'text',
    channel: 'text',
    subject: 'text',
    notes: 'text',
    attributes: 'text',
    correlationId: 'text',
  });
  // "where true" tells SQLite's parser that "on conflict" belongs to the insert and not to a join.
  // One moment for all its times: PostgreSQL's clock goes on within a statement.
  const { rows } = await sql<Times>`
    with clock as materialized (select ${now} as at)
    insert into interactions
      (id, conversation_id, customer_id, agent_id, request_hash, result_hash, channel, subject, notes, attributes,
       correlation_id, status, owner, accepted_at, expires_at, captured_at, lookup_at, lookup_open_at, lookup_series)
    select id, "conversationId", "customerId", "agentId", "requestHash", ${extra.result_hash ?? null}, channel, subject,
      notes, attributes, "correlationId", ${status}, ${extra.owner}, clock.at, clock.at + ${sql.lit(extra.ttlMs)},
      ${captured ? sql`clock.at` : sql`null`}, ${captured ? sql`null` : sql`clock.at + ${sql.lit(extra.lookupInMs)}`},
      ${captured ? sql`null` : sql`clock.at + ${sql.lit(Math.floor(extra.lookupInMs / 2))}`}, 'heard'
    from ${table} as drafts, clock where true
    on conflict (conversation_id, customer_id, agent_id) do nothing
    returning id, accepted_at, expires_at, captured_at, lookup_at, lookup_open_at`.execute(trx);
  const draftOf = new Map(drafts.map((draft) => [draft.id, draft]));
  return rows.map((times) => rowOf(draftOf.get(times.id) as InteractionDraft, { ...extra, status }, times));
}

/** Begins those of them anew that are cancelled or expired, by their ids, and returns them. */
export async function renewInteractions(
  trx: Transaction<Schema>,
  { now }: Pick<Database, 'now'>,
  drafts: readonly InteractionDraft[],
  terms: InteractionTerms,
): Promise<InteractionRow[]> {
  const renewed = [];
  for (const draft of drafts) {
    const rows = await trx
      .updateTable('interactions')
      .set((eb) => ({
        request_hash: draft.requestHash,
        result_hash: null,
        channel: draft.channel,
        subject: draft.subject,
        notes: draft.notes,
        attributes: draft.attributes,
        correlation_id: draft.correlationId,
        status: 'accepted',
        owner: terms.owner,
        accepted_at: now,
        expires_at: eb(now, '+', terms.ttlMs),
        listening_at: null,
        expired_at: null,
        cancelled_at: null,
        last_error_code: null,
        last_error_message: null,
        last_error_at: null,
        lookup_at: eb(now, '+', terms.lookupInMs),
        lookup_open_at: eb(now, '+', Math.floor(terms.lookupInMs / 2)),
        lookup_series: 'heard',
        lookup_step: 0,
        lookup_alone: 0,
        lookup_failures: 0,
        gap_id: null,
        late_lookup_at: null,
      }))
      .where('id', '=', draft.id)
      .where(sql<boolean>`${justCompared('status')} in ('cancelled', 'expired')`)
      .returningAll()
      .execute();
    renewed.push(...rows);
  }
  return renewed;
}

/** What only the database knows of a new row. The rest need not come back: 26 columns cost 2.5 µs a row to read. */
type Times = Pick<InteractionRow, 'id' | 'accepted_at' | 'expires_at' | 'captured_at' | 'lookup_at' | 'lookup_open_at'>;

function rowOf(
  draft: InteractionDraft,
  { status, owner, result_hash = null }: InteractionTerms & Pick<InteractionRow, 'status'>,
  times: Times,
): InteractionRow {
  return {
    id: draft.id,
    conversation_id: draft.conversationId,
    customer_id: draft.customerId,
    agent_id: draft.agentId,
    request_hash: draft.requestHash,
    result_hash,
    channel: draft.channel,
    subject: draft.subject,
    notes: draft.notes,
    attributes: draft.attributes,
    correlation_id: draft.correlationId,
    status,
    owner,
    accepted_at: times.accepted_at,
    expires_at: times.expires_at,
    listening_at: null,
    captured_at: times.captured_at,
    delivered_at: null,
    dead_at: null,
    discarded_at: null,
    expired_at: null,
    cancelled_at: null,
    last_error_code: null,
    last_error_message: null,
    last_error_at: null,
    lookup_at: times.lookup_at,
    lookup_open_at: times.lookup_open_at,
    lookup_series: 'heard',
    lookup_step: 0,
    lookup_alone: 0,
    lookup_failures: 0,
    gap_id: null,
    late_lookup_at: null,
  };
}
