import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { asError, GatewayError } from '../common/errors.js';
import type { Schema } from './schema.js';
import { MigrationFailedError, SchemaTooNewError } from './storage.errors.js';
import { MIGRATIONS } from './migrations/index.js';
import type { DatabaseKind, MigrationStep } from './migrations/index.js';

/**
 * Brings the schema up to this version, one replica at a time: Kysely holds a session's advisory lock in PostgreSQL,
 * freed by the server when the process dies; under SQLite the file has one owner anyway. All pending steps are one
 * transaction.
 *
 * @throws SchemaTooNewError when a later version was here before.
 */
export async function migrate(
  db: Kysely<Schema>,
  kind: DatabaseKind,
  steps: Readonly<Record<string, MigrationStep>> = MIGRATIONS,
): Promise<void> {
  await refuseNewer(db, Object.keys(steps));
  const provider = {
    getMigrations: async () =>
      Object.fromEntries(
        Object.entries(steps).map(([name, step]) => [name, { up: (trx: Kysely<unknown>) => step(trx, kind) }]),
      ),
  };
  const { error, results } = await new Migrator({ db, provider }).migrateToLatest();
  if (error === undefined) return;
  if (error instanceof GatewayError) throw error;
  const failed = results?.find((result) => result.status === 'Error')?.migrationName;
  throw new MigrationFailedError(
    `The database could not be migrated${failed ? `: step ${failed} failed` : ''} (${asError(error).message}). It is unchanged.`,
    { cause: error },
  );
}

/** The steps that this database has been through, in order; none where nothing is migrated yet. */
export async function appliedSteps(db: Kysely<Schema>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) return [];
  const applied = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return applied.rows.map(({ name }) => name);
}

async function refuseNewer(db: Kysely<Schema>, known: readonly string[]): Promise<void> {
  const unknown = (await appliedSteps(db)).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new SchemaTooNewError(
    `The database was migrated by a later version (unknown here: ${unknown.join(', ')}; last known: ${known.at(-1)}). ` +
      'Start that version or a later one, or restore a backup from before the upgrade.',
  );
}
