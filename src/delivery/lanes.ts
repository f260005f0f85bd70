import type { BackoffPolicy } from '../common/backoff.js';
import { type Held, tellBreaker } from './attempt.js';
import { Breaker, type BreakerChange } from './breaker.js';
import type { Share } from './claim.js';
import type { Line } from './line.js';
import type { SendOutcome } from './sink.js';

/**
 * A receiver is quick when its last attempt took no longer and none under way has: places that quick ones share are free
 * again within a tenth of a second, however many others there are.
 */
const QUICK_MS = 100;
/** Share of all places that those have together which are not known as quick; quick ones always find the rest. */
const OTHERS_SHARE = 3 / 4;
/** Share of all places that those have together whose last attempt failed. */
const FAILING_SHARE = 1 / 2;
/** Destinations that are remembered though nothing goes to them: as quick, as slow or as failing. */
const MAX_REMEMBERED = 10_000;

export interface Places {
  /** Attempts under way at a time, to all together. */
  concurrency: number;
  /** To one destination. */
  perDestination: number;
  /** How many times as many may be claimed ahead of those under way. */
  ahead: number;
}

interface Lane {
  destination: string;
  breaker: Breaker;
  ready: Held[];
  /** Monotonic times at which those under way began, oldest first. */
  begun: number[];
  /** What the last attempt says; undefined before the first has ended. */
  wasQuick: boolean | undefined;
}

/**
 * Keeps destinations apart that share one sink, so that a slow or dead one slows down nobody else. Each has a breaker, a share
 * of the places and a share of what is claimed ahead; the next free place goes to whoever has waited longest for one.
 */
export class Lanes implements Line {
  /** Those with deliveries held, and so many others as are remembered. */
  private readonly lanes = new Map<string, Lane>();
  /** Those with something ready; whose turn it is comes first. */
  private readonly turns = new Set<Lane>();
  private readonly active = new Set<Lane>();
  /** Those whose breaker lets at most a probe through. */
  private readonly heldBack = new Set<Lane>();
  private readonly capacity: number;
  private ready = 0;
  private underWay = 0;

  constructor(
    private readonly places: Places,
    private readonly hold: BackoffPolicy,
    private readonly onChange: (destination: string, change: BreakerChange) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.capacity = (places.ahead + 1) * places.concurrency;
  }

  get waiting(): number {
    return this.ready;
  }

  /** Deliveries that can still be held. */
  get free(): number {
    return Math.max(0, this.capacity - this.ready - this.underWay);
  }

  /** Milliseconds until the first breaker that holds lets a probe through; undefined when none holds. */
  get waitMs(): number | undefined {
    const waits = [...this.heldBack].flatMap(({ breaker }) => breaker.waitMs() || []);
    return waits.length === 0 ? undefined : waits.reduce((a, b) => Math.min(a, b));
  }

  /**
   * How many more of each of these may be claimed now: what can be held is shared out evenly among those with room for it.
   * `complete`: none of them has room and gets nothing.
   */
  sharesOf(destinations: readonly string[]): { shares: Share[]; complete: boolean } {
    const wanting = destinations.map((destination) => this.wish(destination)).filter(({ room }) => room > 0);
    let { free } = this;
    let forOthers = this.roomForOthers();
    const shares = wanting.flatMap(({ destination, room: wanted, quick }, i) => {
      const room = Math.min(wanted, Math.ceil(free / (wanting.length - i)), quick ? free : forOthers);
      if (room <= 0) return [];
      free -= room;
      if (!quick) forOthers -= room;
      return [{ destination, room }];
    });
    return { shares, complete: shares.length === wanting.length };
  }

  private wish(destination: string): Share & { quick: boolean } {
    const lane = this.lanes.get(destination);
    const { perDestination, ahead } = this.places;
    if (!lane) return { destination, room: 2 * perDestination, quick: false };
    const { breaker, ready, begun } = lane;
    const [held, quick] = [ready.length + begun.length, this.isQuick(lane)];
    if (breaker.state !== 'closed') return { destination, room: breaker.permits(1) - ready.length, quick };
    if (!this.isLow(lane)) return { destination, room: 0, quick };
    // What fails is not claimed ahead, and what is not quick takes long to begin.
    const batches = breaker.failing ? 1 : quick ? ahead + 1 : 2;
    return { destination, room: batches * perDestination - held, quick };
  }

  add(claimed: readonly Held[]): void {
    for (const held of claimed) {
      const lane = this.laneOf(destinationOf(held));
      if (held.delivery.crashes > 0) lane.ready.unshift(held);
      else lane.ready.push(held);
      this.ready++;
      this.turns.add(lane);
    }
  }

