import { Kysely, sql } from 'kysely';
import type { StorageTarget } from '../../src/config/config.js';
import { migrate } from '../../src/storage/migrate.js';
import { MIGRATIONS } from '../../src/storage/migrations/index.js';
import { openPostgresPool, postgresDialect } from '../../src/storage/postgres.pool.js';
import type { Schema } from '../../src/storage/schema.js';
import { PatientSqliteDialect } from '../../src/storage/sqlite.dialect.js';
import { openSqliteFile } from '../../src/storage/sqlite.file.js';
import { Logs } from '../../src/telemetry/logs.js';
import { freshTarget } from '../helpers/databases.js';
import { deliveryRow, interactionRow } from '../helpers/rows.js';

/** The database as it is, without migrating it. */
async function openBare(target: StorageTarget): Promise<{ db: Kysely<Schema>; close: () => Promise<void> }> {
  const translate = (error: unknown): unknown => error;
  if (target.kind === 'sqlite') {
    const { database, unlock } = await openSqliteFile(target.file);
    const db = new Kysely<Schema>({ dialect: new PatientSqliteDialect(database, translate) });
    return {
      db,
      close: async () => {
        await db.destroy();
        unlock();
      },
    };
  }
  const pool = openPostgresPool(target.url, 2, Logs.silent().of('test'), true);
  const db = new Kysely<Schema>({ dialect: postgresDialect(pool, translate) });
  return { db, close: () => db.destroy() };
}

async function indexesOf(db: Kysely<Schema>, kind: StorageTarget['kind']): Promise<string[]> {
  const { rows } =
    kind === 'sqlite'
      ? await sql<{ text: string | null }>`select sql as text from sqlite_master where type = 'index'`.execute(db)
      : await sql<{ text: string }>`select indexdef as text from pg_indexes where schemaname = 'public'`.execute(db);
  return rows.map((row) => row.text ?? '').sort();
}

describe.each(['sqlite', 'postgres'] as const)('migrations from every earlier version (%s)', (kind) => {
  it('end at the same tables and indexes, and keep the rows', async () => {
    const names = Object.keys(MIGRATIONS);
    expect(names.length).toBeGreaterThan(1);
    const ends: unknown[] = [];
    for (let version = 0; version <= names.length; version++) {
      const { target, remove } = await freshTarget(kind);
      const { db, close } = await openBare(target);
      if (version > 0) {
        await migrate(db, kind, Object.fromEntries(Object.entries(MIGRATIONS).slice(0, version)));
        await db
          .insertInto('interactions')
          .values(interactionRow({ id: 'i', status: 'dead' }))
          .execute();
        await db
          .insertInto('deliveries')
          .values(deliveryRow({ id: 'd', state: 'dead', dead_at: 1 }))
          .execute();
      }
      await migrate(db, kind);
      ends.push([await db.introspection.getTables(), await indexesOf(db, kind)]);
      const kept = await db.selectFrom('deliveries').select(['id', 'state', 'dead_at']).execute();
      expect(kept).toEqual(version > 0 ? [{ id: 'd', state: 'dead', dead_at: 1 }] : []);
      const counts = await sql`select scope, status, n from ledger_counts order by scope`.execute(db);
      const dead = [
        { scope: 'deliveries.test', status: 'dead', n: 1 },
        { scope: 'interactions', status: 'dead', n: 1 },
      ];
      // What came after counts are kept PostgreSQL has among what is not summed up yet.
      const isSummedUp = kind === 'sqlite' || version <= names.indexOf('0012-kept-counts');
      if (isSummedUp) expect(counts.rows).toEqual(version > 0 ? dead : []);
      await close();
      await remove();
    }
    for (const end of ends) expect(end).toEqual(ends[0]);
  });

  it('note with each interaction the last error of its record, by which it is listed from then on', async () => {
    const { target, remove } = await freshTarget(kind);
    const { db, close } = await openBare(target);
    const before = Object.entries(MIGRATIONS).filter(([name]) => name < '0014');
    await migrate(db, kind, Object.fromEntries(before));
    const error = { last_error_code: 'history.http-422', last_error_message: 'refused', last_error_at: 7 };
    const own = { last_error_code: 'topic.rejected', last_error_message: 'no', last_error_at: 3 };
    await db
      .insertInto('interactions')
      .values(['refused', 'rejected', 'pushed'].map((id) => interactionRow({ id, ...own })))
      .execute();
    await db
      .insertInto('deliveries')
      .values([
        deliveryRow({ sink: 'history', subject_id: 'refused', ...error }),
        deliveryRow({ sink: 'history', subject_id: 'rejected', last_error_code: null }),
        deliveryRow({ sink: 'push', subject_id: 'pushed', ...error }),
      ])
      .execute();
    await migrate(db, kind);
    const columns = ['id', 'last_error_code', 'last_error_message', 'last_error_at'] as const;
    const rows = await db.selectFrom('interactions').select(columns).orderBy('id').execute();
    expect(rows).toEqual([
      { id: 'pushed', ...own },
      { id: 'refused', ...error },
      { id: 'rejected', ...own },
    ]);
    await close();
    await remove();
  });
});
