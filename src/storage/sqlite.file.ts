import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import { DatabaseInUseError } from './storage.errors.js';

/** A rolling restart overlaps: the old process may still be draining. */
const LOCK_WAIT_MS = 10_000;
const LOCK_PAUSE_MS = 100;
/** Waiting happens in JavaScript, where it does not block the event loop; see the dialect. */
const BUSY_TIMEOUT_MS = 5;

/**
 * Pages in the log (64 MiB) after which this connection moves them itself. That stops the event loop, so a thread does it
 * well before (`Checkpointer`); this is for when that one cannot keep up, or has ended.
 */
const CHECKPOINT_PAGES = 16_000;

/** The database in memory: for tests and trials, gone with the process. */
export const IN_MEMORY = ':memory:';

/** An open database file and the lock that makes this process its only owner. */
export interface SqliteFile {
  database: BetterSqlite3.Database;
  /** Gives the file to the next process. To be called after the database is closed. */
  unlock: () => void;
}

/** Opens `file`, making it and its folder when they are missing. @throws DatabaseInUseError after `lockWaitMs`. */
export async function openSqliteFile(file: string, lockWaitMs = LOCK_WAIT_MS): Promise<SqliteFile> {
  if (file === IN_MEMORY) return { database: connect(file), unlock: () => undefined };
  makeFolder(dirname(file));
  const lock = await lockFile(file, lockWaitMs);
  try {
    return { database: connect(file), unlock: () => lock.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Not `mkdir` with `recursive`: where a parent takes no folders although it is there, as /proc, that tries for ever. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!existsSync(folder)) throw error;
  }
}

function connect(file: string): BetterSqlite3.Database {
  const database = new BetterSqlite3(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.pragma('journal_mode = WAL');
    // FULL syncs the log at each commit: a 202 must survive a power cut, which NORMAL does not promise in WAL mode.
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * An operating system's lock on `<file>.lock`, held through a SQLite connection for as long as the process lives. The
 * kernel frees it when the process dies, however it dies. The database itself stays readable for a shell or a backup.
 */
async function lockFile(file: string, waitMs: number): Promise<BetterSqlite3.Database> {
  const lock = new BetterSqlite3(`${file}.lock`, { timeout: 0 });
  const giveUpAt = performance.now() + waitMs;
  for (;;) {
    try {
      lock.pragma('locking_mode = EXCLUSIVE');
      lock.exec('BEGIN EXCLUSIVE');
      return lock;
    } catch (error) {
      if (performance.now() > giveUpAt || !String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) {
        lock.close();
        throw inUse(file, waitMs, error);
      }
      await sleep(LOCK_PAUSE_MS);
    }
  }
}

function inUse(file: string, waitMs: number, cause: unknown): unknown {
  if (!String((cause as { code?: unknown }).code).startsWith('SQLITE_BUSY')) return cause;
  return new DatabaseInUseError(
    `SQLite file ${file} is held by another process and was not freed within ${waitMs / 1000} s. One process at a time ` +
      'can use it: stop the other one, or set DATABASE_URL to a postgres:// address to run several replicas.',
    { cause },
  );
}