  next(): Held | undefined {
    for (const lane of this.turns) {
      if (!this.mayBegin(lane)) continue;
      const held = lane.ready.shift();
      if (!held) continue;
      this.ready--;
      // To the end, if anything is left.
      this.turns.delete(lane);
      if (lane.ready.length > 0) this.turns.add(lane);
      return held;
    }
    return undefined;
  }

  began(held: Held): (outcome: SendOutcome) => void {
    const lane = this.laneOf(destinationOf(held));
    const begunAt = this.now();
    lane.breaker.started();
    lane.begun.push(begunAt);
    this.active.add(lane);
    this.underWay++;
    return (outcome) => {
      this.underWay--;
      lane.begun.splice(lane.begun.indexOf(begunAt), 1);
      lane.wasQuick = this.now() - begunAt <= QUICK_MS;
      if (lane.begun.length === 0) this.active.delete(lane);
      tellBreaker(lane.breaker, outcome);
    };
  }

  runsLow(held?: Held): boolean {
    const lane = held && this.lanes.get(destinationOf(held));
    return !lane || this.isLow(lane);
  }

  surrendered(): Held[] {
    return [...this.turns].flatMap((lane) => this.takeOut(lane, this.keptOf(lane)));
  }

  cleared(): Held[] {
    return [...this.turns].flatMap((lane) => this.takeOut(lane, 0));
  }

  private mayBegin(lane: Lane): boolean {
    const { concurrency, perDestination } = this.places;
    if (lane.breaker.permits(1) === 0 || lane.begun.length >= perDestination) return false;
    const { failing } = lane.breaker;
    if (failing && this.underWayOf((each) => each.breaker.failing) >= concurrency * FAILING_SHARE) return false;
    if (this.isQuick(lane)) return true;
    return this.underWayOf((each) => !this.isQuick(each)) < Math.max(1, Math.floor(concurrency * OTHERS_SHARE));
  }

  private underWayOf(which: (lane: Lane) => boolean): number {
    let count = 0;
    for (const lane of this.active) if (which(lane)) count += lane.begun.length;
    return count;
  }

  private isQuick({ breaker, begun, wasQuick }: Lane): boolean {
    return wasQuick === true && !breaker.failing && this.now() - (begun[0] ?? Infinity) <= QUICK_MS;
  }

  /** Claiming a few at a time would cost a commit for each of them. */
  private isLow({ ready }: Lane): boolean {
    return ready.length <= this.places.perDestination / 2;
  }

  /** What those that are not quick may still hold together: half of all, so that there is room for what comes for others. */
  private roomForOthers(): number {
    let held = 0;
    for (const lane of new Set([...this.active, ...this.turns])) {
      if (!this.isQuick(lane)) held += lane.ready.length + lane.begun.length;
    }
    return Math.max(0, Math.floor(this.capacity / 2) - held);
  }

  /** How many of its ready ones a lane keeps: one that has turned out not to be quick gives back what it took in advance. */
  private keptOf(lane: Lane): number {
    if (lane.breaker.permits(1) === 0) return 0;
    return this.isQuick(lane) ? lane.ready.length : Math.min(lane.ready.length, 2 * this.places.perDestination);
  }

  private takeOut(lane: Lane, kept: number): Held[] {
    const out = lane.ready.splice(kept);
    this.ready -= out.length;
    if (lane.ready.length === 0) this.turns.delete(lane);
    return out;
  }

  private laneOf(destination: string): Lane {
    const known = this.lanes.get(destination);
    if (known) return known;
    if (this.lanes.size >= MAX_REMEMBERED) this.forgetOne();
    const breaker = new Breaker(this.hold, (change) => this.changed(lane, change), this.now);
    const lane: Lane = { destination, breaker, ready: [], begun: [], wasQuick: undefined };
    this.lanes.set(destination, lane);
    return lane;
  }

  private changed(lane: Lane, change: BreakerChange): void {
    if (change.to === 'closed') this.heldBack.delete(lane);
    else this.heldBack.add(lane);
    this.onChange(lane.destination, change);
  }

  /** The one that came first among those with nothing under way. */
  private forgetOne(): void {
    for (const lane of this.lanes.values()) {
      if (lane.ready.length > 0 || lane.begun.length > 0) continue;
      this.lanes.delete(lane.destination);
      this.heldBack.delete(lane);
      return;
    }
  }
}

function destinationOf({ delivery }: Held): string {
  return delivery.destination ?? '';
}
