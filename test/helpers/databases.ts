import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { StorageTarget } from '../../src/config/config.js';
import { Database } from '../../src/storage/database.js';
import { Logs } from '../../src/telemetry/logs.js';
import { sharedPostgres, stopSharedPostgres } from './postgres.js';

const TABLES = ['deliveries', 'interactions', 'channels', 'channel_slots', 'gaps', 'replay_jobs', 'audit', 'replicas'];

afterAll(stopSharedPostgres);

/** An empty database of that kind and the way to remove it. */
export async function freshTarget(
  kind: StorageTarget['kind'],
): Promise<{ target: StorageTarget; remove: () => Promise<void> }> {
  if (kind === 'postgres') {
    const url = await (await sharedPostgres()).createDatabase();
    // It goes with the server, at the end of the test file.
    return { target: { kind, url, poolSize: 5 }, remove: async () => undefined };
  }
  const folder = await mkdtemp(join(tmpdir(), 'gateway-sqlite-'));
  return {
    target: { kind, file: join(folder, 'gateway.db') },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Opens (and migrates) `target`. The caller closes it. */
export async function openDatabase(target: StorageTarget): Promise<Database> {
  const database = new Database({ storage: target }, Logs.silent());
  await database.open();
  return database;
}

/**
 * The suite once per database, each on a migrated database of its own, emptied before each test.
 *
 * `getDb` and `getTarget` may be called in hooks and tests, not while the suite is being described.
 */
export function describeEachDatabase(
  name: string,
  suite: (getDb: () => Database, getTarget: () => StorageTarget) => void,
): void {
  describe.each(['sqlite', 'postgres'] as const)(`${name} (%s)`, (kind) => {
    let database: Database;
    let fresh: Awaited<ReturnType<typeof freshTarget>>;

    beforeAll(async () => {
      fresh = await freshTarget(kind);
      database = await openDatabase(fresh.target);
    });

    beforeEach(async () => {
      for (const table of TABLES) await sql`delete from ${sql.table(table)}`.execute(database.db);
    });

    afterAll(async () => {
      await database.close();
      await fresh.remove();
    });

    suite(
      () => database,
      () => fresh.target,
    );
  });
}
