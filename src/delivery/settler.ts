import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import { backoffDelay } from '../common/backoff.js';
import { Batcher } from '../common/batcher.js';
import type { Log } from '../telemetry/logs.js';
import type { Database } from '../storage/database.js';
import type { DeliveryRow, Schema } from '../storage/schema.js';
import { StorageUnavailableError } from '../storage/storage.errors.js';
import { DeadLetterLog } from './dead-letter-log.js';
import type { DeliveryRepository, StoredOutcome } from './delivery.repository.js';
import type { Settlement, Sink } from './sink.js';

/** Rows of one transaction: some milliseconds, during which under SQLite nobody else writes. */
const MAX_BATCH = 256;
const RETRY = { baseMs: 50, capMs: 2_000 };

/** The end of an attempt that is to be stored. */
export interface Ended {
  delivery: DeliveryRow;
  stored: StoredOutcome;
  state: Settlement['state'];
  /** Parked because processes died with it; nothing was sent. */
  crash: boolean;
  /** Monotonic time after which the claim counts as lost. */
  heldUntil: number;
}

/**
 * Stores outcomes, many in one transaction together with what the sink makes of them. When the database fails the
 * outcome is kept and tried again for as long as the claim holds: no attempt is used up by our own fault.
 */
export class Settler {
  private readonly deadLetters: DeadLetterLog;
  private readonly batcher = new Batcher<Ended, boolean>((items) => this.store(items), MAX_BATCH);

  constructor(
    private readonly sink: Sink,
    private readonly database: Database,
    private readonly deliveries: DeliveryRepository,
    private readonly log: Log,
    private readonly stopping: AbortSignal,
  ) {
    this.deadLetters = new DeadLetterLog(sink, log, stopping);
  }

  /** Resolves when the outcome is stored, or when the claim is lost and the delivery is somebody else's. Never rejects. */
  async settle(ended: Ended): Promise<void> {
    let alone = false;
    for (let attempt = 0; ; attempt++) {
      try {
        const held = alone ? (await this.store([ended]))[0] : await this.batcher.add(ended);
        if (held !== true) this.fenced(ended, 'another claim');
        return;
      } catch (error) {
        this.log.warn({ err: error, delivery: ended.delivery.id, attempt }, 'an outcome could not be stored yet');
        // Something about one of the batch: apart from each other only that one keeps failing.
        alone = !(error instanceof StorageUnavailableError);
      }
      if (!(await this.pause(backoffDelay(RETRY, attempt), ended))) return;
    }
  }

  /** False when there is no use in trying again. */
  private async pause(delayMs: number, ended: Ended): Promise<boolean> {
    if (this.stopping.aborted || performance.now() + delayMs > ended.heldUntil) {
      this.fenced(ended, this.stopping.aborted ? 'the service is stopping' : 'the lease has run out');
      return false;
    }
    await sleep(delayMs, undefined, { signal: this.stopping }).catch(() => undefined);
    return true;
  }

  /** It may have been delivered: it goes out again under the same key, which the receiver recognises. */
  private fenced(ended: Ended, reason: string): void {
    this.sink.report('fenced');
    this.log.warn(
      { delivery: ended.delivery.id, reason },
      'the claim on a delivery was lost before its outcome was stored',
    );
  }

  private async store(items: Ended[]): Promise<boolean[]> {
    const settlements = await this.database.transaction(async (trx, afterCommit) => {
      const stored = await this.deliveries.settle(
        trx,
        items.map((item) => item.stored),
      );
      const byId = new Map(stored.map((row) => [row.id, row]));
      const held = items.flatMap((item) => {
        const row = byId.get(item.delivery.id);
        return row ? [settlementOf(item, row)] : [];
      });
      if (this.sink.perDestination !== undefined) await this.putOff(trx, held);
      if (held.length > 0) {
        await this.sink.settled(trx, held, afterCommit);
        afterCommit(() => this.sink.afterSettled?.(held));
        afterCommit(() => this.deadLetters.note(held));
      }
      return held;
    });
    const held = new Map(settlements.map((settlement) => [settlement.delivery.id, settlement]));
    return items.map((item) => {
      const settlement = held.get(item.delivery.id);
      if (settlement) this.report(item, settlement);
      return settlement !== undefined;
    });
  }

  private async putOff(trx: Transaction<Schema>, settlements: Settlement[]): Promise<void> {
    const waiting = settlements.filter(({ state }) => state === 'retry');
    await this.deliveries.putOffThoseBehind(
      trx,
      waiting.map(({ delivery }) => delivery.id),
    );
  }

  private report(item: Ended, { state, at, delivery }: Settlement): void {
    if (state === 'delivered') this.sink.report(state, Math.max(0, at - delivery.received_at));
    else this.sink.report(item.crash ? 'crash' : state);
  }
}

function settlementOf(item: Ended, row: { attempts: number; at: number }): Settlement {
  const { v_code: code, v_message: message, v_status: status, v_answer: answer } = item.stored;
  return {
    delivery: item.delivery,
    state: item.state,
    attempts: row.attempts,
    at: row.at,
    ...(code === null ? {} : { error: { code, message: message ?? '' } }),
    ...(status === null ? {} : { status }),
    ...(answer === null ? {} : { answer }),
  };
}
