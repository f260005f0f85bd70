import { Injectable } from '@nestjs/common';
import { PUSH_SINKS } from '../push/subscriptions/subscription.js';
import { KeptCounts } from '../storage/kept-counts.js';

/** Pushes by state, and all of them. Those under way count as pending. */
export interface PushLedger {
  pending: number;
  delivered: number;
  dead: number;
  discarded: number;
  cancelled: number;
  total: number;
}

const SCOPES: readonly string[] = PUSH_SINKS.map((sink) => `deliveries.${sink}`);

/** Counts of pushes: kept, so that asking costs the same however many there are. */
@Injectable()
export class PushLedgerRepository {
  constructor(private readonly counts: KeptCounts) {}

  /** The numbers are of one moment, and add up to `total`. @throws StorageUnavailableError */
  async read(): Promise<PushLedger> {
    const pushes = (await this.counts.read()).filter(({ scope }) => SCOPES.includes(scope));
    const count = (state: string): number =>
      pushes.filter(({ status }) => status === state).reduce((sum, { n }) => sum + n, 0);
    const counts = {
      pending: count('waiting'),
      delivered: count('delivered'),
      dead: count('dead'),
      discarded: count('discarded'),
      cancelled: count('cancelled'),
    };
    return { ...counts, total: Object.values(counts).reduce((sum, each) => sum + each, 0) };
  }
}
