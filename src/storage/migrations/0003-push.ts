import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { DatabaseKind } from './index.js';

/** The Notification API: subscriptions, events, and deliveries that have a destination and can be cancelled. */
export async function addPush(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await (kind === 'sqlite' ? rebuildDeliveries(db) : alterDeliveries(db));
  await addDeliveryIndexes(db);
  await createSubscriptions(db);
  await createEvents(db);
}

async function alterDeliveries(db: Kysely<unknown>): Promise<void> {
  await sql`alter table deliveries add column destination text, add column cancelled_at bigint,
    drop constraint deliveries_state,
    add constraint deliveries_state check (state in ('pending', 'claimed', 'delivered', 'dead', 'cancelled'))`.execute(
    db,
  );
}

const COLUMNS = sql.raw(
  [
    'seq, id, sink, order_key, subject_id, payload, state, attempts, crashes, due_at, first_attempt_at, claim, claimed_by',
    'claimed_until, last_status, last_error_code, last_error_message, last_error_at, received_at, created_at, delivered_at, dead_at',
  ].join(', '),
);

/** SQLite cannot change a check: the table is made anew, its rows copied (a second or two a million), its indexes repeated. */
async function rebuildDeliveries(db: Kysely<unknown>): Promise<void> {
  const { rows: indexes } = await sql<{ sql: string }>`
    select sql from sqlite_master where type = 'index' and tbl_name = 'deliveries' and sql is not null`.execute(db);
  await sql`alter table deliveries rename to deliveries_before`.execute(db);
  await sql`create table deliveries (
    seq integer primary key autoincrement, id text not null unique, sink text not null, order_key text not null,
    subject_id text not null, payload text not null, state text not null,
    attempts integer not null default 0, crashes integer not null default 0,
    due_at bigint not null, first_attempt_at bigint, claim text, claimed_by text, claimed_until bigint,
    last_status integer, last_error_code text, last_error_message text, last_error_at bigint,
    received_at bigint not null, created_at bigint not null, delivered_at bigint, dead_at bigint,
    destination text, cancelled_at bigint,
    constraint deliveries_state check (state in ('pending', 'claimed', 'delivered', 'dead', 'cancelled')))`.execute(db);
  await sql`insert into deliveries (${COLUMNS}) select ${COLUMNS} from deliveries_before order by seq`.execute(db);
  // No number is given again, also when the rows with the highest ones have been removed.
  await sql`insert into sqlite_sequence (name, seq) select 'deliveries', 0
    where not exists (select 1 from sqlite_sequence where name = 'deliveries')`.execute(db);
  await sql`update sqlite_sequence set seq = max(seq, coalesce(
    (select before.seq from sqlite_sequence as before where before.name = 'deliveries_before'), 0))
    where name = 'deliveries'`.execute(db);
  await sql`drop table deliveries_before`.execute(db);
  for (const index of indexes) await sql.raw(index.sql).execute(db);
}

async function addDeliveryIndexes(db: Kysely<unknown>): Promise<void> {
  // Comet deliveries are claimed for those who are connected here.
  await db.schema
    .createIndex('deliveries_destination')
    .on('deliveries')
    .columns(['sink', 'destination', 'due_at', 'seq'])
    .where(sql<boolean>`state = 'pending' and destination is not null`)
    .execute();
  await db.schema
    .createIndex('deliveries_cancelled')
    .on('deliveries')
    .columns(['cancelled_at', 'sink'])
    .where(sql<boolean>`state = 'cancelled'`)
    .execute();
}

async function createSubscriptions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('push_subscriptions')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('subscriber_id', 'text', (column) => column.notNull())
    .addColumn('filter', 'text', (column) => column.notNull())
    .addColumn('provider_name', 'text', (column) => column.notNull())
    .addColumn('language', 'text')
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('device_id', 'text', (column) => column.notNull())
    .addColumn('properties', 'text', (column) => column.notNull())
    .addColumn('debug', 'integer', (column) => column.notNull())
    .addColumn('authorization', 'text')
    .addColumn('destination', 'text', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('end_reason', 'text')
    .addColumn('change_no', 'bigint', (column) => column.notNull())
    .execute();
  const index = (name: string, columns: string[]) =>
    db.schema.createIndex(`push_subscriptions_${name}`).on('push_subscriptions').columns(columns);
  const active = sql<boolean>`ended_at is null`;
  await index('subscriber', ['subscriber_id', 'id']).where(active).execute();
  await index('expiry', ['expires_at']).where(active).execute();
  await index('list', ['created_at', 'id']).execute();
  // Other replicas read what has changed since they last looked.
  await index('changes', ['change_no']).execute();
  await index('ended', ['ended_at'])
    .where(sql<boolean>`ended_at is not null`)
    .execute();
  await db.schema
    .createTable('push_changes')
    .addColumn('id', 'integer', (column) => column.primaryKey().notNull())
    .addColumn('change_no', 'bigint', (column) => column.notNull())
    .execute();
  await sql`insert into push_changes (id, change_no) values (1, 0)`.execute(db);
}

async function createEvents(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('push_events')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('tag', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('media_type', 'text', (column) => column.notNull())
    .addColumn('provider_name', 'text', (column) => column.notNull())
    .addColumn('matched', 'integer', (column) => column.notNull())
    .addColumn('published_by', 'text', (column) => column.notNull())
    .addColumn('published_at', 'bigint', (column) => column.notNull())
    .addColumn('idempotency_key', 'text')
    .addColumn('body_hash', 'text')
    .addColumn('answer', 'text')
    .execute();
  await db.schema
    .createIndex('push_events_idempotency')
    .unique()
    .on('push_events')
    .columns(['published_by', 'idempotency_key'])
    .where(sql<boolean>`idempotency_key is not null`)
    .execute();
  await db.schema.createIndex('push_events_age').on('push_events').columns(['published_at']).execute();
}
