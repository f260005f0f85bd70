import { randomUUID } from 'node:crypto';

/** Topics that have just come to be covered by an open, confirmed subscription. */
export interface Covered {
  topics: string[];
  /** The gap that ended for them; absent when they were not covered before. */
  gapId?: string;
}

export interface GapOpened {
  id: string;
  channelNo: number | undefined;
  reason: string;
  /** Epoch ms. */
  from: number;
  topics: number;
}

interface OpenGap {
  opened: GapOpened;
  /** `from` by the monotonic clock: how long the gap is must not depend on what is done to the wall clock meanwhile. */
  since: number;
  /** Topics that are not covered again yet. */
  outstanding: Set<string>;
}

/**
 * Keeps account of which topics are covered, and makes a gap of every loss. Knows no channel and no database; what it
 * finds is handed to `onGap` and `onGapEnd`.
 */
export class Coverage {
  private readonly coveredTopics = new Set<string>();
  private readonly gapOf = new Map<string, OpenGap>();

  constructor(
    private readonly onGap: (gap: GapOpened) => void,
    private readonly onGapEnd: (gap: GapOpened, durationMs: number) => void,
  ) {}

  isCovered(topic: string): boolean {
    return this.coveredTopics.has(topic);
  }

  /** How many topics are covered now. */
  get size(): number {
    return this.coveredTopics.size;
  }

  /** The gaps that are open now. */
  get openGapIds(): string[] {
    return [...new Set(this.gapOf.values())].map((gap) => gap.opened.id);
  }

  /** These were covered until `from` (epoch ms) and are not any more. */
  lost(topics: Iterable<string>, reason: string, from: number, channelNo: number | undefined): void {
    const outstanding = new Set<string>();
    for (const topic of topics) if (!this.gapOf.has(topic)) outstanding.add(topic);
    if (outstanding.size === 0) return;
    const gap: OpenGap = {
      opened: { id: randomUUID(), channelNo, reason, from, topics: outstanding.size },
      since: performance.now() - Math.max(0, Date.now() - from),
      outstanding,
    };
    for (const topic of outstanding) {
      this.coveredTopics.delete(topic);
      this.gapOf.set(topic, gap);
    }
    this.onGap(gap.opened);
  }

  /** These are covered now. Answers those that were not before, one group for each gap that ended for them. */
  gained(topics: Iterable<string>): Covered[] {
    const fresh: string[] = [];
    const byGap = new Map<OpenGap, string[]>();
    for (const topic of topics) {
      const gap = this.gapOf.get(topic);
      if (gap) group(byGap, gap).push(topic);
      else if (!this.coveredTopics.has(topic)) fresh.push(topic);
      this.coveredTopics.add(topic);
    }
    const covered: Covered[] = fresh.length > 0 ? [{ topics: fresh }] : [];
    for (const [gap, regained] of byGap) {
      covered.push({ topics: regained, gapId: gap.opened.id });
      for (const topic of regained) this.resolve(topic, gap);
    }
    return covered;
  }

  /** Nobody waits for this topic any more. */
  forget(topic: string): void {
    this.coveredTopics.delete(topic);
    const gap = this.gapOf.get(topic);
    if (gap) this.resolve(topic, gap);
  }

  private resolve(topic: string, gap: OpenGap): void {
    this.gapOf.delete(topic);
    gap.outstanding.delete(topic);
    if (gap.outstanding.size === 0) this.onGapEnd(gap.opened, Math.round(performance.now() - gap.since));
  }
}

function group<K, V>(groups: Map<K, V[]>, key: K): V[] {
  const existing = groups.get(key);
  if (existing) return existing;
  const created: V[] = [];
  groups.set(key, created);
  return created;
}
