import { sql } from 'kysely';
import type { CreateTableBuilder, Kysely } from 'kysely';
import type { DatabaseKind } from './index.js';

// Literal lists, here and in the queries: SQLite uses a partial index only where the query repeats its condition literally.
const WAITING = sql<boolean>`status in ('accepted', 'listening')`;
const UNDELIVERED = sql<boolean>`state in ('pending', 'claimed')`;

/** The tables of the first version: replicas, interactions, deliveries, channels, gaps. */
export async function createInitialSchema(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await createReplicas(db, kind);
  await createInteractions(db);
  await createDeliveries(db, kind);
  await createChannels(db, kind);
  await createGaps(db);
  await createWriteProbe(db);
}

/** Adds a number that the database counts up, as the primary key. */
function counted<T extends string, C extends string>(
  table: CreateTableBuilder<T, C>,
  kind: DatabaseKind,
  name: string,
  type: 'integer' | 'bigint',
): CreateTableBuilder<T, C> {
  // SQLite's row id must be called "integer", and only "autoincrement" never gives a number again.
  const added =
    kind === 'sqlite'
      ? table.addColumn(name, 'integer', (column) => column.primaryKey().autoIncrement())
      : table.addColumn(name, type, (column) => column.generatedByDefaultAsIdentity().primaryKey());
  return added;
}

async function createReplicas(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await counted(db.schema.createTable('replicas'), kind, 'lock_key', 'integer')
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('lease_until', 'bigint', (column) => column.notNull())
    .execute();
}

async function createInteractions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('interactions')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('conversation_id', 'text', (column) => column.notNull())
    .addColumn('customer_id', 'text', (column) => column.notNull())
    .addColumn('agent_id', 'text', (column) => column.notNull())
    .addColumn('request_hash', 'text', (column) => column.notNull())
    .addColumn('result_hash', 'text')
    .addColumn('channel', 'text')
    .addColumn('subject', 'text')
    .addColumn('notes', 'text')
    .addColumn('attributes', 'text')
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('accepted_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('listening_at', 'bigint')
    .addColumn('captured_at', 'bigint')
    .addColumn('delivered_at', 'bigint')
    .addColumn('dead_at', 'bigint')
    .addColumn('expired_at', 'bigint')
    .addColumn('cancelled_at', 'bigint')
    .addColumn('last_error_code', 'text')
    .addColumn('last_error_message', 'text')
    .addColumn('last_error_at', 'bigint')
    .addColumn('lookup_at', 'bigint')
    .addColumn('lookup_step', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('gap_id', 'text')
    .addUniqueConstraint('interactions_key', ['conversation_id', 'customer_id', 'agent_id'])
    .addCheckConstraint(
      'interactions_status',
      sql`status in ('accepted', 'listening', 'captured', 'delivered', 'dead', 'expired', 'cancelled')`,
    )
    .execute();
  await createInteractionIndexes(db);
}

async function createInteractionIndexes(db: Kysely<unknown>): Promise<void> {
  const index = (name: string, columns: string[]) =>
    db.schema.createIndex(`interactions_${name}`).on('interactions').columns(columns);
  // An event finds who waits for its conversation.
  await index('waiting', ['conversation_id']).where(WAITING).execute();
  // Each replica asks twice a second which of its own are due for a look-up.
  await index('waiting_owner', ['owner', 'lookup_at']).where(WAITING).execute();
  await index('gap', ['gap_id'])
    .where(sql<boolean>`gap_id is not null`)
    .execute();
  // The ledger counts, lists page, retention deletes by status and age.
  await index('status', ['status', 'accepted_at', 'id']).execute();
  await index('age', ['accepted_at', 'id']).execute();
}

async function createDeliveries(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await counted(db.schema.createTable('deliveries'), kind, 'seq', 'bigint')
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('sink', 'text', (column) => column.notNull())
    .addColumn('order_key', 'text', (column) => column.notNull())
    .addColumn('subject_id', 'text', (column) => column.notNull())
    .addColumn('payload', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('crashes', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('due_at', 'bigint', (column) => column.notNull())
    .addColumn('first_attempt_at', 'bigint')
    .addColumn('claim', 'text')
    .addColumn('claimed_by', 'text')
    .addColumn('claimed_until', 'bigint')
    .addColumn('last_status', 'integer')
    .addColumn('last_error_code', 'text')
    .addColumn('last_error_message', 'text')
    .addColumn('last_error_at', 'bigint')
    .addColumn('received_at', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('delivered_at', 'bigint')
    .addColumn('dead_at', 'bigint')
    .addCheckConstraint('deliveries_state', sql`state in ('pending', 'claimed', 'delivered', 'dead')`)
    .execute();
  await createDeliveryIndexes(db);
  if (kind === 'postgres') {
    // The queue's live part is small and changes all the time: vacuum it by what changed, not by a share of 30 days' rows.
    await sql`alter table deliveries set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)`.execute(
      db,
    );
  }
}

async function createDeliveryIndexes(db: Kysely<unknown>): Promise<void> {
  const index = (name: string, columns: string[]) =>
    db.schema.createIndex(`deliveries_${name}`).on('deliveries').columns(columns);
  // Claiming: what is due, and what stands behind an earlier one with the same key.
  await index('due', ['sink', 'due_at', 'seq'])
    .where(sql<boolean>`state = 'pending' and crashes = 0`)
    .execute();
  await index('order', ['order_key', 'seq']).where(UNDELIVERED).execute();
  // Health: how many wait, and since when.
  await index('backlog', ['sink', 'received_at']).where(UNDELIVERED).execute();
  // Those that a process died with: few, and at most one of them in flight per sink, whoever claims.
  await index('suspects', ['sink', 'due_at', 'seq'])
    .where(sql<boolean>`state = 'pending' and crashes > 0`)
    .execute();
  await index('one_suspect', ['sink'])
    .unique()
    .where(sql<boolean>`state = 'claimed' and crashes > 0`)
    .execute();
  // Claims that end without an outcome: the owner stopped, stalled or died.
  await index('claims', ['claimed_by', 'claimed_until'])
    .where(sql<boolean>`state = 'claimed'`)
    .execute();
  await index('dead', ['dead_at', 'seq'])
    .where(sql<boolean>`state = 'dead'`)
    .execute();
  await index('retention', ['delivered_at'])
    .where(sql<boolean>`state = 'delivered'`)
    .execute();
  await index('subject', ['subject_id']).execute();
}

async function createChannels(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await counted(db.schema.createTable('channels'), kind, 'no', 'integer')
    .addColumn('genesys_id', 'text', (column) => column.notNull().unique())
    .addColumn('connect_uri', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .execute();
}

async function createGaps(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('gaps')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('channel_no', 'integer')
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('from_at', 'bigint', (column) => column.notNull())
    .addColumn('to_at', 'bigint')
    .addColumn('topics', 'integer', (column) => column.notNull())
    .addColumn('looked_up', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('recovered', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('owner', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('gaps_age').on('gaps').columns(['from_at', 'id']).execute();
  await db.schema
    .createIndex('gaps_open')
    .on('gaps')
    .columns(['owner'])
    .where(sql<boolean>`to_at is null`)
    .execute();
}

/** One row that the readiness check writes: a database that can be read but not written takes no intake. */
async function createWriteProbe(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('write_probe')
    .addColumn('id', 'integer', (column) => column.primaryKey().notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .execute();
  await sql`insert into write_probe (id, at) values (1, 0)`.execute(db);
}
