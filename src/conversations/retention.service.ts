import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { exhaustMap, timer, type Subscription } from 'rxjs';
import { CONFIG, type Config } from '../config/config.js';
import { GapRepository } from '../notifications/gap.repository.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { RetentionRepository } from './retention.repository.js';

/** Often enough that little has piled up, rare enough not to be seen. */
const EVERY_MS = 60_000;
/** Interactions removed in one transaction, with their records: some milliseconds. */
const BATCH = 500;
/** Between two batches, so that everybody else's writes come first. */
const PAUSE_MS = 50;

/** Removes what has been over for `RETENTION_DAYS`. What is dead stays until an operator decides. */
@Injectable()
export class RetentionService {
  private readonly log: Log;
  private readonly stopped = new AbortController();
  private subscription: Subscription | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly repository: RetentionRepository,
    private readonly gaps: GapRepository,
    logs: Logs,
  ) {
    this.log = logs.of('retention');
  }

  start(): void {
    this.subscription = timer(0, EVERY_MS)
      .pipe(exhaustMap(() => (this.running = this.removeOld())))
      .subscribe();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.subscription?.unsubscribe();
    await this.running;
  }

  /** Never rejects. */
  private async removeOld(): Promise<void> {
    const { retentionMs } = this.config.interactions;
    const { signal } = this.stopped;
    try {
      let removed = 0;
      for (let batch = BATCH; batch === BATCH && !signal.aborted; removed += batch) {
        batch = await this.repository.removeFinished(retentionMs, BATCH);
        if (batch === BATCH) await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
      await this.gaps.deleteClosedBefore(Date.now() - retentionMs);
      if (removed > 0) this.log.info({ removed }, 'removed interactions that were over long ago');
    } catch (err) {
      this.log.warn({ err }, 'old interactions could not be removed, trying again later');
    }
  }
}
