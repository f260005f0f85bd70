import { GatewayError } from '../common/errors.js';
import type { InteractionRow } from '../storage/schema.js';
import { kindForLogs } from '../telemetry/error-serializer.js';
import type { Reply } from './lookup-round.js';
import type { DueLookups } from './lookup.repository.js';
import { completes } from './work-matching.js';

/** What a look-up came to for one interaction. */
export type Outcome =
  /** Its work is durable. */
  | { state: 'found' }
  /** No work yet. */
  | { state: 'open' }
  /** No work, and its time is over. */
  | { state: 'over' }
  | { state: 'suspected' }
  | { state: 'culprit' }
  /** @property failure why Genesys could not be asked, if it was that */
  | { state: 'unasked'; failure?: unknown }
  | { state: 'failed'; code: 'lookup.failed' | 'capture.failed'; message: string; error: unknown };

/** Longest message that is kept. */
const MAX_MESSAGE = 500;

/**
 * What the replies came to for those of the interactions whose conversations have one.
 *
 * @param unstored the work that could not be stored, with the reason
 */
export function outcomesOf(
  { rows, now }: DueLookups,
  replies: ReadonlyMap<string, Reply>,
  unstored: ReadonlyMap<object, unknown>,
): Map<InteractionRow, Outcome> {
  const outcomes = new Map<InteractionRow, Outcome>();
  for (const row of rows) {
    const reply = replies.get(row.conversation_id);
    if (reply) outcomes.set(row, outcomeOf(row, reply, unstored, row.expires_at <= now));
  }
  return outcomes;
}

function outcomeOf(row: InteractionRow, reply: Reply, unstored: ReadonlyMap<object, unknown>, last: boolean): Outcome {
  if (reply.state === 'unasked' || reply.state === 'suspected' || reply.state === 'culprit') return reply;
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
  return { state: reply.complete ? 'over' : 'unasked' };
}

function reasonOf(error: unknown): string {
  return error instanceof GatewayError ? error.message : `its answer could not be read (${kindForLogs(error)}).`;
}
