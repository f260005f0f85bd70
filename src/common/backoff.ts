/** Exponential backoff with full jitter (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/). */
export interface BackoffPolicy {
  /** Upper bound of the first wait, in milliseconds. */
  baseMs: number;
  /** Upper bound of every wait, in milliseconds. */
  capMs: number;
}

/** Largest wait before try number `attempt` (0 is the first repeat): base, 2·base, 4·base … never above the cap. */
export function backoffCeiling(policy: BackoffPolicy, attempt: number): number {
  // 2^30 · 1 ms is 12 days: beyond it the power only overflows.
  return Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(Math.max(attempt, 0), 30));
}

/** A wait drawn evenly from [0, ceiling]: callers that failed together do not come back together. */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: () => number = Math.random): number {
  return Math.round(backoffCeiling(policy, attempt) * random());
}
