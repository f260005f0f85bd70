import type { Transaction } from 'kysely';
import type { ReportedOutcome, SendOutcome, Settlement, Sink } from '../../src/delivery/sink.js';
import type { DeliveryRow, Schema } from '../../src/storage/schema.js';
import { StorageUnavailableError } from '../../src/storage/storage.errors.js';

export type Send = (delivery: DeliveryRow, signal: AbortSignal) => Promise<SendOutcome>;

export const DELIVERED: SendOutcome = { kind: 'delivered', status: 200 };
export const DOWN: SendOutcome = { kind: 'retry', code: 'test.down', message: 'down', status: 503 };

/** A sink whose answers the test gives, and which remembers everything. */
export class TestSink implements Sink {
  readonly name = 'test';
  readonly concurrency = 8;
  timeoutMs = 1_000;
  readonly sent: string[] = [];
  readonly ended: Settlement[] = [];
  readonly reported = new Map<ReportedOutcome, number>();
  inFlight = 0;
  mostInFlight = 0;
  refuseToSettle = 0;
  private readonly waiting: { done: () => boolean; resolve: () => void }[] = [];

  constructor(public answer: Send = async () => DELIVERED) {}

  async send(delivery: DeliveryRow, signal: AbortSignal): Promise<SendOutcome> {
    this.sent.push(delivery.id);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    this.look();
    try {
      return await this.answer(delivery, signal);
    } finally {
      this.inFlight--;
    }
  }

  async settled(_trx: Transaction<Schema>, settlements: readonly Settlement[]): Promise<void> {
    if (settlements.length > 0 && this.refuseToSettle-- > 0)
      throw new StorageUnavailableError('test: the disk is full');
  }

  report(outcome: ReportedOutcome): void {
    this.reported.set(outcome, (this.reported.get(outcome) ?? 0) + 1);
  }

  afterSettled(settlements: readonly Settlement[]): void {
    this.ended.push(...settlements);
    this.look();
  }

  async replayed(_trx: Transaction<Schema>, deliveries: readonly DeliveryRow[]): Promise<void> {
    this.sent.push(...deliveries.map((delivery) => `replay ${delivery.id}`));
  }

  /** Resolves once `done` holds; asked after each send and each settlement. */
  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ done, resolve });
      this.look();
    });
  }

  private look(): void {
    for (const wait of this.waiting.filter(({ done }) => done())) {
      this.waiting.splice(this.waiting.indexOf(wait), 1);
      wait.resolve();
    }
  }
}
