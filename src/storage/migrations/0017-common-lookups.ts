import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/**
 * Look-ups are made together: each waiting interaction has a time from which it goes along with others, and a series that
 * says why it is asked for. Those that wait already have the patient series, as before.
 */
export async function makeLookupsCommon(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema.alterTable('interactions').addColumn('lookup_open_at', 'bigint').execute();
  await schema
    .alterTable('interactions')
    .addColumn('lookup_series', 'text', (column) => column.notNull().defaultTo('gap'))
    .execute();
  await sql`update interactions set lookup_open_at = lookup_at where status in ('accepted', 'listening')`.execute(db);
}
