import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { StorageTarget } from '../config/config.js';
import type { Log } from '../telemetry/logs.js';
import { connected, NOW } from './database.js';
import { appliedSteps } from './migrate.js';
import { MIGRATIONS } from './migrations/index.js';
import { isPostgresOutage, openPostgresPool, postgresDialect } from './postgres.pool.js';
import type { Schema } from './schema.js';
import { isSqliteOutage, PatientSqliteDialect } from './sqlite.dialect.js';
import { describeTarget, outageTranslator } from './storage.errors.js';

/** The steps of a database beside those of this version. */
export interface SchemaSteps {
  applied: string[];
  /** They run when the gateway starts. */
  pending: string[];
  /** A later version's: this one would not start. */
  unknown: string[];
}

/** Ends a trial transaction. */
class NotKept extends Error {}

/**
 * The database as somebody sees it who only looks, beside gateways that use it: no migration, no lock on the file, and nothing
 * that stays. Its statements throw StorageUnavailableError when the database cannot be used.
 */
export class DatabaseVisit {
  private constructor(
    /** Where it is, without credentials. */
    readonly target: string,
    private readonly kind: StorageTarget['kind'],
    private readonly kysely: Kysely<Schema>,
  ) {}

  /**
   * Undefined where the file of an embedded database is not there yet, and could be made.
   * @throws StorageUnavailableError
   */
  static async open(storage: StorageTarget, log: Log): Promise<DatabaseVisit | undefined> {
    const translate = outageTranslator(storage, storage.kind === 'sqlite' ? isSqliteOutage : isPostgresOutage);
    try {
      if (storage.kind === 'sqlite' && !(await isThere(storage.file))) return undefined;
      const dialect =
        storage.kind === 'sqlite'
          ? new PatientSqliteDialect(new BetterSqlite3(storage.file, { fileMustExist: true }), translate)
          : postgresDialect(openPostgresPool(storage.url, 1, log), translate);
      return new DatabaseVisit(describeTarget(storage), storage.kind, await connected(dialect));
    } catch (error) {
      throw translate(error);
    }
  }

  async steps(): Promise<SchemaSteps> {
    const known = Object.keys(MIGRATIONS);
    const applied = await appliedSteps(this.kysely);
    return {
      applied,
      pending: known.filter((name) => !applied.includes(name)),
      unknown: applied.filter((name) => !known.includes(name)),
    };
  }

  /** Writes a row as the gateway does, and takes it back. Before the first start there is none: a table instead. */
  async tryWrite(): Promise<void> {
    if (!(await this.has('write_probe', 'at'))) return this.tryTable();
    await this.tryOut((trx) => sql`update write_probe set at = at where id = 1`.execute(trx));
  }

  /** Makes a table as migrations do, and takes it back. */
  async tryTable(): Promise<void> {
    await this.tryOut((trx) => trx.schema.createTable('gateway_doctor').addColumn('id', 'integer').execute());
  }

  /** Genesys' ids of the channels that this client's gateways have made and may still use; undefined before they are noted. */
  async channelsOf(client: string): Promise<string[] | undefined> {
    if (!(await this.has('channels', 'client'))) return undefined;
    const rows = await this.kysely
      .selectFrom('channels')
      .select('genesys_id')
      .where((is) => is.or([is('client', '=', client), is('client', 'is', null)]))
      .where((is) => is.or([is('expires_at', 'is', null), is('expires_at', '>', NOW[this.kind])]))
      .execute();
    return rows.map((row) => row.genesys_id);
  }

  /** Epoch ms by the database's clock. */
  async now(): Promise<number> {
    const { rows } = await sql<{ now: number }>`select ${NOW[this.kind]} as now`.execute(this.kysely);
    return Number(rows[0]?.now);
  }

  async close(): Promise<void> {
    await this.kysely.destroy();
  }

  private async has(table: string, column: string): Promise<boolean> {
    const tables = await this.kysely.introspection.getTables();
    return tables.some(({ name, columns }) => name === table && columns.some((each) => each.name === column));
  }

  private async tryOut(work: (trx: Transaction<Schema>) => Promise<unknown>): Promise<void> {
    const done = this.kysely.transaction().execute(async (trx) => {
      await work(trx);
      throw new NotKept();
    });
    await done.catch((error: unknown) => {
      if (!(error instanceof NotKept)) throw error;
    });
  }
}

/** @throws the operating system's error where it is not there and could not be made */
async function isThere(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await writableFolder(dirname(file));
  return false;
}

/** The nearest folder that is there: those below it would be made. */
async function writableFolder(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || folder === dirname(folder)) throw error;
    await writableFolder(dirname(folder));
  }
}
