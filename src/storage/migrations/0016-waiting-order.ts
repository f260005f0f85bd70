import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** Those who wait are read in pages: the index has their whole order, or each page sorts all that are looked up at one time. */
export async function orderWaiting(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex('interactions_waiting_owner').execute();
  await db.schema
    .createIndex('interactions_waiting_owner')
    .on('interactions')
    .columns(['owner', 'lookup_at', 'id'])
    .where(sql<boolean>`status in ('accepted', 'listening')`)
    .execute();
}
