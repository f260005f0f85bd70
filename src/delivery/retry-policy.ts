import { backoffDelay } from '../common/backoff.js';
import type { Config } from '../config/config.js';

/** A receiver may ask for a pause of up to a day; beyond it a header is a mistake, and puts no delivery off for a year. */
const RETRY_AFTER_LIMIT_MS = 24 * 3_600_000;

export interface FailedAttempt {
  /** Attempts made, this one included. */
  attempts: number;
  /** Milliseconds since the first one ended; 0 when this is the first. */
  sinceFirstMs: number;
  /** The receiver's own wish. */
  retryAfterMs?: number | undefined;
}

export type RetryDecision = { kind: 'retry'; delayMs: number } | { kind: 'give-up' };

/**
 * What follows a failed attempt: another one after a fully jittered, exponential pause, until `maxMs` have passed since
 * the first. The last pause is cut so that the last attempt is made at the end of that time, not before it. It never
 * comes before the receiver asked for it: a wish that lies beyond the end is waited for, and the attempt then is the last.
 */
export function decideRetry(
  attempt: FailedAttempt,
  policy: Config['retry'],
  random: () => number = Math.random,
): RetryDecision {
  const leftMs = policy.maxMs - attempt.sinceFirstMs;
  if (leftMs <= 0) return { kind: 'give-up' };
  const pauseMs = Math.min(backoffDelay(policy, attempt.attempts - 1, random), leftMs);
  const wishedMs = Math.min(attempt.retryAfterMs ?? 0, RETRY_AFTER_LIMIT_MS);
  return { kind: 'retry', delayMs: Math.ceil(Math.max(pauseMs, wishedMs)) };
}
