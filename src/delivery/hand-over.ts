import type { DeliveryRow } from '../storage/schema.js';
import type { Claim } from './claim.js';

/** What becomes of a hand-over. Exactly one of the two is called, once. */
export interface HandOverEnd {
  /** @param waiting whether others were stored that are not claimed */
  committed(claimed: readonly DeliveryRow[], waiting: boolean): void;
  failed(): void;
}

/**
 * Places in a worker for deliveries that are stored as claimed: nobody has to look for them, which would take a
 * transaction of its own. To be ended by `committed` or `failed`, whatever happens.
 */
export class HandOver {
  private claimed: readonly DeliveryRow[] = [];
  private waiting = false;

  /** @param claim what to store them with, `limit` being the number of places; absent: there are none */
  constructor(
    readonly claim: Claim | undefined,
    private readonly end: HandOverEnd,
  ) {}

  /** What the transaction has stored; said after its commit. */
  stored(count: number, claimed: readonly DeliveryRow[]): void {
    this.claimed = claimed;
    this.waiting = count > claimed.length;
  }

  committed(): void {
    this.end.committed(this.claimed, this.waiting);
  }

  failed(): void {
    this.end.failed();
  }
}
