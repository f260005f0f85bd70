import { Inject, Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { CONFIG, type Config } from '../../config/config.js';
import { Database } from '../../storage/database.js';
import { PUSH_SINKS } from '../subscriptions/subscription.js';

/** Subscribers remembered at a time before those are forgotten that owe nothing. */
const MAX_REMEMBERED = 10_000;

// Literal, as the conditions of partial indexes are.
const WAITING = sql<boolean>`sink in (${sql.join(PUSH_SINKS.map((sink) => sql.lit(sink)))}) and state in ('pending', 'claimed')`;

/** Times at which pushes to one subscriber may go, one interval apart. Monotonic milliseconds. */
interface Schedule {
  /** The first that no push has used. */
  unused: number;
  /** The first that no push waits for. */
  free: number;
}

/** How fast one subscriber is pushed to, and how much may wait for one. */
@Injectable()
export class SubscriberLimits {
  private readonly schedules = new Map<string, Schedule>();
  private over: ReadonlySet<string> = new Set();
  /** Between two pushes to one subscriber, in milliseconds. */
  readonly intervalMs: number;

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'push'>,
    private readonly database: Database,
  ) {
    this.intervalMs = 1_000 / config.push.ratePerSubscriber;
  }

  /**
   * 0: this push may go now, and has used its time. Otherwise milliseconds until its time in the subscriber's schedule,
   * which is kept for it: whoever comes when a kept time has come goes. So each push asks once and goes when it comes
   * again, however many wait. A burst of a second's worth goes at once.
   */
  delayOf(subscriberId: string, now = performance.now()): number {
    const { intervalMs } = this;
    if (this.schedules.size >= MAX_REMEMBERED) this.forgetIdle(now);
    const known = this.schedules.get(subscriberId);
    const unused = Math.max(known?.unused ?? 0, now - (1_000 - intervalMs));
    const free = Math.max(known?.free ?? 0, unused);
    if (unused <= now) {
      this.schedules.set(subscriberId, { unused: unused + intervalMs, free: Math.max(free, unused + intervalMs) });
      return 0;
    }
    this.schedules.set(subscriberId, { unused, free: free + intervalMs });
    return Math.ceil(free - now);
  }

  /** Whether the subscriber had more pushes waiting than PUSH_QUEUE_PER_SUBSCRIBER when last counted. */
  isOver(subscriberId: string): boolean {
    return this.over.has(subscriberId);
  }

  /** Counts what waits for each subscriber, unless so little waits in all that nobody can have too much. */
  async count(): Promise<void> {
    const { db } = this.database;
    const limit = this.config.push.queuePerSubscriber;
    const { rows: some } = await sql<{ count: number }>`
      select count(*) as count from (select 1 from deliveries where ${WAITING} limit ${limit}) as waiting`.execute(db);
    if ((some[0]?.count ?? 0) < limit) {
      this.over = new Set();
      return;
    }
    const { rows } = await sql<{ subscriber_id: string }>`
      select subscriber_id from (
        select subject_id, count(*) as count from deliveries where ${WAITING} group by subject_id) as waiting
      join push_subscriptions on push_subscriptions.id = waiting.subject_id
      group by subscriber_id having sum(waiting.count) >= ${limit}`.execute(db);
    this.over = new Set(rows.map((row) => row.subscriber_id));
  }

  private forgetIdle(now: number): void {
    for (const [subscriber, { free }] of this.schedules) if (free <= now) this.schedules.delete(subscriber);
  }
}
