import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** What the caller calls the matter in its own logs: kept with an interaction, and sent on with its record. */
export async function addCorrelation(db: Kysely<unknown>): Promise<void> {
  await sql`alter table interactions add column correlation_id text`.execute(db);
  await sql`alter table deliveries add column correlation_id text`.execute(db);
}
