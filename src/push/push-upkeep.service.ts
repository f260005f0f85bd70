import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { exhaustMap, timer, type Subscription } from 'rxjs';
import { CONFIG, type Config } from '../config/config.js';
import { ShutdownService } from '../lifecycle/shutdown.service.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { PushPublishers } from './publishers/push-publishers.js';
import { EventRepository } from './publishing/event.repository.js';
import { FanOutWorker } from './publishing/fan-out-worker.service.js';
import { SubscriberLimits } from './publishing/subscriber-limits.js';
import { SubscriptionIndex } from './subscriptions/subscription-index.js';
import { SubscriptionRepository } from './subscriptions/subscription.repository.js';
import { SubscriptionService } from './subscriptions/subscription.service.js';

/** Nobody is pushed to after the end of his subscription, marked or not: this only clears up. */
const EXPIRE_EVERY_MS = 5_000;
const COUNT_EVERY_MS = 10_000;
const REMOVE_EVERY_MS = 60_000;
/** Rows removed in one statement: some milliseconds. */
const BATCH = 500;
/** Between two batches, so that everybody else's writes come first. */
const PAUSE_MS = 50;

/** What has to be done again and again: ends what has expired, counts what waits, removes what is long over. */
@Injectable()
export class PushUpkeep implements OnApplicationBootstrap {
  private readonly log: Log;
  private readonly stopped = new AbortController();
  private readonly timers: Subscription[] = [];
  private readonly running = new Set<Promise<void>>();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly index: SubscriptionIndex,
    private readonly subscriptions: SubscriptionService,
    private readonly rows: SubscriptionRepository,
    private readonly events: EventRepository,
    private readonly limits: SubscriberLimits,
    private readonly fanOut: FanOutWorker,
    private readonly publishers: PushPublishers,
    private readonly shutdown: ShutdownService,
    logs: Logs,
  ) {
    this.log = logs.of('push');
  }

  async onApplicationBootstrap(): Promise<void> {
    const startedAt = performance.now();
    await this.index.load();
    this.log.info({ subscriptions: this.index.size, ms: Math.round(performance.now() - startedAt) }, 'push is ready');
    this.fanOut.start();
    this.every(EXPIRE_EVERY_MS, 'end what has expired', () => this.inBatches(() => this.subscriptions.endExpired()));
    this.every(COUNT_EVERY_MS, 'count what waits', () => this.refresh());
    this.every(REMOVE_EVERY_MS, 'remove what is long over', () => this.removeOld());
    this.shutdown.register('sources', 'push upkeep', () => this.stop());
    this.shutdown.register('storage', 'push connections', () => this.publishers.close());
  }

  /** Keeps the memory and the metrics close to the database even when nobody publishes. */
  private async refresh(): Promise<void> {
    await this.index.refresh();
    await this.fanOut.measure();
    await this.limits.count(this.stopped.signal);
  }

  private async removeOld(): Promise<void> {
    const { retentionMs } = this.config.interactions;
    await this.inBatches(() => this.events.removeDeliveries(retentionMs, BATCH));
    await this.inBatches(() => this.events.removeOld(retentionMs, BATCH));
    await this.inBatches(() => this.rows.removeEnded(retentionMs, BATCH));
  }

  private async inBatches(work: () => Promise<number>): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted && (await work()) >= BATCH) {
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private every(ms: number, what: string, work: () => Promise<void>): void {
    this.timers.push(
      timer(0, ms)
        .pipe(exhaustMap(() => this.track(what, work)))
        .subscribe(),
    );
  }

  /** Never rejects. */
  private track(what: string, work: () => Promise<void>): Promise<void> {
    const tracked: Promise<void> = work()
      .catch((err: unknown) => this.log.warn({ err, what }, 'push upkeep failed, trying again later'))
      .finally(() => this.running.delete(tracked));
    this.running.add(tracked);
    return tracked;
  }

  private async stop(): Promise<void> {
    this.stopped.abort();
    for (const each of this.timers) each.unsubscribe();
    await Promise.all(this.running);
    await this.fanOut.stop();
    await this.subscriptions.idle();
  }
}
