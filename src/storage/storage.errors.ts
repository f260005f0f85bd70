import { userInfo } from 'node:os';
import type { StorageTarget } from '../config/config.js';
import { GatewayError } from '../common/errors.js';

/** The database is not there, full, read-only or locked. Nothing was stored, or nobody can tell: ask again later. */
export class StorageUnavailableError extends GatewayError {
  readonly code = 'storage.unavailable';
  override readonly status = 503;
  /** The message names the database and its host, which are not for those who hand in. */
  override readonly publicMessage = 'The database cannot be used at the moment, and nothing is half-stored. Try again.';
}

/**
 * PostgreSQL ended a statement because of a deadlock, or asks for a repeat. A transaction is run again by `Database`; for a
 * single statement it is an outage of a moment.
 */
export class StorageConflictError extends StorageUnavailableError {}

/** Another process holds the embedded database. */
export class DatabaseInUseError extends GatewayError {
  readonly code = 'storage.in-use';
  override readonly status = 503;
}

/** The database was migrated by a later version: this one could damage what it does not know. */
export class SchemaTooNewError extends GatewayError {
  readonly code = 'storage.schema-too-new';
}

/** A migration failed; the database is as it was before it. */
export class MigrationFailedError extends GatewayError {
  readonly code = 'storage.migration-failed';
}

/** Where the database is, for people: never the user, never the password. */
export function describeTarget(target: StorageTarget): string {
  if (target.kind === 'sqlite') return `SQLite file ${target.file}`;
  try {
    const url = new URL(target.url);
    return `PostgreSQL at ${url.hostname}:${url.port || '5432'}${url.pathname}`;
  } catch {
    return 'PostgreSQL (DATABASE_URL is not a URL)';
  }
}

/** Turns what a driver threw into what the callers expect; leaves alone what is a statement's own fault. */
export type ErrorTranslator = (error: unknown) => unknown;

/** A translator that wraps the errors for which `isOutage` or `isConflict` holds. */
export function outageTranslator(
  target: StorageTarget,
  isOutage: (error: unknown) => boolean,
  isConflict: (error: unknown) => boolean = () => false,
): ErrorTranslator {
  const where = describeTarget(target);
  return (error) => {
    if (isConflict(error))
      return new StorageConflictError(`${where} ended a statement in favour of another one. Try again.`, {
        cause: error,
      });
    if (error instanceof GatewayError || !isOutage(error)) return error;
    const reason = error instanceof Error ? error.message || error.name : String(error);
    return new StorageUnavailableError(`${where} cannot be used: ${reason}. ${adviceOn(error)}`, { cause: error });
  };
}

/** What waiting does not help: SQLSTATE 28 (authorisation) and 3D (no such database), and a file that cannot be used. */
function adviceOn(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return 'Try again once it is back.';
  if (/^(28|3D)/.test(code)) return 'Check DATABASE_URL: user, password and database.';
  if (code === 'SQLITE_NOTADB') return 'Check DATABASE_URL: the file is none of SQLite.';
  if (/^(SQLITE_(CANTOPEN|READONLY|PERM|AUTH)|E(ACCES|PERM|ROFS|NOENT|NOTDIR|ISDIR|NAMETOOLONG|LOOP)$)/.test(code))
    return `Check DATABASE_URL: its folder must exist or be possible to make, and user ${String(process.getuid?.() ?? userInfo().username)} must be able to write there.`;
  return 'Try again once it is back.';
}
