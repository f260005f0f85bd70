import type { Kysely } from 'kysely';

/** The interactions of one customer are listed without a walk through everybody's. */
export async function indexCustomers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('interactions_customer')
    .on('interactions')
    .columns(['customer_id', 'accepted_at', 'id'])
    .execute();
}
