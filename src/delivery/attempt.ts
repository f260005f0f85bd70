import { asError } from '../common/errors.js';
import type { Config } from '../config/config.js';
import type { DeliveryRow } from '../storage/schema.js';
import type { Breaker } from './breaker.js';
import type { StoredOutcome } from './delivery.repository.js';
import { decideRetry } from './retry-policy.js';
import type { Ended } from './settler.js';
import type { SendOutcome, Sink } from './sink.js';

/** Deaths of a process in a row with the same delivery in flight, after which it is put aside instead of tried again. */
export const CRASH_LIMIT = 3;
/**
 * What would be put aside with the next death is sent by a process only after it has lived so long: a pod that is killed
 * again and again while it starts, for reasons of its own, takes no innocent delivery along.
 */
export const LAST_CHANCE_AFTER_MS = 10_000;
/**
 * A suspect that has been in flight for so long while the process lived did not kill it: what does, does it while the
 * record is being prepared. A process that is killed later, while a slow receiver is waited for, is no fault of the record.
 */
export const CLEARED_AFTER_MS = 500;
/** A sink that overran its own timeout by this is not waited for any longer. */
export const OVERDUE_MS = 5_000;
/** Error texts are for operators and go into a column; a receiver's answer can be any length. */
const MESSAGE_LIMIT = 500;

/** A delivery that this process holds. */
export interface Held {
  delivery: DeliveryRow;
  /** Monotonic time at which it was claimed. */
  claimedAt: number;
  leaseMs: number;
}

/** One attempt under way. `overdue` ends it when its sink does not. */
export interface Attempt extends Held {
  startedAt: number;
  overdue: (outcome: SendOutcome) => void;
  /** Tells the breaker of whoever was asked. Once. */
  tell: (outcome: SendOutcome) => void;
}

/** Ends those whose sink has overrun its time. */
export function endOverdue(attempts: Iterable<Attempt>, timeoutMs: number): void {
  const now = performance.now();
  for (const attempt of attempts) {
    if (now - attempt.startedAt < timeoutMs + OVERDUE_MS) continue;
    attempt.overdue({ kind: 'retry', code: 'delivery.timeout', message: `no outcome after ${timeoutMs} ms` });
  }
}

/** Sends, and turns whatever happens into an outcome. */
export async function send(sink: Sink, delivery: DeliveryRow, signal: AbortSignal): Promise<SendOutcome> {
  try {
    return await sink.send(delivery, signal);
  } catch (error) {
    return { kind: 'retry', code: 'delivery.failed', message: asError(error).message };
  }
}

/** Everything but a postponement, which ends no attempt. */
export type AttemptOutcome = Exclude<SendOutcome, { kind: 'postponed' }>;

/** The outcome as it is stored, with the next attempt's time. */
export function endOf(held: Held, outcome: AttemptOutcome, policy: Config['retry']): Ended {
  const { delivery } = held;
  const crash = outcome.kind === 'refused' && outcome.code === 'delivery.crash';
  const { state, delayMs } = fate(held, outcome, policy);
  const stored: StoredOutcome = {
    v_id: delivery.id,
    v_claim: delivery.claim ?? '',
    v_state: state === 'retry' ? 'pending' : state,
    v_attempts: crash || outcome.kind === 'cancelled' ? 0 : 1,
    v_delay_ms: delayMs,
    v_status: outcome.status ?? null,
    v_code: outcome.kind === 'delivered' ? null : outcome.code,
    v_message: outcome.kind === 'delivered' ? null : outcome.message.slice(0, MESSAGE_LIMIT),
    v_answer: (state === 'dead' && 'answer' in outcome && outcome.answer) || null,
  };
  return { delivery, stored, state, crash, heldUntil: held.claimedAt + held.leaseMs };
}

function fate(
  held: Held,
  outcome: AttemptOutcome,
  policy: Config['retry'],
): { state: Ended['state']; delayMs: number } {
  if (outcome.kind === 'delivered') return { state: 'delivered', delayMs: 0 };
  if (outcome.kind === 'cancelled') return { state: 'cancelled', delayMs: 0 };
  if (outcome.kind === 'refused') return { state: 'dead', delayMs: 0 };
  const { delivery } = held;
  const decision = decideRetry(
    {
      attempts: delivery.attempts + 1,
      sinceFirstMs: delivery.first_attempt_at === null ? 0 : databaseNow(held) - delivery.first_attempt_at,
      retryAfterMs: outcome.retryAfterMs,
    },
    policy,
  );
  return decision.kind === 'give-up' ? { state: 'dead', delayMs: 0 } : { state: 'retry', delayMs: decision.delayMs };
}

/** The database's clock now: what it was at the claim, plus what our monotonic clock has counted since. */
function databaseNow({ delivery, leaseMs, claimedAt }: Held): number {
  return (delivery.claimed_until ?? 0) - leaseMs + (performance.now() - claimedAt);
}

/** What an outcome says about the receiver. */
export function tellBreaker(breaker: Breaker, outcome: SendOutcome): void {
  if (outcome.kind === 'retry') breaker.failure(outcome);
  // Without a status the receiver was not asked: a mapping failed, it was put aside, or nobody wants it.
  else if (outcome.kind === 'postponed' || outcome.status === undefined) breaker.inconclusive();
  else breaker.success();
}

/** The outcome of a delivery that is put aside unsent. */
export function parked(crashes: number): SendOutcome {
  const message = `${crashes} processes died while they delivered this; it is not tried again by itself`;
  return { kind: 'refused', code: 'delivery.crash', message };
}
