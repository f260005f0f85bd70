/**
 * Where the one direct connection stands. `subscribing`: open, the request is sent; `stable`: confirmed for so long that
 * the next loss counts as the first; `waiting`: for the next try.
 */
export type DirectState = 'idle' | 'connecting' | 'subscribing' | 'confirmed' | 'stable' | 'waiting';

const NEXT: Record<DirectState, readonly DirectState[]> = {
  idle: ['connecting'],
  connecting: ['subscribing', 'waiting', 'idle'],
  subscribing: ['confirmed', 'waiting', 'idle'],
  confirmed: ['stable', 'waiting', 'idle'],
  stable: ['waiting', 'idle'],
  waiting: ['connecting', 'idle'],
};

export function mayFollow(from: DirectState, to: DirectState): boolean {
  return NEXT[from].includes(to);
}

/** Times of the direct stream, in milliseconds. */
export interface DirectTimings {
  /** First wait after a loss; doubled each time. */
  retryBaseMs: number;
  /** Added to each wait, at random. */
  retryJitterMs: number;
  retryCapMs: number;
  /** A confirmed connection that has lived so long is stable. */
  stableMs: number;
  /** How long a confirmation may take. */
  confirmMs: number;
  /** Without events for so long, something may be wrong. */
  quietMs: number;
  pingMs: number;
}

/** The tutorial's: 2 s doubling with up to 1 s of jitter, stable after 5 s. A cap, a limit for confirmations and pings are ours. */
export const DIRECT_TIMINGS: DirectTimings = {
  retryBaseMs: 2_000,
  retryJitterMs: 1_000,
  retryCapMs: 60_000,
  stableMs: 5_000,
  confirmMs: 10_000,
  quietMs: 10 * 60_000,
  pingMs: 30_000,
};

/** Injection token of the times. */
export const DIRECT_STREAM_TIMINGS = Symbol('DIRECT_STREAM_TIMINGS');

/** How long to wait after this many failures in a row (0 is the first): 2, 4, 8 … 60 s and up to 1 s more. */
export function retryDelay(timings: DirectTimings, failures: number, random: () => number = Math.random): number {
  const { retryBaseMs, retryJitterMs, retryCapMs } = timings;
  return Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(failures, 30) + retryJitterMs * random());
}
