import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { exhaustMap, timer, type Subscription } from 'rxjs';
import { AuditLog } from '../audit/audit-log.js';
import { CONFIG, type Config } from '../config/config.js';
import { RetentionRepository } from '../conversations/retention.repository.js';
import { GapRepository } from '../notifications/gap.repository.js';
import { ReplayRepository } from '../replay/replay.repository.js';
import { type Log, Logs } from '../telemetry/logs.js';

/** Often enough that little has piled up, rare enough not to be seen. */
const EVERY_MS = 60_000;
/** Rows removed in one transaction, interactions with their records: some milliseconds. */
const BATCH = 500;
/** Between two batches, so that everybody else's writes come first. */
const PAUSE_MS = 50;

/** Something that grows old. `remove` takes up to `limit` rows away and answers how many there were. */
interface Aging {
  what: string;
  remove: (limit: number) => Promise<number>;
}

/**
 * Removes what has been over for `RETENTION_DAYS`, and rows of the audit after `AUDIT_DAYS`. What is dead stays until an
 * operator decides. Push clears up after itself.
 */
@Injectable()
export class RetentionService {
  private readonly log: Log;
  private readonly all: readonly Aging[];
  private readonly stopped = new AbortController();
  private subscription: Subscription | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    @Inject(CONFIG) { interactions: { retentionMs }, audit: { keptMs } }: Config,
    interactions: RetentionRepository,
    replays: ReplayRepository,
    gaps: GapRepository,
    audit: AuditLog,
    logs: Logs,
  ) {
    this.log = logs.of('retention');
    this.all = [
      { what: 'interactions', remove: (limit) => interactions.removeFinished(retentionMs, limit) },
      { what: 'replays and discards', remove: (limit) => replays.removeFinished(retentionMs, limit) },
      { what: 'gaps', remove: (limit) => gaps.removeClosed(retentionMs, limit) },
      { what: 'rows of the audit', remove: (limit) => audit.removeOld(keptMs, limit) },
    ];
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

  /** Never rejects. One that fails does not keep the others. */
  private async removeOld(): Promise<void> {
    for (const { what, remove } of this.all) {
      try {
        const removed = await this.inBatches(remove);
        if (removed > 0) this.log.info({ removed }, `removed ${what} that were over long ago`);
      } catch (err) {
        this.log.warn({ err }, `old ${what} could not be removed, trying again later`);
      }
    }
  }

  private async inBatches(remove: Aging['remove']): Promise<number> {
    const { signal } = this.stopped;
    let removed = 0;
    for (let batch = BATCH; batch === BATCH && !signal.aborted; removed += batch) {
      batch = await remove(BATCH);
      if (batch === BATCH) await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
    return removed;
  }
}
