import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/**
 * What SQLite cannot alter: the table is made anew from its own definition with `before` replaced by `after`, its rows
 * copied (a second or two a million), its indexes and triggers repeated.
 */
export async function rebuild(db: Kysely<unknown>, table: string, before: RegExp, after: string): Promise<void> {
  const { rows } = await sql<{ type: string; sql: string }>`
    select type, sql from sqlite_master where tbl_name = ${table} and sql is not null`.execute(db);
  const old = rows.find(({ type }) => type === 'table')?.sql ?? '';
  const definition = old.replace(before, after);
  if (definition === old) throw new Error(`${String(before)} was not found in the definition of ${table}.`);
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
