import type { Transaction } from 'kysely';
import type { AfterCommit } from '../storage/after-commit.js';
import type { DeliveryRow, Schema } from '../storage/schema.js';

/**
 * What one attempt came to. `message` is for operators: never a payload, never a secret. `answer` is the start of what the
 * receiver answered, without secrets; it may echo what was sent.
 */
export type SendOutcome =
  | { kind: 'delivered'; status: number }
  /** The receiver will never take it: dead at once. */
  | { kind: 'refused'; code: string; message: string; status?: number; answer?: string }
  /** Try again later. `retryAfterMs` is the receiver's own wish and is a minimum. */
  | { kind: 'retry'; code: string; message: string; status?: number; retryAfterMs?: number; answer?: string }
  /** Nobody wants it any more: not sent, and over. */
  | { kind: 'cancelled'; code: string; message: string; status?: number }
  /**
   * Not now, for reasons of ours: the receiver was not asked, no attempt is counted. What stands behind it comes
   * `apartMs` later each.
   */
  | { kind: 'postponed'; delayMs: number; apartMs?: number };

/** What became of an attempt, for the metrics. `fenced`: the claim was lost before the outcome was stored. */
export type ReportedOutcome = 'delivered' | 'retry' | 'dead' | 'cancelled' | 'crash' | 'fenced';

/** The end of one attempt, as it is stored: told to the sink inside the same transaction. */
export interface Settlement {
  delivery: DeliveryRow;
  state: 'delivered' | 'dead' | 'retry' | 'cancelled';
  /** Attempts made, this one included. */
  attempts: number;
  at: number;
  error?: { code: string; message: string };
  status?: number;
  /** Of a dead one: `SendOutcome.answer`. */
  answer?: string;
}

/** A receiver of deliveries. The outbox knows nothing of what it carries. */
export interface Sink {
  /** Stored with each delivery, so never renamed. */
  readonly name: string;
  /** Most attempts under way at once in this process. */
  readonly concurrency: number;
  /** Longest time that one attempt can take; the lease of a claim outlasts it. */
  readonly timeoutMs: number;
  /**
   * Set where each delivery names its `destination`: how many attempts may be under way to one of them. They have
   * breakers of their own, and none slows down the others. Absent: all deliveries have one receiver.
   */
  readonly perDestination?: number;
  /** Destinations that can be reached from this process now; deliveries to others stay unclaimed. Absent: all. */
  reachable?(): readonly string[] | undefined;
  /** One attempt. Must settle within `timeoutMs`; a rejection counts as a retry with code `delivery.failed`. */
  send(delivery: DeliveryRow, signal: AbortSignal): Promise<SendOutcome>;
  /** Called in the transaction that stores the outcomes, with those whose claim still held. Throwing rolls all back. */
  settled(trx: Transaction<Schema>, settlements: readonly Settlement[], afterCommit: AfterCommit): Promise<void>;
  /** Called after that transaction has committed. Must not throw. */
  afterSettled?(settlements: readonly Settlement[]): void;
  /** For the metrics, once the outcome is stored. @param latencyMs from the event behind it until now, when delivered. */
  report(outcome: ReportedOutcome, latencyMs?: number): void;
  /** By what a delivery is known outside, for the log: ids and kinds, nothing of a customer. */
  about?(delivery: DeliveryRow): Readonly<Record<string, string>>;
  /** Called in the transaction that makes dead deliveries pending again. Throwing rolls all back. */
  replayed?(trx: Transaction<Schema>, deliveries: readonly DeliveryRow[]): Promise<void>;
  /** Called in the transaction that discards dead deliveries. Throwing rolls all back. */
  discarded?(trx: Transaction<Schema>, deliveries: readonly DeliveryRow[]): Promise<void>;
}

/** What a sender hands to the outbox. */
export interface DeliveryDraft {
  /** The stable idempotency key; a second draft with the same id for the same sink is dropped. */
  id: string;
  sink: string;
  orderKey: string;
  subjectId: string;
  payload: string;
  /** Needed by sinks that keep destinations apart, or reach only some. */
  destination?: string;
  /** Epoch ms at which the event behind it was received. */
  receivedAt: number;
  /** Sent along, for who follows the matter through several logs. */
  correlationId?: string | null;
}
