import { Inject, Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { CONFIG, type Config } from '../../config/config.js';
import { Database } from '../../storage/database.js';
import { PUSH_SINKS } from '../subscriptions/subscription.js';

/** Subscribers remembered at a time before those are forgotten that owe nothing. */
const MAX_REMEMBERED = 10_000;

// Literal, as the conditions of partial indexes are.
const WAITING = sql<boolean>`sink in (${sql.join(PUSH_SINKS.map((sink) => sql.lit(sink)))}) and state in ('pending', 'claimed')`;

/** How fast one subscriber is pushed to, and how much may wait for one. */
@Injectable()
export class SubscriberLimits {
  /** When the next push of an even pace would be due (GCRA, ITU-T I.371): one number for each subscriber. */
  private readonly paces = new Map<string, number>();
  private over: ReadonlySet<string> = new Set();
  private readonly intervalMs: number;

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'push'>,
    private readonly database: Database,
  ) {
    this.intervalMs = 1_000 / config.push.ratePerSubscriber;
  }

  /** 0: this push may go now. Otherwise milliseconds until it may. A burst of a second's worth goes at once. */
  delayOf(subscriberId: string, now = performance.now()): number {
    const due = Math.max(this.paces.get(subscriberId) ?? 0, now);
    const early = due - now - (1_000 - this.intervalMs);
    if (early > 0) return Math.ceil(early);
    if (this.paces.size >= MAX_REMEMBERED) this.forgetIdle(now);
    this.paces.set(subscriberId, due + this.intervalMs);
    return 0;
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
    for (const [subscriber, due] of this.paces) if (due <= now) this.paces.delete(subscriber);
  }
}
