import { sql, type Transaction } from 'kysely';
import type { Database } from '../storage/database.js';
import { jsonRows } from '../storage/json-rows.js';
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
  });
  // "where true" tells SQLite's parser that "on conflict" belongs to the insert and not to a join.
  const { rows } = await sql<InteractionRow>`
    insert into interactions
      (id, conversation_id, customer_id, agent_id, request_hash, result_hash, channel, subject, notes, attributes,
       status, owner, accepted_at, expires_at, captured_at, lookup_at)
    select id, "conversationId", "customerId", "agentId", "requestHash", ${extra.result_hash ?? null}, channel, subject,
      notes, attributes, ${status}, ${extra.owner}, ${now}, ${now} + ${sql.lit(extra.ttlMs)},
      ${captured ? now : sql`null`}, ${captured ? sql`null` : sql`${now} + ${sql.lit(extra.lookupInMs)}`}
    from ${table} as drafts where true
    on conflict (conversation_id, customer_id, agent_id) do nothing returning *`.execute(trx);
  return rows;
}
