import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely, RawBuilder, Transaction } from 'kysely';
import { CONFIG } from '../config/config.js';
import type { Config } from '../config/config.js';
import { Database } from './database.js';
import type { Schema } from './schema.js';
import type { RecountOrder, RecountReport } from './recount.thread.js';
import { IN_MEMORY } from './sqlite.file.js';

/** A count: how many of a `scope` (`interactions`, `deliveries.history`) have a status. */
export interface KeptCount {
  scope: string;
  status: string;
  n: number;
}

/** Rows that are summed up by one statement: some ten milliseconds. */
const FOLD_ROWS = 10_000;
/** Statements in a row, so that one turn ends. */
const FOLD_STATEMENTS = 50;

/** Rows of one page of a recount under PostgreSQL: 10 to 100 ms, far from its limit of 4 s for a statement. */
const PAGE_ROWS = 20_000;

/** The same extension as this file: `.js` as built, `.ts` under tests. */
const THREAD = new URL(`./recount.thread${extname(import.meta.url)}`, import.meta.url);

const KEPT = sql<KeptCount>`
  select scope, status, sum(n) as n from (
    select scope, status, n from ledger_counts union all select scope, status, n from ledger_changes
  ) as kept group by scope, status`;

/** Written without the names of statuses: what a later version adds is counted too. */
const KEPT_TEXT = 'select scope, status, n from ledger_counts';
const STATE = `case when state in ('pending', 'claimed') then 'waiting' else state end`;
const ROWS_TEXT = `
  select 'interactions' as scope, status, count(*) as n from interactions group by status
  union all select 'deliveries.' || sink, ${STATE}, count(*) from deliveries group by 1, 2`;

interface Counted {
  table: 'interactions' | 'deliveries';
  key: string;
  /** Less than every key. */
  first: string | number;
  scope: RawBuilder<unknown>;
  status: RawBuilder<unknown>;
}

const INTERACTIONS: Counted = {
  table: 'interactions',
  key: 'id',
  first: '',
  scope: sql`'interactions'`,
  status: sql.ref('status'),
};
const DELIVERIES: Counted = {
  table: 'deliveries',
  key: 'seq',
  first: -1,
  scope: sql`'deliveries.' || sink`,
  status: sql.raw(STATE),
};

