import { backoffCeiling } from '../common/backoff.js';

/** A permission that is missing now may be granted within minutes: ask again after 30 s, 1, 2, 4 … 10 min. */
const RETRY = { baseMs: 30_000, capMs: 600_000 };

/** Topics that Genesys refused, and when each is asked for again. Times are monotonic milliseconds. */
export class RejectedTopics {
  private readonly refusals = new Map<string, { count: number; dueAt: number }>();

  /** Notes a refusal; answers how long to wait, in milliseconds. */
  refuse(topic: string, now: number): number {
    const count = this.refusals.get(topic)?.count ?? 0;
    const waitMs = backoffCeiling(RETRY, count);
    this.refusals.set(topic, { count: count + 1, dueAt: now + waitMs });
    return waitMs;
  }

  /** Confirmed or no longer wanted. */
  forget(topic: string): void {
    this.refusals.delete(topic);
  }

  mustWait(topic: string, now: number): boolean {
    const refusal = this.refusals.get(topic);
    return refusal !== undefined && refusal.dueAt > now;
  }

  get size(): number {
    return this.refusals.size;
  }
}
