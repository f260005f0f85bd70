import type { Kysely, Transaction } from 'kysely';
import type { Log } from '../telemetry/logs.js';
import type { Schema } from './schema.js';

/** Registers what is to happen once the commit that stores this very work has succeeded. It must not wait for anything. */
export type AfterCommit = (follow: () => void) => void;

/** What is done in a transaction. It may run again, so that it must change nothing but the database. */
export type Work<T> = (trx: Transaction<Schema>, afterCommit: AfterCommit) => Promise<T>;

/**
 * Runs `work` in one transaction and, once that is committed, what it registered, once and in order. A rollback discards
 * it. One that throws is logged: the work is stored whatever follows it, and the others have their turn.
 */
export async function commit<T>(db: Kysely<Schema>, work: Work<T>, log: Log): Promise<T> {
  const follows: (() => void)[] = [];
  const value = await db.transaction().execute((trx) => work(trx, (follow) => follows.push(follow)));
  for (const follow of follows) {
    try {
      follow();
    } catch (err) {
      log.error({ err }, 'what follows a commit failed');
    }
  }
  return value;
}
