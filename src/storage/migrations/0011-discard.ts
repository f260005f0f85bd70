import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { DatabaseKind } from './index.js';
import { rebuild } from './rebuild.js';

/**
 * Dead letters that an operator decides not to send: a status of interactions, a state of deliveries, and jobs that discard
 * many. And the start of what the receiver answered, for whoever decides.
 */
export async function addDiscard(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await sql`alter table interactions add column discarded_at bigint`.execute(db);
  await sql`alter table deliveries add column discarded_at bigint`.execute(db);
  await sql`alter table deliveries add column answer text`.execute(db);
  await allow(db, kind, 'interactions', 'status', [
    'accepted',
    'listening',
    'captured',
    'delivered',
    'dead',
    'discarded',
    'expired',
    'cancelled',
  ]);
  await allow(db, kind, 'deliveries', 'state', ['pending', 'claimed', 'delivered', 'dead', 'discarded', 'cancelled']);
  // Retention removes the oldest, and the ledger's check counts those of one sink.
  await db.schema
    .createIndex('deliveries_discarded')
    .on('deliveries')
    .columns(['discarded_at', 'sink'])
    .where(sql<boolean>`state = 'discarded'`)
    .execute();
  await extendJobs(db);
}

async function extendJobs(db: Kysely<unknown>): Promise<void> {
  await sql`alter table replay_jobs add column action text not null default 'replay'`.execute(db);
  await sql`alter table replay_jobs add column reason text`.execute(db);
  await db.schema.dropIndex('replay_jobs_running').execute();
  await db.schema
    .createIndex('replay_jobs_running')
    .unique()
    .on('replay_jobs')
    .columns(['action', 'filter'])
    .where(sql<boolean>`status = 'running'`)
    .execute();
}

/** Makes the check `<table>_<column>` allow these values and no others. */
async function allow(
  db: Kysely<unknown>,
  kind: DatabaseKind,
  table: 'interactions' | 'deliveries',
  column: string,
  values: readonly string[],
): Promise<void> {
  const check = `check (${column} in (${values.map((value) => `'${value}'`).join(', ')}))`;
  if (kind === 'sqlite') return rebuild(db, table, new RegExp(`check \\(${column} in \\([^)]*\\)\\)`), check);
  const name = `${table}_${column}`;
  await sql.raw(`alter table ${table} drop constraint ${name}, add constraint ${name} ${check}`).execute(db);
}
