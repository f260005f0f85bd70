import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import type { DatabaseKind } from './index.js';

/** What is counted: a table, what its counts are of (`scope`), and by what. Under way is waiting: claims change no count. */
const COUNTED = [
  { table: 'interactions', scope: () => `'interactions'`, status: (row: string) => `${row}.status`, column: 'status' },
  {
    table: 'deliveries',
    scope: (row: string) => `'deliveries.' || ${row}.sink`,
    status: (row: string) => `case when ${row}.state in ('pending', 'claimed') then 'waiting' else ${row}.state end`,
    column: 'state',
  },
] as const;
type Counted = (typeof COUNTED)[number];

/**
 * How many interactions there are of each status, and deliveries of each sink and state, so that nobody has to count rows.
 * Triggers keep them in the transactions that change the rows: whoever writes, by whatever statement, they cannot be forgotten.
 *
 * Under PostgreSQL a count would be a row for which all writers wait in line. There the triggers only add to
 * `ledger_changes`; from time to time these are summed up into `ledger_counts`. A count is always the sum of both.
 */
export async function keepCounts(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await createTables(db, kind);
  // PostgreSQL: making a trigger locks out writers until the commit, so that what is counted afterwards is exact.
  for (const each of COUNTED)
    await (kind === 'sqlite' ? createSqliteTriggers(db, each) : createPostgresTriggers(db, each));
  for (const { table, scope, status } of COUNTED) {
    await sql
      .raw(
        `insert into ledger_counts (scope, status, n)
         select ${scope(table)}, ${status(table)}, count(*) from ${table} group by 1, 2`,
      )
      .execute(db);
  }
}

async function createTables(db: Kysely<unknown>, kind: DatabaseKind): Promise<void> {
  await db.schema
    .createTable('ledger_counts')
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('n', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('ledger_counts_key', ['scope', 'status'])
    .execute();
  const changes = db.schema
    .createTable('ledger_changes')
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('n', 'bigint', (column) => column.notNull());
  // SQLite has one writer, who counts at once: the table stays empty, and queries are the same for both.
  if (kind === 'sqlite') return changes.execute();
  await changes.addColumn('no', 'bigint', (column) => column.generatedByDefaultAsIdentity().primaryKey()).execute();
  await sql`alter table ledger_changes
    set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)`.execute(db);
}

async function createSqliteTriggers(db: Kysely<unknown>, { table, scope, status, column }: Counted): Promise<void> {
  const count = (row: 'new' | 'old'): string => `
    insert into ledger_counts (scope, status, n) values (${scope(row)}, ${status(row)}, ${row === 'new' ? 1 : -1})
    on conflict (scope, status) do update set n = n + excluded.n;`;
  const trigger = (name: string, event: string, work: string): Promise<unknown> =>
    sql.raw(`create trigger ${table}_counted_${name} after ${event} begin ${work} end`).execute(db);
  await trigger('insert', `insert on ${table}`, count('new'));
  await trigger('delete', `delete on ${table}`, count('old'));
  const changed = `${status('old')} <> ${status('new')}`;
  await trigger('update', `update of ${column} on ${table} when ${changed}`, count('old') + count('new'));
}

async function createPostgresTriggers(db: Kysely<unknown>, { table, scope, status }: Counted): Promise<void> {
  const rows = (name: 'added' | 'removed'): string =>
    `select ${scope(name)} as scope, ${status(name)} as status, ${name === 'added' ? 1 : -1} as n from ${name}`;
  const note = (changed: string): string => `
    insert into ledger_changes (scope, status, n)
    select scope, status, sum(n) from (${changed}) as changed group by 1, 2 having sum(n) <> 0;`;
  const trigger = async (event: string, tables: string, changed: string): Promise<void> => {
    const name = `${table}_counted_${event}`;
    await sql
      .raw(
        `create function ${name}() returns trigger language plpgsql as $$ begin ${note(changed)} return null; end $$`,
      )
      .execute(db);
    await sql
      .raw(
        `create trigger ${name} after ${event} on ${table} referencing ${tables}
         for each statement execute function ${name}()`,
      )
      .execute(db);
  };
  await trigger('insert', 'new table as added', rows('added'));
  await trigger('delete', 'old table as removed', rows('removed'));
  await trigger('update', 'old table as removed new table as added', `${rows('added')} union all ${rows('removed')}`);
}
