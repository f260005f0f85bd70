import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import BetterSqlite3 from 'better-sqlite3';

const COMMITS = 300;

/** What the figures depend on, and have to be read with. */
export interface Conditions {
  at: string;
  node: string;
  system: string;
  cores: number;
  processor: string;
  memoryGiB: number;
  /** SQLite transactions of one row each with `synchronous=FULL`, one after the other: what this disk's sync costs. */
  syncedCommitsPerSecond: number;
  rounds: number;
  scale: number;
}

/** @param file that does not exist yet, where the databases go */
export function conditions(file: string, options: { rounds: number; scale: number }): Conditions {
  return {
    at: new Date().toISOString(),
    node: process.version,
    system: `${type()} ${release()}`,
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    syncedCommitsPerSecond: syncedCommits(file),
    ...options,
  };
}

function syncedCommits(file: string): number {
  const database = new BetterSqlite3(file);
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.exec('create table probe (at integer)');
    const insert = database.prepare('insert into probe (at) values (?)');
    const startedAt = performance.now();
    for (let i = 0; i < COMMITS; i += 1) insert.run(i);
    return Math.round((COMMITS / (performance.now() - startedAt)) * 1_000);
  } finally {
    database.close();
  }
}
