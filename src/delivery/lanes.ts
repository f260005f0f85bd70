import type { BackoffPolicy } from '../common/backoff.js';
import type { DeliveryRow } from '../storage/schema.js';
import { Breaker, type BreakerState } from './breaker.js';

/** An attempt that has been under way for so long is slow: what waits behind it is put off instead of kept. */
const SLOW_MS = 1_000;
/** How long what waits for a slow or failing destination is put off. */
const PUT_OFF_MS = 1_000;

/** Whether an attempt may start: now, as soon as one to the same destination ends, or not before some time has passed. */
export type Admission = { kind: 'now' } | { kind: 'soon' } | { kind: 'later'; ms: number };

/** One that is given back with a later time. */
export interface Postponed {
  delivery: DeliveryRow;
  delayMs: number;
}

interface Lane {
  breaker: Breaker;
  underWay: number;
  /** Monotonic times at which those under way started, oldest first. */
  startedAt: number[];
}

/**
 * Keeps destinations apart that share one sink, so that a slow or dead one slows down nobody else: each has a breaker and
 * may have only so many attempts under way, and those that fail together have no more than half of all places.
 */
export class Lanes {
  /** Only those with something under way, or with failures to remember. */
  private readonly lanes = new Map<string, Lane>();
  private failingUnderWay = 0;

  constructor(
    private readonly perDestination: number,
    private readonly concurrency: number,
    private readonly hold: BackoffPolicy,
    private readonly onChange: (destination: string, from: BreakerState, to: BreakerState) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Destinations that are held back or on trial. */
  get failing(): number {
    return [...this.lanes.values()].filter(({ breaker }) => breaker.failing).length;
  }

  admit(destination: string): Admission {
    const lane = this.lanes.get(destination);
    if (!lane) return { kind: 'now' };
    const { breaker } = lane;
    if (breaker.permits(1) === 0) return { kind: 'later', ms: Math.max(breaker.waitMs(), PUT_OFF_MS) };
    if (breaker.failing && this.failingUnderWay >= this.concurrency / 2) return { kind: 'later', ms: PUT_OFF_MS };
    if (lane.underWay < this.perDestination) return { kind: 'now' };
    const oldest = lane.startedAt[0] ?? this.now();
    return this.now() - oldest > SLOW_MS ? { kind: 'later', ms: PUT_OFF_MS } : { kind: 'soon' };
  }

  /** Takes the first that may start out of `ready`, and those that may not for a while. */
  pick<H extends { delivery: DeliveryRow }>(ready: H[]): { next: H | undefined; later: Postponed[] } {
    const later: Postponed[] = [];
    let next: H | undefined;
    for (let i = 0; i < ready.length && !next;) {
      const held = ready[i] as H;
      const admission = this.admit(held.delivery.destination ?? '');
      if (admission.kind === 'soon') {
        i++;
        continue;
      }
      ready.splice(i, 1);
      if (admission.kind === 'now') next = held;
      else later.push({ delivery: held.delivery, delayMs: admission.ms * (1 + Math.random() / 4) });
    }
    return { next, later };
  }

  /** An attempt starts; its end is told by calling what this returns, once. */
  started(destination: string): (tell: (breaker: Breaker) => void) => void {
    const lane = this.laneOf(destination);
    const startedAt = this.now();
    const { failing } = lane.breaker;
    lane.breaker.started();
    lane.underWay++;
    lane.startedAt.push(startedAt);
    if (failing) this.failingUnderWay++;
    return (tell) => {
      lane.underWay--;
      lane.startedAt.splice(lane.startedAt.indexOf(startedAt), 1);
      if (failing) this.failingUnderWay--;
      tell(lane.breaker);
      if (lane.underWay === 0 && !lane.breaker.failing) this.lanes.delete(destination);
    };
  }

  private laneOf(destination: string): Lane {
    const known = this.lanes.get(destination);
    if (known) return known;
    const breaker = new Breaker(this.hold, (from, to) => this.onChange(destination, from, to), this.now);
    const lane = { breaker, underWay: 0, startedAt: [] };
    this.lanes.set(destination, lane);
    return lane;
  }
}