/** The counts that triggers keep (see the migration `0012-kept-counts`): asking for them costs the same however much is stored. */
@Injectable()
export class KeptCounts {
  private thread: Worker | undefined;

  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: Pick<Config, 'storage'>,
    @Optional() private readonly pageRows = PAGE_ROWS,
  ) {}

  /** All of them, of one moment. @throws StorageUnavailableError */
  async read(): Promise<KeptCount[]> {
    return (await KEPT.execute(this.database.db)).rows;
  }

  /** Sums up what PostgreSQL's triggers have noted since, so that reading stays cheap; nothing to do under SQLite. */
  async fold(): Promise<void> {
    if (this.database.kind === 'sqlite') return;
    for (let statement = 0; statement < FOLD_STATEMENTS; statement++) {
      // Another replica's turn is skipped, not waited for; within one statement no reader sees them twice or not at all.
      const { rows } = await sql<{ taken: number }>`
        with next as (select no from ledger_changes order by no limit ${FOLD_ROWS} for update skip locked),
        taken as (delete from ledger_changes using next where ledger_changes.no = next.no
          returning scope, status, n),
        summed as (insert into ledger_counts (scope, status, n)
          select scope, status, sum(n) from taken group by scope, status order by scope, status
          on conflict (scope, status) do update set n = ledger_counts.n + excluded.n)
        select count(*) as taken from taken`.execute(this.database.db);
      if ((rows[0]?.taken ?? 0) < FOLD_ROWS) return;
    }
  }

  /**
   * Counts all rows and puts right what was kept wrong; answers that, as what was missing (positive) or too much. Takes its
   * time: SQLite counts in a thread, PostgreSQL in pages. Both look at one moment, so what happens meanwhile is no difference.
   */
  async recount(): Promise<KeptCount[]> {
    if (this.database.kind === 'postgres') return this.recountPostgres();
    const { storage } = this.config;
    if (storage.kind !== 'sqlite' || storage.file === IN_MEMORY) return [];
    const [kept = [], rows = []] = (await this.inThread({
      file: storage.file,
      statements: [KEPT_TEXT, ROWS_TEXT],
    })) as [KeptCount[], KeptCount[]];
    const missing = difference(kept, rows);
    if (missing.length > 0) await this.database.transaction((trx) => add(trx, missing));
    return missing;
  }

  /** A recount that is under way is given up. */
  async stop(): Promise<void> {
    await this.thread?.terminate();
  }

  private recountPostgres(): Promise<KeptCount[]> {
    return this.database.db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (trx) => {
        // Two who repair the same would repair it twice.
        const lock = await sql<{ mine: boolean }>`
          select pg_try_advisory_xact_lock(hashtext('ledger_counts')) as mine`.execute(trx);
        if (lock.rows[0]?.mine !== true) return [];
        const kept = (await KEPT.execute(trx)).rows;
        const missing = difference(kept, [
          ...(await countRows(trx, INTERACTIONS, this.pageRows)),
          ...(await countRows(trx, DELIVERIES, this.pageRows)),
        ]);
        await add(trx, missing);
        return missing;
      });
  }

  private inThread(order: RecountOrder): Promise<RecountReport> {
    const thread = new Worker(THREAD, { workerData: order, name: 'recount' });
    this.thread = thread;
    return new Promise((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', () => {
        this.thread = undefined;
        reject(new Error('The recount was given up.'));
      });
    });
  }
}

async function add(trx: Transaction<Schema>, missing: readonly KeptCount[]): Promise<void> {
  for (const { scope, status, n } of missing) {
    await sql`insert into ledger_counts (scope, status, n) values (${scope}, ${status}, ${n})
      on conflict (scope, status) do update set n = ledger_counts.n + excluded.n`.execute(trx);
  }
}

/** All rows, in pages by their key: what is counted does not change within the caller's transaction. */
async function countRows(
  db: Kysely<Schema>,
  { table, key, first, scope, status }: Counted,
  pageRows: number,
): Promise<KeptCount[]> {
  const counts = new Map<string, KeptCount>();
  for (let after: string | number = first, full = true; full;) {
    const { rows }: { rows: (KeptCount & { last: string | number })[] } = await sql<
      KeptCount & { last: string | number }
    >`with page as materialized (
        select ${sql.ref(key)} as at, ${scope} as scope, ${status} as status from ${sql.table(table)}
        where ${sql.ref(key)} > ${after} order by ${sql.ref(key)} limit ${pageRows})
      select scope, status, count(*) as n, (select max(at) from page) as last from page group by scope, status`.execute(
      db,
    );
    let seen = 0;
    for (const { scope: of, status: as, n, last } of rows) {
      const known = counts.get(keyOf({ scope: of, status: as }))?.n ?? 0;
      counts.set(keyOf({ scope: of, status: as }), { scope: of, status: as, n: known + n });
      seen += n;
      after = last;
    }
    full = seen === pageRows;
  }
  return [...counts.values()];
}

function keyOf({ scope, status }: Pick<KeptCount, 'scope' | 'status'>): string {
  return `${scope} ${status}`;
}

/** What has to be added to `kept` to have what the rows say. */
function difference(kept: readonly KeptCount[], rows: readonly KeptCount[]): KeptCount[] {
  const missing = new Map(rows.map((each) => [keyOf(each), { ...each }]));
  for (const each of kept) {
    const counted = missing.get(keyOf(each))?.n ?? 0;
    missing.set(keyOf(each), { scope: each.scope, status: each.status, n: counted - each.n });
  }
  return [...missing.values()].filter(({ n }) => n !== 0);
}
