import type { SendOutcome } from '../delivery/sink.js';

/** These say that this record will never be taken, so that asking again is useless (the contract's list). */
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
  const failure = { code: `history.http-${status}`, message: `the history service answered ${status}`, status };
  if (REFUSALS.has(status)) return { kind: 'refused', ...failure };
  const retryAfterMs = parseRetryAfter(retryAfter, now);
  return { kind: 'retry', ...failure, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** `Retry-After` in milliseconds from now: whole seconds or an HTTP date (RFC 9110 §10.2.3); undefined when it is neither. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // Date.parse alone takes nearly anything for a date; HTTP dates begin with the weekday.
  const date = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
