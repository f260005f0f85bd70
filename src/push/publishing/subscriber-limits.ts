import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { CONFIG, type Config } from '../../config/config.js';
import { Database } from '../../storage/database.js';
import { KeptCounts } from '../../storage/kept-counts.js';
import { type ActiveSubscription, PUSH_SINKS } from '../subscriptions/subscription.js';

/** Subscribers remembered at a time before those are forgotten that owe nothing. */
const MAX_REMEMBERED = 10_000;
/** Subscribers whose waiting pushes are known: 10 MB. Whoever is forgotten is counted again. */
const MAX_KNOWN = 100_000;
/** After so long what is known of a subscriber is forgotten under PostgreSQL, where other replicas push, too. */
const KNOWN_MS = 60_000;
/** Pause after each count, in times of what it took: counting takes a tenth of the time at most. */
const PAUSE = 9;

/** What waits for one subscriber. */
interface Waiting {
  /** No more than so many: those last counted, and all that were made here since. */
  atMost: number;
  /** Monotonic milliseconds. */
  since: number;
}

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
  private readonly waiting = new Map<string, Waiting>();
  /** Those that may have too much waiting: they are counted. */
  private readonly suspects = new Set<string>();
  /** Those that had, when last counted. */
  private readonly over = new Set<string>();
  /** What waits for all together. */
  private total = 0;
  /** Between two pushes to one subscriber, in milliseconds. */
  readonly intervalMs: number;

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'push'>,
    private readonly database: Database,
    private readonly counts: KeptCounts,
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

  /** Those of `targets` whose subscriber had less than PUSH_QUEUE_PER_SUBSCRIBER pushes waiting when last counted. */
  admit(targets: readonly ActiveSubscription[]): ActiveSubscription[] {
    const admitted = targets.filter(({ subscriberId }) => !this.over.has(subscriberId));
    for (const { subscriberId } of admitted) this.expect(subscriberId);
    return admitted;
  }

  /**
   * Counts what waits for those subscribers who may have reached the limit since they were last counted, and for nobody when
   * less than the limit waits for all together. A count looks at no more rows than the limit.
   */
  async count(signal?: AbortSignal): Promise<void> {
    const limit = this.config.push.queuePerSubscriber;
    this.total = await this.waitingForAll();
    if (this.total < limit) {
      for (const known of [this.waiting, this.suspects, this.over]) known.clear();
      return;
    }
    if (this.database.kind === 'postgres') this.forgetOld();
    for (const subscriberId of [...this.suspects]) {
      if (signal?.aborted === true) return;
      const startedAt = performance.now();
      const before = this.known(subscriberId).atMost;
      const counted = await this.waitingFor(subscriberId, limit);
      const known = this.known(subscriberId);
      this.know(subscriberId, { atMost: counted + known.atMost - before, since: startedAt });
      if (counted >= limit) this.over.add(subscriberId);
      else this.over.delete(subscriberId);
      await delay((performance.now() - startedAt) * PAUSE, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A push is being made. One that is rolled back is counted too: the figure may only be too high. */
  private expect(subscriberId: string): void {
    const { atMost, since } = this.known(subscriberId);
    this.know(subscriberId, { atMost: atMost + 1, since });
  }

  /** Of somebody who was never counted no more is known than of all together. */
  private known(subscriberId: string): Waiting {
    return this.waiting.get(subscriberId) ?? { atMost: this.total, since: performance.now() };
  }

  private know(subscriberId: string, waiting: Waiting): void {
    this.waiting.set(subscriberId, waiting);
    if (waiting.atMost >= this.config.push.queuePerSubscriber) this.suspects.add(subscriberId);
    else this.suspects.delete(subscriberId);
    if (this.waiting.size > MAX_KNOWN) this.forget(this.waiting.keys().next().value ?? '');
  }

  private forgetOld(): void {
    const limitAt = performance.now() - KNOWN_MS;
    for (const [subscriberId, { since }] of this.waiting) if (since < limitAt) this.waiting.delete(subscriberId);
  }

  private forget(subscriberId: string): void {
    for (const known of [this.waiting, this.suspects, this.over]) known.delete(subscriberId);
  }

  private async waitingForAll(): Promise<number> {
    const scopes = new Set(PUSH_SINKS.map((sink) => `deliveries.${sink}`));
    const kept = await this.counts.read();
    return kept
      .filter(({ scope, status }) => scopes.has(scope) && status === 'waiting')
      .reduce((sum, { n }) => sum + n, 0);
  }

  /** Up to `limit`; without the few that are under way. */
  private async waitingFor(subscriberId: string, limit: number): Promise<number> {
    // Literal, as the conditions of partial indexes are.
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from (
        select 1 from push_subscriptions
        join deliveries on deliveries.subject_id = push_subscriptions.id and deliveries.state = 'pending'
        where push_subscriptions.subscriber_id = ${subscriberId} and push_subscriptions.ended_at is null
        limit ${limit}) as waiting`.execute(this.database.db);
    return rows[0]?.count ?? 0;
  }

  private forgetIdle(now: number): void {
    for (const [subscriber, { free }] of this.schedules) if (free <= now) this.schedules.delete(subscriber);
  }
}
