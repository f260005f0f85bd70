import { backoffCeiling } from '../common/backoff.js';
import { type LineWriter, OutageLog } from '../telemetry/outage-log.js';

/** A permission that is missing now may be granted within minutes: ask again after 30 s, 1, 2, 4 … 10 min. */
const RETRY = { baseMs: 30_000, capMs: 600_000 };

/**
 * Topics that Genesys refused, and when each is asked for again. Times are monotonic milliseconds. A permission that is missing
 * is missing for every topic, so that the log tells of all together: its end is told when none is refused any more.
 */
export class RejectedTopics {
  private readonly refusals = new Map<string, { count: number; dueAt: number }>();
  private readonly outage: OutageLog;

  constructor(log: LineWriter) {
    this.outage = new OutageLog(log, 'subscribing to topics');
  }

  /** Notes a refusal and what Genesys said; answers how long to wait, in milliseconds. */
  refuse(topic: string, reason: string, now: number): number {
    const count = this.refusals.get(topic)?.count ?? 0;
    const waitMs = backoffCeiling(RETRY, count);
    this.refusals.set(topic, { count: count + 1, dueAt: now + waitMs });
    this.outage.failed(reason, { topic, retryMs: waitMs });
    return waitMs;
  }

  /** Genesys has these. */
  confirmed(topics: Iterable<string>): void {
    for (const topic of topics) this.refusals.delete(topic);
    if (this.refusals.size === 0) this.outage.recovered();
  }

  /** No longer wanted, or to be asked for without a wait: that says nothing of what Genesys refuses. */
  forget(topic: string): void {
    this.refusals.delete(topic);
  }

  clear(): void {
    this.refusals.clear();
  }

  mustWait(topic: string, now: number): boolean {
    const refusal = this.refusals.get(topic);
    return refusal !== undefined && refusal.dueAt > now;
  }

  get size(): number {
    return this.refusals.size;
  }
}
