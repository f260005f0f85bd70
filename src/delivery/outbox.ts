import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import type { AfterCommit } from '../storage/after-commit.js';
import type { Schema } from '../storage/schema.js';
import { Database } from '../storage/database.js';
import { type Cancellation, cancelWaiting } from './cancellation.js';
import { DeliveryRepository } from './delivery.repository.js';
import { HandOver, type HandOverEnd } from './hand-over.js';
import type { DeliveryDraft } from './sink.js';

/** A sink that is not there yet finds its deliveries when it comes. */
const NOBODY: HandOverEnd = { committed: () => undefined, failed: () => undefined };

/** Where deliveries are handed in: in the sender's own transaction, so that there is never one without the other. */
@Injectable()
export class Outbox {
  private readonly wakes = new Subject<readonly string[] | undefined>();
  /** Something may have become due for these sinks; undefined: for any. */
  readonly woken$: Observable<readonly string[] | undefined> = this.wakes.asObservable();

  private readonly takers = new Map<string, (wanted: number) => HandOver>();

  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly database: Database,
  ) {}

  /**
   * Stores `drafts` in their order; returns the ids that are new. One that is known already changes nothing.
   * @param handOver for drafts of its sink only: those that it has places for need not be looked for. It hears after the
   *   commit what this run has stored, so that one which was rolled back leaves nothing with it.
   */
  async enqueue(
    trx: Transaction<Schema>,
    drafts: readonly DeliveryDraft[],
    handOver?: { to: HandOver; afterCommit: AfterCommit },
  ): Promise<Set<string>> {
    if (drafts.length === 0) return new Set();
    const { ids, claimed } = await this.deliveries.insert(trx, drafts, handOver?.to.claim);
    handOver?.afterCommit(() => handOver.to.stored(ids.length, claimed));
    return new Set(ids);
  }

  /** Whoever delivers for a sink says how deliveries get to it without a detour. */
  takeHandOvers(sink: string, take: (wanted: number) => HandOver): void {
    this.takers.set(sink, take);
  }

  /**
   * Places for up to `wanted` deliveries that are about to be stored for `sink`. The caller ends it by `committed`, which
   * also wakes the sink for those that got no place, or by `failed`.
   */
  handOver(sink: string, wanted: number): HandOver {
    return this.takers.get(sink)?.(wanted) ?? new HandOver(undefined, NOBODY);
  }

  /** Ends what still waits of these subjects; returns how many. Nobody is told: the caller knows why. */
  async cancel(trx: Transaction<Schema>, cancellation: Cancellation): Promise<number> {
    return cancellation.subjectIds.length === 0 ? 0 : cancelWaiting(trx, this.database, cancellation);
  }

  /** To be called once the transaction has committed; without it they go out with the next poll, up to 2 s later. */
  wake(sinks?: readonly string[]): void {
    this.wakes.next(sinks);
  }
}
