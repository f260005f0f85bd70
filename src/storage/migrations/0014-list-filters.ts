import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/**
 * Interactions are listed by agent, channel and error code without a walk through everybody's rows, at as little as can be
 * for those who write. Costs are SQLite's, of a whole life in batches of 5, on two shared cores; times of 200,000 rows.
 * - An agent has few of all, and looks often: an index, of those rows that name one. It costs 20 µs and 6 KB of log each
 *   (of 110 µs, 33 KB); a list takes 0.3 ms, and took 28 to 138 ms.
 * - A channel has many, or none at all: it is a further column of the two indexes that such a list is walked by, read there
 *   without a look at the rows. It costs 2 µs, an index of its own 20; a list of none takes 31 ms, and took 103 to 142 ms.
 * - An error code is that of the last error, so it must stand on the interaction and not on its delivery alone. Only rows
 *   with an error are in its index; what is delivered at once never comes into it.
 */
export async function indexListFilters(db: Kysely<unknown>): Promise<void> {
  const index = (name: string, columns: string[]) =>
    db.schema.createIndex(`interactions_${name}`).on('interactions').columns(columns);
  await index('agent', ['agent_id', 'accepted_at', 'id'])
    .where(sql<boolean>`agent_id <> ''`)
    .execute();
  for (const name of ['status', 'age']) await db.schema.dropIndex(`interactions_${name}`).execute();
  await index('status', ['status', 'accepted_at', 'id', 'channel']).execute();
  await index('age', ['accepted_at', 'id', 'channel']).execute();
  await sql`
    update interactions set
      last_error_code = deliveries.last_error_code,
      last_error_message = deliveries.last_error_message,
      last_error_at = deliveries.last_error_at
    from deliveries
    where deliveries.sink = 'history' and deliveries.subject_id = interactions.id
      and deliveries.last_error_code is not null`.execute(db);
  await index('error', ['last_error_code', 'accepted_at', 'id'])
    .where(sql<boolean>`last_error_code is not null`)
    .execute();
}
