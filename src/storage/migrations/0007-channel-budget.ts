import type { Kysely } from 'kysely';

/**
 * Channels are counted for each OAuth client, over all replicas, before Genesys is asked for another. A slot is a channel
 * that is being made. Those of before have no client: they count for every one.
 */
export async function addChannelBudget(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('channels').addColumn('client', 'text').execute();
  await db.schema
    .createTable('channel_slots')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('client', 'text', (column) => column.notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('seen_at', 'bigint', (column) => column.notNull())
    .execute();
}
