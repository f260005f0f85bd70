import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** A claim jumps from one key of a destination to the next: a key with a long queue hides no other. */
export async function indexDeliveryKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('deliveries_keys')
    .on('deliveries')
    .columns(['sink', 'destination', 'order_key'])
    .where(sql<boolean>`state = 'pending' and destination is not null`)
    .execute();
}
