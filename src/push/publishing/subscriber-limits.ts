import { Inject, Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { CONFIG, type Config } from '../../config/config.js';
import { Database } from '../../storage/database.js';
import { PUSH_SINKS } from '../subscriptions/subscription.js';

/** Subscribers remembered at a time before those are forgotten that owe nothing. */
const MAX_REMEMBERED = 10_000;

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

  /** Counts what waits for each subscriber. */
  async count(): Promise<void> {
    const sinks = sql.join(PUSH_SINKS.map((sink) => sql.lit(sink)));
    const { rows } = await sql<{ subscriber_id: string }>`
      select subscriber_id from deliveries join push_subscriptions on push_subscriptions.id = deliveries.subject_id
      where sink in (${sinks}) and state in ('pending', 'claimed')
      group by subscriber_id having count(*) >= ${this.config.push.queuePerSubscriber}`.execute(this.database.db);
    this.over = new Set(rows.map((row) => row.subscriber_id));
  }

  private forgetIdle(now: number): void {
    for (const [subscriber, due] of this.paces) if (due <= now) this.paces.delete(subscriber);
  }
}
