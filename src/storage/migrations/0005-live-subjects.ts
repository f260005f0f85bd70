import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/**
 * Deliveries are looked for by their subject while they wait, to be cancelled, and when they are dead, to be sent again.
 * An index of all of them, in no order, was a page more to write for nearly every delivery, and the more of them are
 * kept the less of it is in memory. Those that are claimed as they are stored never come into these two.
 */
export async function indexLiveSubjectsOnly(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex('deliveries_subject').execute();
  const index = (name: string, state: string) =>
    db.schema
      .createIndex(`deliveries_${name}_subject`)
      .on('deliveries')
      .columns(['subject_id'])
      .where(sql<boolean>`state = ${sql.lit(state)}`)
      .execute();
  await index('pending', 'pending');
  await index('dead', 'dead');
}
