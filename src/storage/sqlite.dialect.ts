import { setTimeout as sleep } from 'node:timers/promises';
import { types } from 'node:util';
import type BetterSqlite3 from 'better-sqlite3';
import { CompiledQuery, SqliteAdapter, SqliteDialect } from 'kysely';
import type { DatabaseConnection, Driver, QueryResult } from 'kysely';
import type { ErrorTranslator } from './storage.errors.js';

/** Statements kept prepared. The repositories use a few dozen; those with a varying shape must not push them out. */
const STATEMENT_CACHE = 300;
/**
 * How long somebody else's write lock (a backup, a shell) is waited for before the database counts as unavailable. Counted
 * from the first statement that met it, since the others queue behind that one: intake answers 503 within 5 s.
 */
const BUSY_LIMIT_MS = 3_000;
const BUSY_PAUSE_MS = 10;

const OUTAGE = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB|NOMEM|PROTOCOL|PERM|AUTH)/;

/** Whether better-sqlite3's error says that the database is unusable, rather than that the statement is wrong. */
export function isSqliteOutage(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  if (error.name === 'TypeError') return error.message === 'The database connection is not open';
  // Making the folder fails with the operating system's codes (EACCES, ENOSPC, EROFS …).
  return 'syscall' in error || ('code' in error && typeof error.code === 'string' && OUTAGE.test(error.code));
}

/**
 * Kysely's SQLite dialect with what a server needs: prepared statements are kept (preparing costs more than running),
 * a lock held by another process is waited for without blocking the event loop, migrations are transactional, and
 * a transaction takes the write lock at its start, so that it cannot fail half-way for the want of it.
 */
export class PatientSqliteDialect extends SqliteDialect {
  constructor(
    private readonly database: BetterSqlite3.Database,
    private readonly translate: ErrorTranslator,
    /** Told of each commit and of each statement that wrote by itself. */
    private readonly wrote: () => void = () => undefined,
  ) {
    super({ database });
  }

  override createDriver(): Driver {
    return new PatientSqliteDriver(
      new PatientSqliteConnection(this.database, this.translate, this.wrote),
      this.database,
    );
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalSqliteAdapter();
  }
}

class TransactionalSqliteAdapter extends SqliteAdapter {
  /** SQLite rolls back DDL like anything else; a process killed in a migration leaves nothing half-done. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** One connection; Kysely's own mutex hands it to one statement or transaction at a time. */
class PatientSqliteDriver implements Driver {
  constructor(
    private readonly connection: PatientSqliteConnection,
    private readonly database: BetterSqlite3.Database,
  ) {}

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.connection;
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(): Promise<void> {
    await this.connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(): Promise<void> {
    await this.connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(): Promise<void> {
    // A full disk or an I/O error rolls back by itself, and a second rollback would hide the first error.
    if (this.database.inTransaction) await this.connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    this.connection.forget();
    this.database.close();
  }
}

class PatientSqliteConnection implements DatabaseConnection {
  private readonly statements = new Map<string, BetterSqlite3.Statement>();
  /** When a write was first refused for a lock; undefined since the last write that went through. */
  private busySince: number | undefined;

  constructor(
    private readonly database: BetterSqlite3.Database,
    private readonly translate: ErrorTranslator,
    private readonly wrote: () => void,
  ) {}

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    for (;;) {
      try {
        return this.run<R>(query);
      } catch (error) {
        if (!isBusy(error)) throw this.translate(error);
        this.busySince ??= performance.now();
        if (performance.now() - this.busySince > BUSY_LIMIT_MS) throw this.translate(error);
        await sleep(BUSY_PAUSE_MS);
      }
    }
  }

  // eslint-disable-next-line require-yield -- the interface asks for a generator, and nothing here streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Streaming would hold the only SQLite connection; page through the rows instead.');
  }

  forget(): void {
    this.statements.clear();
  }

  private run<R>({ sql, parameters }: CompiledQuery): QueryResult<R> {
    const statement = this.prepared(sql);
    if (statement.reader) {
      const rows = statement.all(parameters) as R[];
      this.wentThrough(statement);
      return { rows };
    }
    const { changes, lastInsertRowid } = statement.run(parameters);
    this.wentThrough(statement);
    return { insertId: BigInt(lastInsertRowid), numAffectedRows: BigInt(changes), rows: [] };
  }

  /** Reading works beside somebody else's write lock, so only a write shows that it is gone. */
  private wentThrough(statement: BetterSqlite3.Statement): void {
    if (!statement.readonly) this.busySince = undefined;
    // A full disk may show only at the commit, which is no write to SQLite.
    if (!this.database.inTransaction && (!statement.readonly || statement.source === 'commit')) this.wrote();
  }

  /** Least recently used out first: a Map keeps the order of insertion. */
  private prepared(sql: string): BetterSqlite3.Statement {
    const kept = this.statements.get(sql);
    const statement = kept ?? this.database.prepare(sql);
    if (kept) this.statements.delete(sql);
    else if (this.statements.size >= STATEMENT_CACHE) this.statements.delete(this.statements.keys().next().value ?? '');
    this.statements.set(sql, statement);
    return statement;
  }
}

function isBusy(error: unknown): boolean {
  return types.isNativeError(error) && 'code' in error && String(error.code).startsWith('SQLITE_BUSY');
}
