import { jest } from '@jest/globals';
import BetterSqlite3 from 'better-sqlite3';
import pg from 'pg';
import { sql, type Kysely } from 'kysely';
import type { Database } from '../../src/storage/database.js';
import type { Schema } from '../../src/storage/schema.js';

interface Statement {
  text: string;
  values: unknown[];
}

/** A table walked from end to end, or all that have one status. */
export const WALK = /SCAN (interactions|deliveries)\b|Seq Scan on|interactions_status/;

function hearSqlite(tell: (text: string) => void): { mockRestore: () => void } {
  // Statements stay prepared: whoever wants to see them must see them being prepared, so texts that came before are lost.
  const { prepare } = BetterSqlite3.prototype;
  return jest.spyOn(BetterSqlite3.prototype, 'prepare').mockImplementation(function (
    this: BetterSqlite3.Database,
    text: string,
  ) {
    tell(text);
    return prepare.call(this, text);
  });
}

function hearPostgres(tell: (text: string, values: unknown[]) => void): { mockRestore: () => void } {
  const query = pg.Client.prototype.query as (...given: unknown[]) => unknown;
  const heard = function (this: pg.Client, ...given: unknown[]): unknown {
    const [first, second] = given as [string | { text: string; values?: unknown[] }, unknown[] | undefined];
    const statement = typeof first === 'string' ? { text: first, values: second } : first;
    tell(statement.text, statement.values ?? []);
    return query.apply(this, given);
  };
  Object.assign(pg.Client.prototype, { query: heard });
  return { mockRestore: () => Object.assign(pg.Client.prototype, { query }) };
}

/** How the database would carry out what `work` asks it about interactions and deliveries. */
export async function plansOf(database: Database, work: () => Promise<unknown>): Promise<string[]> {
  const plans: string[] = [];
  for (const statement of await statementsOf(database, work)) {
    plans.push(await planOf(database.kind, database.db, statement));
  }
  expect(plans).not.toEqual([]);
  return plans;
}

/** Pages of 8 KiB that PostgreSQL touches for what `work` asks it, of a second run that is taken back. */
export async function pagesOf(database: Database, work: () => Promise<unknown>): Promise<number> {
  let pages = 0;
  for (const statement of await statementsOf(database, work)) {
    const trx = await database.db.startTransaction().execute();
    const plan = await planOf('postgres', trx, statement, sql`(analyze, buffers)`);
    await trx.rollback().execute();
    // The first line is that of the whole.
    const [, hit = 0, , read = 0] = /Buffers: shared(?: hit=(\d+))?( read=(\d+))?/.exec(plan) ?? [];
    pages += Number(hit) + Number(read);
  }
  expect(pages).toBeGreaterThan(0);
  return pages;
}

/** All that the database is asked meanwhile. */
export async function textsOf(kind: Database['kind'], work: () => Promise<unknown>): Promise<string[]> {
  return (await heardWhile(kind, work)).map(({ text }) => text);
}

async function statementsOf({ kind }: Database, work: () => Promise<unknown>): Promise<Statement[]> {
  return (await heardWhile(kind, work)).filter(({ text }) => /interactions|deliveries/.test(text));
}

async function heardWhile(kind: Database['kind'], work: () => Promise<unknown>): Promise<Statement[]> {
  const heard: Statement[] = [];
  const spy =
    kind === 'sqlite'
      ? hearSqlite((text) => heard.push({ text, values: [] }))
      : hearPostgres((text, values) => heard.push({ text, values }));
  try {
    await work();
  } finally {
    spy.mockRestore();
  }
  return heard;
}

async function planOf(
  kind: Database['kind'],
  db: Kysely<Schema>,
  { text, values }: Statement,
  options = sql``,
): Promise<string> {
  if (kind === 'sqlite') {
    // Bound values do not change SQLite's plans.
    const explained = sql.raw<{ detail: string }>(`explain query plan ${text.replaceAll('?', 'null')}`);
    return (await explained.execute(db)).rows.map((row) => row.detail).join('\n');
  }
  const parts = text.split(/\$\d+/);
  const order = [...text.matchAll(/\$(\d+)/g)].map((match) => values[Number(match[1]) - 1]);
  const bound = parts.map((part, n) => (n < order.length ? sql`${sql.raw(part)}${order[n]}` : sql.raw(part)));
  const { rows } = await sql<{ 'QUERY PLAN': string }>`explain ${options} ${sql.join(bound, sql``)}`.execute(db);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}
