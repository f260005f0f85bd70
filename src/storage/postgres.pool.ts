import { types } from 'node:util';
import pg from 'pg';
import { PostgresDialect } from 'kysely';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Log } from '../telemetry/logs.js';
import { StatementNames } from './statement-names.js';
import type { ErrorTranslator } from './storage.errors.js';

const names = new StatementNames();

/** Together with the statement's own limit an unreachable server is noticed within 5 s. */
const CONNECT_TIMEOUT_MS = 4_000;
const STATEMENT_TIMEOUT_MS = 4_000;
/** The client's own clock, for a server that does not answer at all; later than the server's, which ends cleanly. */
const QUERY_TIMEOUT_MS = 4_500;
/** A transaction whose process hangs must not hold its row locks for long. */
const IDLE_IN_TRANSACTION_MS = 10_000;

/** Plans of named statements live as long as their connection: one made for an empty table must not stay for ever. */
const CONNECTION_LIFETIME_S = 60;

const INT8 = 20;
const NUMERIC = 1700;

/** `count(*)` is int8 and `sum(bigint)` is numeric; all of ours fit a double exactly (epoch ms, counts). */
const parsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 || oid === NUMERIC
      ? Number
      : (pg.types.getTypeParser(oid, format) as (value: string) => unknown)) as typeof pg.types.getTypeParser,
};

/**
 * SQLSTATE classes and codes that mean "the server cannot be used now": connection (08), authorisation (28), no such
 * database (3D), resources and disk (53), cancelled by a timeout or an administrator (57), system (58), damage (XX001/2),
 * read-only standby (25006), killed idle (25P03), lock timeout (55P03).
 */
const OUTAGE = /^(08|28|3D|53|57|58|XX00[12]|25006|25P03|55P03)/;

/** Whether pg's error says that the server cannot be used, rather than that the statement is wrong. */
export function isPostgresOutage(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return OUTAGE.test(error.code ?? '');
  // Everything else that pg throws comes from the socket or the pool; mistakes in parameters are these two.
  return types.isNativeError(error) && error.name !== 'TypeError' && error.name !== 'RangeError';
}

/** Its own time limits (57014, 55P03, 25P03): the server is there, and says nothing about the other statements. */
export function isOneStatement(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(57014|55P03|25P03)/.test(error.code ?? '');
}

/** Two replicas took the same rows in another order, or PostgreSQL asks for a repeat: the transaction may run again. */
export function isRepeatable(error: unknown): boolean {
  if (isPlanOutdated(error)) return true;
  return error instanceof pg.DatabaseError && (error.code === '40P01' || error.code === '40001');
}

/** A statement that was prepared before a column was added gives another row now, which PostgreSQL refuses (0A000). */
function isPlanOutdated(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '0A000' && error.message.includes('cached plan');
}

/** Settings of a connection that is not pooled, e.g. for a lock that is held for long. */
export function clientConfig(url: string): pg.ClientConfig {
  return { connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, keepAlive: true, types: parsers };
}

/** @param patient for migrations: statements may take their time. */
export function openPostgresPool(url: string, size: number, log: Log, patient = false): pg.Pool {
  const limits: pg.PoolConfig = {
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  };
  const pool = new pg.Pool({
    ...clientConfig(url),
    max: size,
    maxLifetimeSeconds: CONNECTION_LIFETIME_S,
    application_name: 'genesys-gateway',
    ...(patient ? {} : limits),
  });
  // An idle connection that breaks is not an outage by itself: the pool makes another one when it is needed, and whoever needs
  // it finds out when it cannot.
  pool.on('error', (error) => log.debug({ err: error }, 'an idle database connection was lost'));
  // One that ends in the same packet in which it became ready has no other listener yet: that would end the process.
  pool.on('connect', (client) => {
    client.on('error', (error) => log.debug({ err: error }, 'a database connection was lost'));
  });
  return pool;
}

/**
 * Kysely's PostgreSQL dialect over a pool whose errors are translated and whose broken connections are not used again.
 *
 * @param wrote told of each statement that wrote
 */
export function postgresDialect(
  pool: pg.Pool,
  translate: ErrorTranslator,
  wrote: () => void = () => undefined,
): PostgresDialect {
  return new PostgresDialect({ pool: new TranslatingPool(pool, translate, wrote) });
}

/** As PostgreSQL calls what a statement did; a standby and a disk that is full refuse them. */
const WRITES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE']);

class TranslatingPool implements PostgresPool {
  readonly options: object;

  constructor(
    private readonly pool: pg.Pool,
    private readonly translate: ErrorTranslator,
    private readonly wrote: () => void,
  ) {
    this.options = pool.options;
  }

  async connect(): Promise<PostgresPoolClient> {
    try {
      const client = await this.pool.connect();
      // Kysely types the rows of each statement; pg does not, and cursors are not used.
      return new TranslatingClient(client, this.translate, this.wrote) as unknown as PostgresPoolClient;
    } catch (error) {
      throw this.translate(error);
    }
  }

  async end(): Promise<void> {
    await this.pool.end();
  }
}

class TranslatingClient {
  private broken = false;
  /** What made it broken, if a statement found out. */
  private outage: Error | undefined;

  constructor(
    private readonly client: pg.PoolClient,
    private readonly translate: ErrorTranslator,
    private readonly wrote: () => void,
  ) {
    // Without a listener a connection that breaks while it is checked out would end the process.
    client.on('error', this.onError);
  }

  async query(sql: string, parameters: readonly unknown[]): Promise<pg.QueryResult> {
    // A rollback behind a statement that is stuck would wait for the same time again.
    if (this.outage !== undefined) throw this.outage;
    try {
      const result = await this.ask(sql, [...parameters]);
      if (WRITES.has(result.command)) this.wrote();
      return result;
    } catch (error) {
      // After a query timeout the answer may still come, and would be taken for the next one's.
      if (!isPostgresOutage(error)) throw this.translate(error);
      this.broken = true;
      this.outage = this.translate(error) as Error;
      throw this.outage;
    }
  }

  private async ask(text: string, values: unknown[]): Promise<pg.QueryResult> {
    const name = names.nameOf(text);
    if (name === undefined) return this.client.query(text, values);
    try {
      return await this.client.query({ name, text, values });
    } catch (error) {
      if (!isPlanOutdated(error)) throw error;
      // Its statements were planned before another replica migrated. A transaction is over by this, and runs again.
      this.broken = true;
      return await this.client.query(text, values).catch(() => Promise.reject(error as Error));
    }
  }

  release(destroy?: boolean): void {
    this.client.off('error', this.onError);
    this.client.release(destroy === true || this.broken);
  }

  private readonly onError = (): void => {
    this.broken = true;
  };
}
