import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { exhaustMap, timer, type Subscription } from 'rxjs';
import { ShutdownService } from '../lifecycle/shutdown.service.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import {
  LedgerRepository,
  type Compared,
  type Comparison,
  type Ledger,
  type RecordStatus,
} from './ledger.repository.js';

const EVERY_MS = 10_000;
/**
 * Delivered ones are most of the tables, so counting them is left to every 30th check (5 minutes) and to those who ask
 * for metrics: 85 ms a million under SQLite, during which this process does nothing else, against 0.1 ms without.
 */
const FULL_EVERY = 30;

export interface LedgerState {
  /** Only what differs. */
  differences: Comparison;
  /** Epoch ms; undefined before the first check. */
  checkedAt: number | undefined;
}

/**
 * Compares interactions with their records, again and again. The two change in the same transaction, so any difference is
 * a mistake of ours that nobody else would notice: it is an alarm, and stays one until the two agree.
 */
@Injectable()
export class LedgerCheck implements OnApplicationBootstrap {
  private readonly log: Log;
  private subscription: Subscription | undefined;
  private running: Promise<void> = Promise.resolve();
  private checks = 0;
  private checkedAt: number | undefined;
  private readonly differences = new Map<RecordStatus, Compared>();

  constructor(
    private readonly ledger: LedgerRepository,
    private readonly metrics: Metrics,
    private readonly shutdown: ShutdownService,
    logs: Logs,
  ) {
    this.log = logs.of('ledger');
  }

  onApplicationBootstrap(): void {
    this.subscription = timer(0, EVERY_MS)
      .pipe(exhaustMap(() => (this.running = this.checkInTurn())))
      .subscribe();
    this.shutdown.register('sources', 'ledger check', () => this.stop());
  }

  get state(): LedgerState {
    return { differences: Object.fromEntries(this.differences), checkedAt: this.checkedAt };
  }

  /** Compares everything now; answers the ledger of the same moment. @throws StorageUnavailableError */
  async checkAll(): Promise<Ledger> {
    const { ledger, comparison } = await this.ledger.readAndCompare();
    this.take(comparison);
    return ledger;
  }

  /** Compares what is not over yet, and what is dead. @throws StorageUnavailableError */
  async checkOpen(): Promise<void> {
    this.take(await this.ledger.compareOpen());
  }

  private take(comparison: Comparison): void {
    const before = this.total;
    for (const [status, counts] of Object.entries(comparison) as [RecordStatus, Compared][]) {
      if (counts.interactions === counts.records) this.differences.delete(status);
      else this.differences.set(status, counts);
    }
    this.checkedAt = Date.now();
    this.metrics.ledgerDifference.set(this.total);
    this.report(before);
  }

  private get total(): number {
    return [...this.differences.values()].reduce((sum, each) => sum + Math.abs(each.interactions - each.records), 0);
  }

  private async stop(): Promise<void> {
    this.subscription?.unsubscribe();
    await this.running;
  }

  /** Never rejects. */
  private async checkInTurn(): Promise<void> {
    try {
      if (this.checks % FULL_EVERY === 0) await this.checkAll();
      else await this.checkOpen();
      this.checks++;
    } catch (err) {
      this.log.warn({ err }, 'the ledger could not be checked, trying again');
    }
  }

  /** Once per change, not every ten seconds. */
  private report(before: number): void {
    const { total } = this;
    if (total === before) return;
    if (total === 0) this.log.info('interactions and records agree again');
    else this.log.error({ difference: total, ...this.state }, 'interactions and their records do not agree');
  }
}
