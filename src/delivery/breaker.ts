import { backoffCeiling } from '../common/backoff.js';
import type { BackoffPolicy } from '../common/backoff.js';

export type BreakerState = 'closed' | 'open' | 'half-open';

/** Retryable failures in a row, without a success between them, that count as "the receiver is down". */
const THRESHOLD = 10;

/** What a receiver failed with. */
export interface Failure {
  code: string;
  message: string;
  status?: number | undefined;
  /** The receiver's own wish: milliseconds before which it does not want to be asked. */
  retryAfterMs?: number | undefined;
}

/** A change of state, and the code of the failure that brought it about, where one did. */
export interface BreakerChange {
  from: BreakerState;
  to: BreakerState;
  /** Milliseconds until the next probe, where it holds. */
  holdMs?: number;
  code?: string;
}

/**
 * Tells whether the receiver may be asked. After ten retryable failures in a row only one probe at a time is let
 * through, each after a longer hold and none before the receiver's own `Retry-After`; a success opens the way again. It
 * holds deliveries back, it never drops any.
 */
export class Breaker {
  private current: BreakerState = 'closed';
  private failures = 0;
  /** Holds since it last closed. */
  private holds = 0;
  private heldUntil = 0;
  /** When the receiver itself wants to be asked again: the latest that it has said since its last success. */
  private askedFor = 0;
  private probing = false;

  /** @param onChange told of each change, for the log. @param now monotonic milliseconds. */
  constructor(
    private readonly hold: BackoffPolicy,
    private readonly onChange: (change: BreakerChange) => void = () => undefined,
    private readonly now: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
  ) {}

  get state(): BreakerState {
    return this.current;
  }

  /** Whether the last thing that the receiver is known for is a failure. */
  get failing(): boolean {
    return this.failures > 0;
  }

  /** How many of `wanted` attempts may start now. Ask again for each start; tell `started` about it. */
  permits(wanted: number): number {
    if (this.current === 'closed') return wanted;
    if (this.probing || this.waitMs() > 0) return 0;
    return Math.min(wanted, 1);
  }

  /** Milliseconds until a probe may start; 0 when it may, or when one is under way. */
  waitMs(): number {
    return this.current === 'open' ? Math.max(0, Math.max(this.heldUntil, this.askedFor) - this.now()) : 0;
  }

  /** An attempt starts. */
  started(): void {
    if (this.current === 'closed') return;
    this.probing = true;
    this.become('half-open');
  }

  /** The receiver answered, be it with a refusal: it is there. */
  success(): void {
    this.failures = 0;
    this.holds = 0;
    this.askedFor = 0;
    this.probing = false;
    this.become('closed');
  }

  /** A retryable failure. */
  failure(cause: Failure): void {
    this.failures++;
    this.askedFor = Math.max(this.askedFor, this.now() + (cause.retryAfterMs ?? 0));
    // Attempts that began before it opened end now; they say nothing new but when to come back.
    if (this.current === 'open') return;
    if (this.current === 'closed' && this.failures < THRESHOLD) return;
    this.probing = false;
    // Half of the hold is jitter: replicas that lost the receiver together do not probe together.
    this.heldUntil = this.now() + backoffCeiling(this.hold, this.holds++) * (0.5 + this.random() / 2);
    this.become('open', cause);
  }

  /** An attempt ended without having asked the receiver: the next one may probe. */
  inconclusive(): void {
    this.probing = false;
  }

  /** The one place where the state changes. */
  private become(state: BreakerState, cause?: Failure): void {
    if (this.current === state) return;
    const from = this.current;
    this.current = state;
    this.onChange({ from, to: state, ...(cause && { holdMs: Math.round(this.waitMs()), code: cause.code }) });
  }
}
