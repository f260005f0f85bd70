import { join } from 'node:path';
import { sql } from 'kysely';
import { Database } from '../../src/storage/database.js';
import { migrate } from '../../src/storage/migrate.js';
import { MIGRATIONS } from '../../src/storage/migrations/index.js';
import { DatabaseInUseError, SchemaTooNewError, StorageUnavailableError } from '../../src/storage/storage.errors.js';
import { openSqliteFile } from '../../src/storage/sqlite.file.js';
import { jsonRows } from '../../src/storage/json-rows.js';
import { Logs } from '../../src/telemetry/logs.js';
import { describeEachDatabase, freshTarget, openDatabase } from '../helpers/databases.js';
import { PostgresServer } from '../helpers/postgres.js';
import { interactionRow } from '../helpers/rows.js';

describeEachDatabase('Database', (getDb, getTarget) => {
  it('tells its own clock in whole epoch milliseconds', async () => {
    const { db, now } = getDb();
    const { rows } = await sql<{ at: number }>`select ${now} as at`.execute(db);
    expect(Number.isInteger(rows[0]?.at)).toBe(true);
    expect(Math.abs((rows[0]?.at ?? 0) - Date.now())).toBeLessThan(2_000);
  });

  it('counts as numbers', async () => {
    const { rows } = await sql<{ n: number; s: number }>`
      select count(*) as n, coalesce(sum(v), 0) as s from (select 1 as v union all select 2) as t`.execute(getDb().db);
    expect(rows).toEqual([{ n: 2, s: 3 }]);
  });

  it('commits all of a transaction or nothing', async () => {
    const database = getDb();
    const row = interactionRow();
    const failing = database.transaction(async (trx) => {
      await trx.insertInto('interactions').values(row).execute();
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await database.transaction((trx) => trx.insertInto('interactions').values(interactionRow()).execute());
    const rows = await database.db.selectFrom('interactions').select('id').execute();
    expect(rows).toHaveLength(1);
    expect(rows[0]?.id).not.toBe(row.id);
  });

  it('stores what several ask for at once, each whole or not at all', async () => {
    const database = getDb();
    const rows = Array.from({ length: 50 }, () => interactionRow());
    const asked = rows.map((row, no) =>
      database.transaction(async (trx) => {
        await trx.insertInto('interactions').values(row).execute();
        if (no % 10 === 3) throw new Error(`no ${no}`);
        // One that breaks a rule of the database's, which must not be the others' end.
        if (no % 10 === 7) await trx.insertInto('interactions').values(row).execute();
        return no;
      }),
    );
    const results = await Promise.allSettled(asked);
    const good = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(good).toEqual(rows.map((_, no) => no).filter((no) => no % 10 !== 3 && no % 10 !== 7));
    expect(results[13]).toMatchObject({ reason: { message: 'no 13' } });
    const stored = await database.db.selectFrom('interactions').select('id').execute();
    expect(stored.map(({ id }) => id).sort()).toEqual(good.map((no) => rows[no]?.id).sort());
  });

  it('does what follows a commit once and in order, before the caller goes on', async () => {
    const done: string[] = [];
    await getDb().transaction(async (trx, afterCommit) => {
      afterCommit(() => done.push('first'));
      await trx.insertInto('interactions').values(interactionRow()).execute();
      afterCommit(() => done.push('second'));
      expect(done).toEqual([]);
    });
    expect(done).toEqual(['first', 'second']);
  });

  it('forgets what follows a rollback', async () => {
    const done: string[] = [];
    const failing = getDb().transaction(async (_, afterCommit) => {
      afterCommit(() => done.push('never'));
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(done).toEqual([]);
  });

  it('does what follows each work once, also when a neighbour fails', async () => {
    const done: number[] = [];
    const asked = Array.from({ length: 12 }, (_, no) =>
      getDb().transaction(async (trx, afterCommit) => {
        afterCommit(() => done.push(no));
        await trx.insertInto('interactions').values(interactionRow()).execute();
        if (no % 5 === 3) throw new Error(`no ${no}`);
        return no;
      }),
    );
    const results = await Promise.allSettled(asked);
    const good = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(good).toHaveLength(10);
    expect(done.toSorted((a, b) => a - b)).toEqual(good);
  });

  it('is not disturbed by what throws after a commit, nor are the others', async () => {
    const done: string[] = [];
    const ask = (name: string) =>
      getDb().transaction(async (trx, afterCommit) => {
        await trx.insertInto('interactions').values(interactionRow()).execute();
        afterCommit(() => {
          throw new Error('test: what follows fails');
        });
        afterCommit(() => done.push(name));
        return name;
      });
    expect(await Promise.all([ask('a'), ask('b')])).toEqual(['a', 'b']);
    expect(done.toSorted()).toEqual(['a', 'b']);
    expect(await getDb().db.selectFrom('interactions').select('id').execute()).toHaveLength(2);
  });

  it('lets a broken constraint through as what it is', async () => {
    const { db } = getDb();
    const row = interactionRow();
    await db.insertInto('interactions').values(row).execute();
    const again = db
      .insertInto('interactions')
      .values({ ...row, id: 'another' })
      .execute();
    await expect(again).rejects.not.toBeInstanceOf(StorageUnavailableError);
    await expect(
      db
        .insertInto('interactions')
        .values({ ...row, id: 'third' })
        .execute(),
    ).rejects.toThrow(/unique/i);
  });

  it('carries rows as one parameter, nulls, quotes and other scripts included', async () => {
    const rows = [
      { name: `O'Brien "é" 客`, at: 1_800_000_000_123, note: null },
      { name: '', at: 0, note: 'x' },
    ];
    const table = jsonRows(getDb().kind, rows, { name: 'text', at: 'bigint', note: 'text' });
    const read = await sql`select * from ${table} as v`.execute(getDb().db);
    expect(read.rows).toEqual(rows);
  });

  it('passes its check by writing', async () => {
    await getDb().check();
    const { rows } = await sql<{ at: number }>`select at from write_probe`.execute(getDb().db);
    expect(rows[0]?.at).toBeGreaterThan(1_700_000_000_000);
  });

  it('says that it is unavailable once closed, and opens again with its rows', async () => {
    const database = getDb();
    await database.db
      .insertInto('interactions')
      .values(interactionRow({ id: 'kept' }))
      .execute();
    await database.close();
    expect(() => database.db).toThrow(StorageUnavailableError);
    await database.open();
    expect(await database.db.selectFrom('interactions').select('id').execute()).toEqual([{ id: 'kept' }]);
  });

  it('refuses a database that a later version has migrated, and names the step', async () => {
    const database = getDb();
    const later = sql`insert into kysely_migration (name, timestamp) values ('9999-later', '2099-01-01T00:00:00.000Z')`;
    await later.execute(database.db);
    await database.close();
    const refused = await database.open().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(SchemaTooNewError);
    expect((refused as Error).message).toContain('9999-later');
    // As an operator who restores the earlier version would.
    await removeLaterStep(getDb(), getTarget().kind);
    await database.open();
  });

  async function removeLaterStep(database: Database, kind: 'sqlite' | 'postgres'): Promise<void> {
    const target = getTarget();
    if (target.kind === 'sqlite') {
      const { database: file, unlock } = await openSqliteFile(target.file);
      file.exec(`delete from kysely_migration where name = '9999-later'`);
      file.close();
      unlock();
      return;
    }
    expect(kind).toBe(database.kind);
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: target.url });
    await client.connect();
    await client.query(`delete from kysely_migration where name = '9999-later'`);
    await client.end();
  }
});

describe.each(['sqlite', 'postgres'] as const)('migrations (%s)', (kind) => {
  it('reach the same schema from every earlier version', async () => {
    const names = Object.keys(MIGRATIONS);
    const schemas: unknown[] = [];
    for (let version = 1; version <= names.length; version++) {
      const { target, remove } = await freshTarget(kind);
      const steps = Object.fromEntries(Object.entries(MIGRATIONS).slice(0, version));
      const early = await openDatabase(target);
      await migrate(early.db, kind, { ...MIGRATIONS, ...steps });
      schemas.push(await early.db.introspection.getTables());
      await early.close();
      await remove();
    }
    for (const schema of schemas) expect(schema).toEqual(schemas[0]);
  });

  it('leave nothing behind when a step fails', async () => {
    const { target, remove } = await freshTarget(kind);
    const database = await openDatabase(target);
    const failing = migrate(database.db, kind, {
      ...MIGRATIONS,
      '9000-half-done': async (db) => {
        await sql`create table half_done (id integer)`.execute(db);
        throw new Error('power cut');
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'storage.migration-failed' });
    const tables = await database.db.introspection.getTables();
    expect(tables.map((table) => table.name)).not.toContain('half_done');
    await migrate(database.db, kind);
    await database.close();
    await remove();
  });
});

describe('SQLite file', () => {
  it('has one owner, whose end lets the next one in', async () => {
    const { target, remove } = await freshTarget('sqlite');
    if (target.kind !== 'sqlite') throw new Error('unreachable');
    const first = await openSqliteFile(target.file);
    await expect(openSqliteFile(target.file, 50)).rejects.toBeInstanceOf(DatabaseInUseError);
    const waiting = openSqliteFile(target.file, 5_000);
    first.database.close();
    first.unlock();
    const second = await waiting;
    second.database.close();
    second.unlock();
    await remove();
  });

  it('shares one commit between those who ask together, and one that fails takes back only its own', async () => {
    const { target, remove } = await freshTarget('sqlite');
    const database = await openDatabase(target);
    const transactions: unknown[] = [];
    const ask = (fails = false) =>
      database.transaction(async (trx) => {
        transactions.push(trx);
        await sql`update write_probe set at = at + 1`.execute(trx);
        if (fails) throw new Error('test: this one fails');
      });
    await Promise.all([ask(), ask(), ask()]);
    expect(new Set(transactions).size).toBe(1);
    transactions.length = 0;
    await Promise.allSettled([ask(), ask(true), ask()]);
    // The others are neither undone nor run again.
    expect(transactions).toHaveLength(3);
    expect(new Set(transactions).size).toBe(1);
    const { rows } = await sql<{ at: number }>`select at from write_probe`.execute(database.db);
    expect(rows).toEqual([{ at: 5 }]);
    await database.close();
    await remove();
  });

  it('gives each a transaction of its own when the database fails in the common one', async () => {
    const { target, remove } = await freshTarget('sqlite');
    const database = await openDatabase(target);
    const followed: string[] = [];
    let runs = 0;
    const ask = (name: string, fails = false) =>
      database.transaction(async (trx, afterCommit) => {
        runs++;
        afterCommit(() => followed.push(name));
        await sql`update write_probe set at = at + 1`.execute(trx);
        if (fails) throw new StorageUnavailableError('test: the disk is full');
      });
    await Promise.allSettled([ask('a'), ask('b', true), ask('c')]);
    expect(runs).toBe(5);
    expect(followed).toEqual(['a', 'c']);
    const { rows } = await sql<{ at: number }>`select at from write_probe`.execute(database.db);
    expect(rows).toEqual([{ at: 2 }]);
    await database.close();
    await remove();
  });

  it('is unavailable when its folder cannot be made', async () => {
    const file = join(process.execPath, 'gateway.db');
    const database = new Database({ storage: { kind: 'sqlite', file } }, Logs.silent());
    const failed = await database.open().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(StorageUnavailableError);
    expect((failed as Error).message).toContain(file);
  });
});

describe('PostgreSQL', () => {
  it('lets replicas that boot together migrate once', async () => {
    const { target } = await freshTarget('postgres');
    const together = await Promise.all([1, 2, 3, 4].map(() => openDatabase(target)));
    const { rows } = await sql<{ n: number }>`select count(*) as n from kysely_migration`.execute(together[0]!.db);
    expect(rows[0]?.n).toBe(Object.keys(MIGRATIONS).length);
    await Promise.all(together.map((database) => database.close()));
  });

  it('is unavailable during an outage, at once and without its password in the message, and back afterwards', async () => {
    const server = await PostgresServer.start();
    const url = await server.createDatabase();
    const database = await openDatabase({ kind: 'postgres', url, poolSize: 2 });
    await server.pause();
    const startedAt = performance.now();
    const failed = await database.check().catch((error: unknown) => error);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(failed).toMatchObject({ code: 'storage.unavailable', status: 503 });
    expect((failed as Error).message).toContain(`127.0.0.1:${server.port}`);
    expect((failed as Error).message).not.toContain('postgres:postgres');
    await expect(database.transaction(async () => undefined)).rejects.toBeInstanceOf(StorageUnavailableError);
    await server.resume();
    await database.check();
    await database.close();
    await server.stop();
  });

  it('goes on when another replica adds a column to what is prepared', async () => {
    const { target, remove } = await freshTarget('postgres');
    const database = await openDatabase(target);
    const ask = () =>
      database.db
        .selectFrom(sql<{ id: number }>`write_probe`.as('probe'))
        .selectAll()
        .execute();
    const askInside = () =>
      database.transaction((trx) =>
        trx
          .selectFrom(sql<{ id: number }>`write_probe`.as('probe'))
          .selectAll()
          .execute(),
      );
    for (let no = 0; no < 8; no++) await ask();
    await sql`alter table write_probe add column another integer`.execute(database.db);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(Array(3).fill([{ id: 1, at: 0, another: null }]));
    for (let no = 0; no < 8; no++) await askInside();
    await sql`alter table write_probe drop column another`.execute(database.db);
    expect(await Promise.all([askInside(), askInside()])).toEqual(Array(2).fill([{ id: 1, at: 0 }]));
    await database.close();
    await remove();
  });

  it('repeats a transaction that it ended because of a deadlock', async () => {
    const { target } = await freshTarget('postgres');
    const database = await openDatabase(target);
    await database.db
      .insertInto('interactions')
      .values([interactionRow({ id: 'a' }), interactionRow({ id: 'b' })])
      .execute();
    let arrived = 0;
    let open: () => void = () => undefined;
    const both = new Promise<void>((resolve) => (open = resolve));
    const done: string[] = [];
    const crossing = (first: string, second: string) =>
      database.transaction(async (trx, afterCommit) => {
        afterCommit(() => done.push(first));
        await trx.updateTable('interactions').set({ notes: first }).where('id', '=', first).execute();
        if (++arrived === 2) open();
        await both;
        await trx.updateTable('interactions').set({ notes: first }).where('id', '=', second).execute();
      });
    await Promise.all([crossing('a', 'b'), crossing('b', 'a')]);
    const rows = await database.db.selectFrom('interactions').select('notes').execute();
    expect(new Set(rows.map((row) => row.notes)).size).toBe(1);
    expect(arrived).toBeGreaterThanOrEqual(3);
    // The run that lost has left nothing behind that follows.
    expect(done.toSorted()).toEqual(['a', 'b']);
    await database.close();
  });

  it('takes a single statement that lost to a deadlock for an outage of a moment, which everybody tries again', async () => {
    const { target } = await freshTarget('postgres');
    const database = await openDatabase(target);
    // A statement that ends in the deadlock which it is ended for, whoever is the other one.
    const ended = sql`do $$ begin raise exception 'deadlock detected' using errcode = '40P01'; end $$`;
    await expect(ended.execute(database.db)).rejects.toBeInstanceOf(StorageUnavailableError);
    await database.check();
    await database.close();
  });
});
