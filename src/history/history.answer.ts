import { retryAfterMs } from '../common/retry-after.js';
import type { SendOutcome } from '../delivery/sink.js';

/** These say that this record will never be taken, so that asking again is useless; the README has the list (The record). */
const REFUSALS = new Set([400, 404, 405, 410, 413, 415, 422]);
/** The history service has had this record before, under the same key. */
const ALREADY_THERE = 409;

/**
 * What an answer of the history service means. Everything that is not listed is tried again: redirects (not followed,
 * for they would carry the token elsewhere) and unusual 4xx come from what stands in between or from a wrong
 * configuration, which an operator can put right without a record being lost.
 */
export function outcomeOf(status: number, retryAfter: string | undefined, now: number = Date.now()): SendOutcome {
  if ((status >= 200 && status < 300) || status === ALREADY_THERE) return { kind: 'delivered', status };
  const advice = status === 401 || status === 403 ? ': check HISTORY_TOKEN' : '';
  const failure = {
    code: `history.http-${status}`,
    message: `the history service answered ${status}${advice}`,
    status,
  };
  if (REFUSALS.has(status)) return { kind: 'refused', ...failure };
  const wish = retryAfterMs(retryAfter, now);
  return { kind: 'retry', ...failure, ...(wish === undefined ? {} : { retryAfterMs: wish }) };
}
