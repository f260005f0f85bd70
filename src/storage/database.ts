import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import type { Dialect, RawBuilder } from 'kysely';
import { CONFIG } from '../config/config.js';
import type { Config, StorageTarget } from '../config/config.js';
import { Logs } from '../telemetry/logs.js';
import type { Log } from '../telemetry/logs.js';
import { commit, type Work } from './after-commit.js';
import { Checkpointer } from './checkpointer.js';
import { ClockWatch, shiftTimes } from './clock-watch.js';
import { GroupCommit } from './group-commit.js';
import { migrate } from './migrate.js';
import { isOneStatement, isPostgresOutage, isRepeatable, openPostgresPool, postgresDialect } from './postgres.pool.js';
import type { Schema } from './schema.js';
import { isSqliteOutage, PatientSqliteDialect } from './sqlite.dialect.js';
import { IN_MEMORY, openSqliteFile } from './sqlite.file.js';
import { describeTarget, outageTranslator, StorageConflictError, StorageUnavailableError } from './storage.errors.js';
import { StorageOutage } from './storage-outage.js';
import type { ErrorTranslator } from './storage.errors.js';

/** Epoch milliseconds of the database's clock: the one clock that all replicas share. */
export const NOW = {
  sqlite: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  postgres: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
} as const;

/** How often a transaction that PostgreSQL ended because of another one is run again. */
const REPEATS = 3;

/**
 * The one database, SQLite or PostgreSQL. Every statement through it throws StorageUnavailableError when the database
 * is not there, full, read-only or locked; a statement's own faults (a constraint) come through unchanged.
 */
@Injectable()
export class Database implements OnApplicationShutdown {
  readonly kind: StorageTarget['kind'];
  /** SQL expression: epoch milliseconds now. */
  readonly now: RawBuilder<number>;
  /** Where the database is, without credentials. */
  readonly target: string;
  /** Notices when SQLite's clock is set; nothing to notice under PostgreSQL. */
  readonly clock: ClockWatch;
  /** Whether it can be used, by what its statements meet. */
  readonly outage: StorageOutage;
  private readonly storage: StorageTarget;
  private readonly log: Log;
  private readonly translate: ErrorTranslator;
  private kysely: Kysely<Schema> | undefined;
  private readonly group: GroupCommit;
  private readonly checkpointer: Checkpointer;
  private closeRest: () => void = () => undefined;

  constructor(@Inject(CONFIG) config: Pick<Config, 'storage'>, logs: Logs) {
    this.storage = config.storage;
    this.kind = config.storage.kind;
    this.now = NOW[this.kind];
    this.target = describeTarget(config.storage);
    this.log = logs.of('storage');
    this.outage = new StorageOutage(this.log);
    this.group = new GroupCommit(() => this.db, this.log);
    this.checkpointer = new Checkpointer(this.log, () => sql`pragma wal_checkpoint(passive)`.execute(this.db));
    this.clock = new ClockWatch((stepMs) => this.transaction((trx) => shiftTimes(trx, stepMs)), this.log);
    const translate =
      this.kind === 'sqlite'
        ? outageTranslator(config.storage, isSqliteOutage)
        : outageTranslator(config.storage, isPostgresOutage, isRepeatable);
    this.translate = (error) => this.noted(translate(error));
  }

  /**
   * For single statements. Inside `transaction` only `trx` may be used: SQLite has one connection, and a statement on
   * `db` would wait for the very transaction that waits for it.
   */
  get db(): Kysely<Schema> {
    if (!this.kysely) throw new StorageUnavailableError(`${this.target} is not open.`);
    return this.kysely;
  }

  /** The connection string, for those few that need a connection of their own; undefined for SQLite. */
  get postgresUrl(): string | undefined {
    return this.storage.kind === 'postgres' ? this.storage.url : undefined;
  }

  /**
   * Commits what `work` did, or nothing. `work` may run again, when PostgreSQL ends a deadlock or when a commit that it
   * shares under SQLite fails, so it must change nothing but the database; keep it short, because under SQLite
   * everybody else waits. What is to be told, woken or counted is given to `afterCommit`: it happens once, in order, after
   * the commit that stored this work and before this resolves, and what a run registered that was rolled back does not.
   */
  async transaction<T>(work: Work<T>): Promise<T> {
    if (this.kind === 'sqlite') return this.group.transaction(work);
    for (let repeat = 0; ; repeat++) {
      try {
        return await commit(this.db, work, this.log);
      } catch (error) {
        if (!(error instanceof StorageConflictError) || repeat >= REPEATS) throw error;
        this.log.debug({ repeat }, 'a transaction is run again after a deadlock');
      }
    }
  }

  /** Connects and migrates. @throws StorageUnavailableError, DatabaseInUseError, SchemaTooNewError, MigrationFailedError */
  async open(): Promise<void> {
    const startedAt = performance.now();
    try {
      if (this.storage.kind === 'postgres') await this.openPostgres(this.storage);
      else await this.openSqlite(this.storage.file);
    } catch (error) {
      await this.close();
      throw this.translate(error);
    }
    this.log.info({ target: this.target, ms: Math.round(performance.now() - startedAt) }, 'the database is open');
  }

  /** Ends all connections. Safe to call twice. */
  async close(): Promise<void> {
    await this.clock.stop();
    const open = this.kysely;
    this.kysely = undefined;
    await this.checkpointer.stop();
    await open?.destroy();
    this.closeRest();
    this.closeRest = () => undefined;
  }

  /** A real write. @throws StorageUnavailableError */
  async check(): Promise<void> {
    await sql`update write_probe set at = ${this.now} where id = 1`.execute(this.db);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** The log is told of what concerns the whole database; while it opens, whoever opens it tells what keeps it from that. */
  private noted(error: unknown): unknown {
    const whole = error instanceof StorageUnavailableError && !(error instanceof StorageConflictError);
    if (whole && this.kysely && (this.outage.away || !isOneStatement(error.cause))) this.outage.met(error);
    return error;
  }

  private async openSqlite(file: string): Promise<void> {
    const { database, unlock } = await openSqliteFile(file);
    this.closeRest = unlock;
    const wrote = (): void => this.outage.wrote();
    this.kysely = await connected(new PatientSqliteDialect(database, this.translate, wrote));
    await migrate(this.kysely, 'sqlite');
    if (file !== IN_MEMORY) this.checkpointer.start(file);
    this.clock.start();
  }

  private async openPostgres({ url, poolSize }: { url: string; poolSize: number }): Promise<void> {
    // Migrations wait for each other and may take long: a connection without the usual time limits, closed afterwards.
    const patient = await connected(postgresDialect(openPostgresPool(url, 1, this.log, true), this.translate));
    try {
      await migrate(patient, 'postgres');
    } finally {
      await patient.destroy();
    }
    const wrote = (): void => this.outage.wrote();
    this.kysely = await connected(postgresDialect(openPostgresPool(url, poolSize, this.log), this.translate, wrote));
  }
}

/** Kysely connects lazily and cannot be destroyed before it did: one statement settles both. */
export async function connected(dialect: Dialect): Promise<Kysely<Schema>> {
  const kysely = new Kysely<Schema>({ dialect });
  try {
    await sql`select 1`.execute(kysely);
    return kysely;
  } catch (error) {
    await kysely.destroy();
    throw error;
  }
}
