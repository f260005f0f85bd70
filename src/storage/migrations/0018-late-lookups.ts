import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { DatabaseKind } from './index.js';

/** 72 h after an interaction was accepted it is asked for once more, though it has expired. */
const LATE_MS = 72 * 60 * 60_000;

/** Those that have expired and are younger get their question, too. */
export async function addLateLookups(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await db.schema.alterTable('interactions').addColumn('late_lookup_at', 'bigint').execute();
  await db.schema
    .createIndex('interactions_late')
    .on('interactions')
    .columns(['late_lookup_at'])
    .where(sql<boolean>`late_lookup_at is not null`)
    .execute();
  const now =
    kind === 'sqlite'
      ? sql`cast((julianday('now') - 2440587.5) * 86400000 as integer)`
      : sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
  await sql`
    update interactions set late_lookup_at = accepted_at + ${sql.lit(LATE_MS)}
    where status = 'expired' and accepted_at > ${now} - ${sql.lit(LATE_MS)}`.execute(db);
}
