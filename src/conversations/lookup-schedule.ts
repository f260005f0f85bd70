import type { LookupSeries } from '../storage/schema.js';

const SECOND_MS = 1_000;
const series = (...seconds: number[]): readonly number[] => seconds.map((each) => each * SECOND_MS);
const times = (count: number, seconds: number): number[] => Array<number>(count).fill(seconds);

/**
 * The waits before the look-ups of a series, after which the sweep goes on. Look-ups lag behind events by seconds to minutes,
 * and no source gives a figure (docs/wire-facts.md §5.3).
 *
 * - `heard`: the topic has just been subscribed, and events come from now on. Only what happened before it can be missing: asked
 *   within half a minute, together with all others of that time, and once more five minutes later, for analytics that lag.
 * - `gap`: events may have been missed, and work is to be recorded within half a minute of a look-up showing it. At once, then
 *   for five minutes every 25 s, and with more patience up to 16 minutes.
 */
const WAITS: Readonly<Record<LookupSeries, readonly number[]>> = {
  heard: series(30, 300),
  gap: series(2, ...times(12, 25), ...times(3, 220)),
};

/** When the next look-up comes, in ms from now. */
export interface LookupWait {
  inMs: number;
  /** From when on it goes along with a look-up that is made anyway. */
  openInMs: number;
}

/**
 * The wait before look-up number `step` (0 is the first) of a series; the sweep when that is over. Never longer than the
 * sweep (`LOOKUP_SWEEP_S`). From the half of its wait on a look-up goes along with others; the first of whoever is heard at once.
 */
export function lookupWait(which: LookupSeries, step: number, sweepMs: number): LookupWait {
  const inMs = Math.min(WAITS[which][step] ?? sweepMs, sweepMs);
  return { inMs, openInMs: which === 'heard' && step === 0 ? 0 : Math.floor(inMs / 2) };
}

/** Whether look-up number `step` of a series asks for what may have been missed; the others only make sure. */
export function isUrgent(which: LookupSeries, step: number): boolean {
  return which === 'gap' && step < WAITS.gap.length;
}

/** Whoever comes to be heard so long after it was accepted may have missed events as in a gap: half a minute is usual at most. */
export const HEARD_LATE_MS = 60_000;

/** An expired interaction is asked for once more so long after it was accepted (docs/wire-facts.md §5.3: a nightly repair). */
export const LATE_LOOKUP_MS = 72 * 60 * 60_000;

/** The first wait after a look-up that failed; it doubles with each further failure. */
const AFTER_FAILURE_MS = 15_000;

/** The wait after a look-up that failed, with `failures` in a row before it. Never longer than the sweep. */
export function failureWaitMs(failures: number, sweepMs: number): number {
  return Math.min(AFTER_FAILURE_MS * 2 ** failures, sweepMs);
}
