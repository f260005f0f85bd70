/**
 * When Genesys is asked after a topic has come to be covered, in milliseconds from then. Look-ups lag behind events by
 * seconds to minutes, and no source gives a figure (docs/wire-facts.md §5.3): asked soon, and with patience for 16 minutes.
 */
const ASKED_AT_MS = [2, 5, 15, 60, 360, 660, 960].map((seconds) => seconds * 1_000);

export function firstLookupMs(): number {
  return ASKED_AT_MS[0] as number;
}

/**
 * The wait after look-up number `step` (0 is the first) until the next; `sweepMs` when the series is over. Never longer
 * than the sweep (`LOOKUP_SWEEP_S`).
 */
export function nextLookupMs(step: number, sweepMs: number): number {
  const [now, next] = [ASKED_AT_MS[step], ASKED_AT_MS[step + 1]];
  return now === undefined || next === undefined ? sweepMs : Math.min(next - now, sweepMs);
}

/** The first wait after a look-up that failed; it doubles with each further failure. */
const AFTER_FAILURE_MS = 15_000;

/** The wait after a look-up that failed, with `failures` in a row before it. Never longer than the sweep. */
export function failureWaitMs(failures: number, sweepMs: number): number {
  return Math.min(AFTER_FAILURE_MS * 2 ** failures, sweepMs);
}
