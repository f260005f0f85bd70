import { GatewayError } from '../common/errors.js';
import type { InteractionRow } from '../storage/schema.js';
import { kindForLogs } from '../telemetry/error-serializer.js';
import type { Reply } from './lookup-round.js';
import { completes } from './work-matching.js';

/** What a look-up came to for one interaction. */
export type Outcome =
  /** Its work is durable. */
  | { state: 'found' }
  /** No work yet. */
  | { state: 'open' }
  /** No work, and its time is over. */
  | { state: 'over' }
  | { state: 'unasked' }
  | { state: 'failed'; code: 'lookup.failed' | 'capture.failed'; message: string; error: unknown };

/** Longest message that is kept. */
const MAX_MESSAGE = 500;

/** @param unstored the work that could not be stored, with the reason */
export function outcomesOf(
  rows: readonly InteractionRow[],
  replies: ReadonlyMap<string, Reply>,
  unstored: ReadonlyMap<object, unknown>,
  last: boolean,
): Map<InteractionRow, Outcome> {
  return new Map(rows.map((row) => [row, outcomeOf(row, replies.get(row.conversation_id), unstored, last)]));
}

function outcomeOf(
  row: InteractionRow,
  reply: Reply | undefined,
  unstored: ReadonlyMap<object, unknown>,
  last: boolean,
): Outcome {
  if (!reply || reply.state === 'unasked') return { state: 'unasked' };
  if (reply.state === 'failed') {
    const message = `Genesys cannot be asked for this conversation: ${reasonOf(reply.error)}`.slice(0, MAX_MESSAGE);
    return { state: 'failed', code: 'lookup.failed', message, error: reply.error };
  }
  const works = reply.works.filter((work) => completes(work, row));
  if (works.some((work) => !unstored.has(work))) return { state: 'found' };
  const [refused] = works;
  if (refused) {
    const error = unstored.get(refused);
    const message = `Its after-call work was found, but could not be stored (${kindForLogs(error)}).`;
    return { state: 'failed', code: 'capture.failed', message, error };
  }
  if (!last) return { state: 'open' };
  return { state: reply.alone ? 'over' : 'unasked' };
}

function reasonOf(error: unknown): string {
  return error instanceof GatewayError ? error.message : `its answer could not be read (${kindForLogs(error)}).`;
}
