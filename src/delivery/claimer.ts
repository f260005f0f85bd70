import { randomUUID } from 'node:crypto';
import { CRASH_LIMIT, type Held, LAST_CHANCE_AFTER_MS } from './attempt.js';
import type { Claim } from './delivery.repository.js';
import type { WorkerContext } from './sink-worker.js';
import type { Sink } from './sink.js';

/** Claims deliveries for one sink and one process. */
export class Claimer {
  private startedAt = 0;

  constructor(
    private readonly sink: Sink,
    private readonly context: WorkerContext,
    private readonly leaseMs: number,
  ) {}

  /** The process delivers from now on: its last chances begin `LAST_CHANCE_AFTER_MS` later. */
  started(): void {
    this.startedAt = performance.now();
  }

  /** A claim of its own, and so a fence of its own. */
  terms(limit: number): Claim {
    return {
      sink: this.sink.name,
      limit,
      token: randomUUID(),
      replica: this.context.replica,
      leaseMs: this.leaseMs,
      destinations: this.sink.reachable?.(),
    };
  }

  /** Up to `limit` that are due, suspects among them one at a time. */
  async take(limit: number): Promise<Held[]> {
    const [{ deliveries }, claim] = [this.context, this.terms(limit)];
    if (claim.destinations?.length === 0) return [];
    // Before the question, so that we count the lease as over before the database does.
    const claimedAt = performance.now();
    const spare = claimedAt - this.startedAt < LAST_CHANCE_AFTER_MS ? CRASH_LIMIT - 1 : undefined;
    const suspects = await deliveries.claimSuspect(claim, spare);
    const left = limit - suspects.length;
    const others = left > 0 ? await deliveries.claimDue({ ...claim, limit: left }) : [];
    return [...suspects, ...others].map((delivery) => ({ delivery, claimedAt, leaseMs: this.leaseMs }));
  }
}
