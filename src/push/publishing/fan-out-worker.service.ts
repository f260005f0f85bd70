import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { asError } from '../../common/errors.js';
import { Outbox } from '../../delivery/outbox.js';
import type { DeliveryDraft } from '../../delivery/sink.js';
import type { Work } from '../../storage/after-commit.js';
import { Database } from '../../storage/database.js';
import { type Log, Logs } from '../../telemetry/logs.js';
import { Metrics } from '../../telemetry/metrics.js';
import { SubscriptionIndex } from '../subscriptions/subscription-index.js';
import { PUSH_SINKS } from '../subscriptions/subscription.js';
import { FanOutQueue, type Progress } from './fan-out-queue.js';
import { draftOf } from './fan-out.js';
import { SubscriberLimits } from './subscriber-limits.js';

/** Deliveries of one transaction: some 5 ms of SQLite's one writer, for which everybody else waits. */
const PAGE = 100;
/** Pause after each, in times of what it took: three quarters of the writer's time are everybody else's. */
const PAUSE = 3;
/** Events of one transaction. */
const EVENTS = 64;
/** For what another replica has left behind, and after a failure. */
const POLL_MS = 2_000;

/**
 * Makes the deliveries of events that are stored without them: the gateway's own, and those for very many subscriptions. Page
 * by page, each a transaction of its own that notes how far it has come, so that whoever comes after a kill goes on there.
 */
@Injectable()
export class FanOutWorker {
  private readonly log: Log;
  private readonly stopped = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private wanted = false;

  constructor(
    private readonly database: Database,
    private readonly queue: FanOutQueue,
    private readonly index: SubscriptionIndex,
    private readonly limits: SubscriberLimits,
    private readonly outbox: Outbox,
    private readonly metrics: Metrics,
    logs: Logs,
  ) {
    this.log = logs.of('push');
  }

  start(): void {
    this.timer = setInterval(() => this.wake(), POLL_MS);
    this.wake();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.stopped.abort();
    await this.running;
  }

  /** To be called once an event has been committed; without it its deliveries are made at the next poll. */
  wake(): void {
    if (this.timer === undefined || this.stopped.signal.aborted) return;
    this.wanted = true;
    this.running ??= this.run();
  }

  /** Tells the metrics how many events wait for their deliveries. */
  async measure(): Promise<void> {
    this.metrics.pushEventsWaiting.set(await this.queue.count());
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    const { signal } = this.stopped;
    try {
      while (this.wanted && !signal.aborted) {
        this.wanted = false;
        await this.workOff(signal);
      }
    } catch (error) {
      this.log.warn({ err: asError(error) }, 'the deliveries of events could not be made, trying again later');
    }
    this.running = undefined;
  }

  private async workOff(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedAt = performance.now();
      if (!(await this.turn())) return;
      await delay((performance.now() - startedAt) * PAUSE, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Makes one page of deliveries; false when no event waits for any. */
  async turn(): Promise<boolean> {
    return this.database.transaction(this.page);
  }

  private readonly page: Work<boolean> = async (trx, afterCommit) => {
    const events = await this.queue.next(trx, EVENTS);
    if (events.length === 0) return false;
    const matcher = await this.index.asOf(trx);
    const drafts: DeliveryDraft[] = [];
    const progress: Progress[] = [];
    let room = PAGE;
    let dropped = 0;
    for (const event of events) {
      if (room === 0) break;
      const isOwn = event.published_by === '';
      const targets = matcher.page({
        tag: event.tag,
        isOwn,
        after: event.fan_out_after ?? 0,
        upTo: event.seen_change ?? 0,
        providerName: isOwn ? undefined : event.provider_name,
        limit: room,
      });
      const wanted = this.limits.admit(targets);
      const about = { id: event.id, tag: event.tag, orderKey: event.order_key ?? event.tag };
      drafts.push(...wanted.map((target) => draftOf(about, target, event.published_at)));
      const after = targets.at(-1)?.madeNo ?? event.fan_out_after ?? 0;
      progress.push({ id: event.id, after, done: targets.length < room ? 1 : 0, made: wanted.length });
      room -= targets.length;
      dropped += targets.length - wanted.length;
    }
    await this.outbox.enqueue(trx, drafts);
    await this.queue.advance(trx, progress);
    afterCommit(() => {
      this.metrics.pushMatched.inc(drafts.length);
      if (dropped > 0) this.metrics.pushDropped.inc({ reason: 'queue' }, dropped);
      if (drafts.length > 0) this.outbox.wake(PUSH_SINKS);
    });
    return true;
  };
}
