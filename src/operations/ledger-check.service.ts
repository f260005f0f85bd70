import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { exhaustMap, timer, type Subscription } from 'rxjs';
import { ShutdownService } from '../lifecycle/shutdown.service.js';
import { KeptCounts } from '../storage/kept-counts.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { Metrics } from '../telemetry/metrics.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { LedgerRepository, type Comparison, type Ledger } from './ledger.repository.js';

const EVERY_MS = 10_000;

/** All rows are counted 10 minutes after the start and then each 6 hours: it reads whole tables, if off everybody's way. */
const FIRST_RECOUNT_MS = 10 * 60_000;
const RECOUNT_EVERY_MS = 6 * 60 * 60_000;

export interface LedgerState {
  /** Only what differs. */
  differences: Comparison;
  /** Counts that the last recount had to put right. */
  repaired: number;
  /** Epoch ms; undefined before the first check. */
  checkedAt: number | undefined;
}

/**
 * Compares interactions with their records, again and again. The two change in the same transaction, so any difference is
 * a mistake of ours that nobody else would notice: it is an alarm, and stays one until the two agree. It compares counts
 * that are kept, and sees to it that these are right.
 */
@Injectable()
export class LedgerCheck implements OnApplicationBootstrap {
  private readonly log: Log;
  private readonly outage: OutageLog;
  private subscriptions: Subscription[] = [];
  private checking: Promise<void> = Promise.resolve();
  private recounting: Promise<void> = Promise.resolve();
  private current: LedgerState = { differences: {}, repaired: 0, checkedAt: undefined };

  constructor(
    private readonly ledger: LedgerRepository,
    private readonly counts: KeptCounts,
    private readonly metrics: Metrics,
    private readonly shutdown: ShutdownService,
    logs: Logs,
  ) {
    this.log = logs.of('ledger');
    this.outage = new OutageLog(this.log, "the ledger's check");
  }

  onApplicationBootstrap(): void {
    this.subscriptions = [
      timer(0, EVERY_MS)
        .pipe(exhaustMap(() => (this.checking = this.unlessAway(() => this.checkInTurn()))))
        .subscribe(),
      timer(FIRST_RECOUNT_MS, RECOUNT_EVERY_MS)
        .pipe(exhaustMap(() => (this.recounting = this.unlessAway(() => this.recount()))))
        .subscribe(),
    ];
    this.shutdown.register('sources', 'ledger check', () => this.stop());
  }

  get state(): LedgerState {
    return this.current;
  }

  /** Compares now; answers the ledger of the same moment. @throws StorageUnavailableError */
  async check(): Promise<Ledger> {
    const { ledger, differences } = await this.ledger.readAndCompare();
    this.become({ ...this.current, differences, checkedAt: Date.now() });
    return ledger;
  }

  /** Compares the counts with the rows, and puts them right. @throws StorageUnavailableError */
  async recount(): Promise<void> {
    const startedAt = performance.now();
    const missing = await this.counts.recount();
    const ms = Math.round(performance.now() - startedAt);
    if (missing.length > 0) this.log.error({ missing, ms }, 'kept counts differed from the rows and were put right');
    else this.log.debug({ ms }, 'kept counts agree with the rows');
    this.become({ ...this.current, repaired: missing.reduce((sum, { n }) => sum + Math.abs(n), 0) });
  }

  /** The one setter. */
  private become(state: LedgerState): void {
    const before = total(this.current);
    this.current = state;
    const after = total(state);
    this.metrics.ledgerDifference.set(after + state.repaired);
    // Once per change, not every ten seconds.
    if (after === before) return;
    const { differences } = state;
    if (after === 0) this.log.info('interactions and records agree again');
    else this.log.error({ difference: after, differences }, 'interactions and their records do not agree');
  }

  private async stop(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    await this.counts.stop();
    await Promise.all([this.checking, this.recounting]);
  }

  private async checkInTurn(): Promise<void> {
    await this.counts.fold();
    await this.check();
  }

  /** Never rejects. */
  private async unlessAway(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.outage.recovered();
    } catch (error) {
      this.outage.failed(error);
    }
  }
}

function total({ differences }: LedgerState): number {
  return Object.values(differences).reduce((sum, each) => sum + Math.abs(each.interactions - each.records), 0);
}
