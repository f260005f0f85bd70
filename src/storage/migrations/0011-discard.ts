import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { DatabaseKind } from './index.js';

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

/**
 * SQLite cannot change a check: the table is made anew from its own definition, its rows copied (a second or two a
 * million), its indexes and triggers repeated.
 */
async function rebuild(db: Kysely<unknown>, table: string, before: RegExp, check: string): Promise<void> {
  const { rows } = await sql<{ type: string; sql: string }>`
    select type, sql from sqlite_master where tbl_name = ${table} and sql is not null`.execute(db);
  const old = rows.find(({ type }) => type === 'table')?.sql ?? '';
  const definition = old.replace(before, check);
  if (definition === old) throw new Error(`The check of ${table} was not found.`);
  const columns = await sql<{ name: string }>`select name from pragma_table_info(${table})`.execute(db);
  const names = sql.join(columns.rows.map(({ name }) => sql.ref(name)));
  const [target, source] = [sql.table(table), sql.table(`${table}_before`)];
  await sql`alter table ${target} rename to ${source}`.execute(db);
  await sql.raw(definition).execute(db);
  await sql`insert into ${target} (${names}) select ${names} from ${source} order by rowid`.execute(db);
  if (/autoincrement/i.test(definition)) await keepCounting(db, table);
  await sql`drop table ${source}`.execute(db);
  for (const each of rows) if (each.type !== 'table') await sql.raw(each.sql).execute(db);
}

/** No number is given again, also when the rows with the highest ones have been removed. */
async function keepCounting(db: Kysely<unknown>, table: string): Promise<void> {
  await sql`insert into sqlite_sequence (name, seq) select ${table}, 0
    where not exists (select 1 from sqlite_sequence where name = ${table})`.execute(db);
  await sql`update sqlite_sequence set seq = max(seq, coalesce(
    (select before.seq from sqlite_sequence as before where before.name = ${`${table}_before`}), 0))
    where name = ${table}`.execute(db);
}
