import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import type { Database } from '../storage/database.js';
import { oneOf } from '../storage/json-rows.js';
import type { Schema } from '../storage/schema.js';

/** Deliveries that nobody wants any more, and why. */
export interface Cancellation {
  sinks: readonly string[];
  subjectIds: readonly string[];
  code: string;
  message: string;
}

/** Ends those of these subjects that still wait; the ones under way end by themselves. Returns how many. */
export async function cancelWaiting(
  trx: Transaction<Schema>,
  { kind, now }: Pick<Database, 'kind' | 'now'>,
  { sinks, subjectIds, code, message }: Cancellation,
): Promise<number> {
  const result = await trx
    .updateTable('deliveries')
    .set({
      state: 'cancelled',
      cancelled_at: now,
      last_error_code: code,
      last_error_message: message,
      last_error_at: now,
    })
    .where(oneOf(kind, 'subject_id', subjectIds))
    .where('sink', 'in', sinks)
    // Written out, not bound: SQLite uses the index on what waits only where its condition is repeated to the letter.
    .where(sql<boolean>`state = 'pending'`)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}
