const HOUR_MS = 60 * 60_000;
const HOURS = 24;

/** What was counted of each kind, and in how long. */
export interface Tally {
  /** How far back it goes, in ms: from the beginning of the count, at most 24 h, in whole hours but for the current one. */
  coversMs: number;
  total: number;
  byKind: Record<string, number>;
}

/** Counts by kind over the last 24 hours, in memory: it begins with the process. */
export class HourlyTally {
  private readonly hours = new Map<number, Map<string, number>>();
  private readonly since: number;

  /** @param now monotonic time in ms */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.since = now();
  }

  add(kind: string, count = 1): void {
    const hour = this.hour();
    let counts = this.hours.get(hour);
    if (!counts) this.hours.set(hour, (counts = new Map<string, number>()));
    counts.set(kind, (counts.get(kind) ?? 0) + count);
    for (const old of this.hours.keys()) if (old <= hour - HOURS) this.hours.delete(old);
  }

  read(): Tally {
    const hour = this.hour();
    const byKind: Record<string, number> = {};
    let total = 0;
    for (const [each, counts] of this.hours) {
      if (each <= hour - HOURS) continue;
      for (const [kind, count] of counts) {
        byKind[kind] = (byKind[kind] ?? 0) + count;
        total += count;
      }
    }
    const ranMs = this.now() - this.since;
    return { coversMs: Math.min(ranMs, (HOURS - 1) * HOUR_MS + (ranMs % HOUR_MS)), total, byKind };
  }

  private hour(): number {
    return Math.floor((this.now() - this.since) / HOUR_MS);
  }
}
