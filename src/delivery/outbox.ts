import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Schema } from '../storage/schema.js';
import { Database } from '../storage/database.js';
import { type Cancellation, cancelWaiting } from './cancellation.js';
import { DeliveryRepository } from './delivery.repository.js';
import type { DeliveryDraft } from './sink.js';

/** Where deliveries are handed in: in the sender's own transaction, so that there is never one without the other. */
@Injectable()
export class Outbox {
  private readonly wakes = new Subject<readonly string[] | undefined>();
  /** Something may have become due for these sinks; undefined: for any. */
  readonly woken$: Observable<readonly string[] | undefined> = this.wakes.asObservable();

  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly database: Database,
  ) {}

  /** Stores `drafts` in their order; returns the ids that are new. One that is known already changes nothing. */
  async enqueue(trx: Transaction<Schema>, drafts: readonly DeliveryDraft[]): Promise<Set<string>> {
    return drafts.length === 0 ? new Set() : new Set(await this.deliveries.insert(trx, drafts));
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
