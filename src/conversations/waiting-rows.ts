import { type RawBuilder, sql } from 'kysely';
import { justCompared } from '../storage/json-rows.js';
import type { DatabaseKind } from '../storage/migrations/index.js';

/**
 * Nothing has been captured for these yet; for finding them by their owner. Written out, not bound: SQLite uses the index
 * on waiting interactions only where the statement repeats its condition to the letter.
 */
export const WAITING = sql<boolean>`status in ('accepted', 'listening')`;

/** The same of rows that are found by something else. */
export const STILL_WAITING = sql<boolean>`${justCompared('status')} in ('accepted', 'listening')`;

/**
 * Those of `which` that still wait. PostgreSQL locks them in the order of their ids, as `waitingFor` does: two that lock
 * the same rows in different orders wait for each other, which it finds out after a second.
 */
export function stillWaiting(kind: DatabaseKind, which: RawBuilder<boolean>): RawBuilder<boolean> {
  if (kind === 'sqlite') return sql<boolean>`${which} and ${STILL_WAITING}`;
  return sql<boolean>`id in (
      select id from interactions where ${which} and ${STILL_WAITING} order by id for update)`;
}

/** SQLite calls it `min`, PostgreSQL `least`. */
export function least(kind: DatabaseKind): 'min' | 'least' {
  return kind === 'sqlite' ? 'min' : 'least';
}
