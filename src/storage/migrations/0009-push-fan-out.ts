import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { DatabaseKind } from './index.js';

/** Who may hear the gateway's own events, how many subscriptions a key has, and events whose deliveries are made later. */
export async function addPushFanOut(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  // Those that are there were made when every key heard them: the roles that their keys have now decide.
  await db.schema
    .alterTable('push_subscriptions')
    .addColumn('own_events', 'integer', (column) => column.notNull().defaultTo(1))
    .execute();
  await db.schema
    .createIndex('push_subscriptions_key')
    .on('push_subscriptions')
    .columns(['created_by'])
    .where(sql<boolean>`ended_at is null`)
    .execute();
  await addQueue(db, kind);
}

async function addQueue(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  const events = () => db.schema.alterTable('push_events');
  await events().addColumn('fan_out_no', 'bigint').execute();
  await events()
    .addColumn('fan_out_pages', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await events().addColumn('fan_out_after', 'bigint').execute();
  await events().addColumn('seen_change', 'bigint').execute();
  await events().addColumn('order_key', 'text').execute();
  const index = (name: string, columns: string[]) =>
    db.schema
      .createIndex(`push_events_${name}`)
      .on('push_events')
      .columns(columns)
      .where(sql<boolean>`fan_out_no is not null`)
      .execute();
  await index('fan_out', ['fan_out_pages', 'fan_out_no']);
  await index('fan_out_key', ['order_key', 'fan_out_no']);
  if (kind === 'postgres') await sql`create sequence push_fan_outs`.execute(db);
}
