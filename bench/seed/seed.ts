import { sql, type RawBuilder } from 'kysely';
import type { StorageTarget } from '../../src/config/config.js';
import { Database } from '../../src/storage/database.js';
import { Logs } from '../../src/telemetry/logs.js';
import { SCATTER } from '../load/conversations.js';

/** How many interactions a database holds, by what has become of them. Conversations are numbered in this order. */
export interface Contents {
  /** Accepted, waiting for their event. */
  waiting: number;
  /** Captured, their record in the outbox. */
  undelivered: number;
  /** Delivered, kept for `RETENTION_DAYS`. */
  delivered: number;
}

const RECORD = JSON.stringify({
  recordId: '@',
  type: 'SUPPORT_INTERACTION',
  source: 'genesys-cloud',
  obtainedBy: 'event',
  interactionId: '@',
  conversationId: '@',
  customerId: 'C-1001',
  agentId: 'c1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf2',
  participantId: '0f3c5a52-6f1d-4c39-9f4a-3a8d2b1c7e01',
  sessionId: '7f1d9a10-2b7e-4b1a-8c3d-5e9f0a1b2c3d',
  queueId: 'd1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf5',
  channel: 'CALL',
  direction: 'INBOUND',
  ani: 'tel:+491701234567',
  dnis: 'tel:+498912345678',
  wrapup: { code: 'f1d2a3b4-7abc-44b9-81e5-64e1e9e0ccf6', notes: 'A copy of invoice 77.', durationMs: 15_000 },
  endedAt: '2026-01-02T03:04:05.678Z',
  capturedAt: '2026-01-02T03:04:05.789Z',
  subject: 'Invoice 77',
});
/** Delivered ones are spread over so many days, so that retention finds nothing to remove. */
const SPREAD_DAYS = 25;
const DAY_MS = 86_400_000;

/** Migrates the database as the gateway does, and fills it. */
export async function seed(target: StorageTarget, contents: Contents): Promise<void> {
  const database = new Database({ storage: target }, Logs.silent());
  await database.open();
  try {
    const { waiting, undelivered, delivered } = contents;
    await fill(database, 0, waiting, 'accepted');
    await fill(database, waiting, undelivered, 'captured');
    await fill(database, waiting + undelivered, delivered, 'delivered');
    // A database that has been running for a while has its statistics.
    if (database.kind === 'postgres') await sql`vacuum analyze`.execute(database.db);
  } finally {
    await database.close();
  }
}

async function fill(
  database: Database,
  from: number,
  count: number,
  status: 'accepted' | 'captured' | 'delivered',
): Promise<void> {
  if (count === 0) return;
  const { db, kind } = database;
  const now = sql.lit(Date.now());
  const numbers =
    kind === 'sqlite'
      ? sql`(with recursive numbers(i) as (select ${from} union all select i + 1 from numbers where i < ${from + count - 1})
          select i, ${idOf(kind)} as conversation from numbers)`
      : sql`(select i, ${idOf(kind)} as conversation from generate_series(${from}::bigint, ${from + count - 1}::bigint) as numbers(i))`;
  const age = status === 'delivered' ? sql`(i % ${sql.lit(SPREAD_DAYS)}) * ${sql.lit(DAY_MS)} + 60000` : sql`1000`;
  // The same in both tables: an interaction's id contains it.
  const at = sql<number>`(${now} - (${age}))`;
  const interaction = interactionId(kind, at);
  const over = sql.lit(status === 'accepted' ? null : 1);
  await sql`
    insert into interactions (id, conversation_id, customer_id, agent_id, request_hash, subject, status, owner,
      accepted_at, expires_at, captured_at, delivered_at, lookup_at)
    select ${interaction}, conversation, 'C-1001', '', 'seeded', 'Invoice 77', ${status}, 'seed',
      ${at}, ${at} + ${sql.lit(DAY_MS)}, ${at} * ${over},
      ${at} * ${sql.lit(status === 'delivered' ? 1 : null)},
      (${now} + 1800000) * ${sql.lit(status === 'accepted' ? 1 : null)}
    from ${numbers} as n`.execute(db);
  if (status === 'accepted') return;
  await sql`
    insert into deliveries (id, sink, order_key, subject_id, payload, state, attempts, due_at, received_at, created_at, delivered_at)
    select replace(conversation, '-4000-8000-', '-5000-a000-'), 'history', conversation,
      ${interaction}, replace(${RECORD}, '@', conversation),
      ${status === 'delivered' ? 'delivered' : 'pending'}, ${sql.lit(status === 'delivered' ? 1 : 0)},
      ${at}, ${at}, ${at}, ${at} * ${sql.lit(status === 'delivered' ? 1 : null)}
    from ${numbers} as n`.execute(db);
}

/** As the gateway makes them (UUID v7): by the time of acceptance, those of the same moment in any order. */
function interactionId(kind: StorageTarget['kind'], acceptedAt: RawBuilder<number>): RawBuilder<string> {
  const scattered = sql`(i * ${sql.lit(SCATTER)}) & 4095`;
  return kind === 'sqlite'
    ? sql`printf('%08x-%04x-7%03x-9000-%012x', ${acceptedAt} >> 16, ${acceptedAt} & 65535, ${scattered}, i)`
    : sql`lpad(to_hex(${acceptedAt} >> 16), 8, '0') || '-' || lpad(to_hex(${acceptedAt} & 65535), 4, '0') || '-7' ||
        lpad(to_hex(${scattered}), 3, '0') || '-9000-' || lpad(to_hex(i), 12, '0')`;
}

/** `conversationId(i)` of load/conversations.ts. */
function idOf(kind: StorageTarget['kind']): RawBuilder<string> {
  return kind === 'sqlite'
    ? sql`printf('%08x-0000-4000-8000-%012x', (i * ${sql.lit(SCATTER)}) & 4294967295, i)`
    : sql`lpad(to_hex((i * ${sql.lit(SCATTER)}) & 4294967295), 8, '0') || '-0000-4000-8000-' || lpad(to_hex(i), 12, '0')`;
}
