import type { Kysely } from 'kysely';

/**
 * A conversation whose look-up fails is remembered, so that it is asked for alone from then on and spoils no other's again,
 * and so that it is asked for with growing waits.
 */
export async function addLookupFailures(db: Kysely<unknown>): Promise<void> {
  for (const column of ['lookup_alone', 'lookup_failures']) {
    await db.schema
      .alterTable('interactions')
      .addColumn(column, 'integer', (definition) => definition.notNull().defaultTo(0))
      .execute();
  }
}
