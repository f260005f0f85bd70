import { type Held, tellBreaker } from './attempt.js';
import type { Breaker } from './breaker.js';
import type { SendOutcome } from './sink.js';

/** What is claimed and has not begun, and who begins next. */
export interface Line {
  /** Deliveries that wait for their beginning. */
  readonly waiting: number;
  /** Suspects go before all others: the shorter one is held, the less a kill by others can be laid at its door. */
  add(claimed: readonly Held[]): void;
  /** Takes out the next that may begin now. */
  next(): Held | undefined;
  /** One begins; its outcome is told by calling what this returns, once. */
  began(held: Held): (outcome: SendOutcome) => void;
  /** Whether more should be claimed: for where this one went to, when given. */
  runsLow(held?: Held): boolean;
  /** Takes out those that are not to be held any longer, since their receiver cannot have them soon. */
  surrendered(): Held[];
  /** Takes out all. */
  cleared(): Held[];
}

/** The line of a sink with one receiver. */
export class SingleLine implements Line {
  private readonly ready: Held[] = [];

  constructor(
    private readonly concurrency: number,
    private readonly breaker: Breaker,
  ) {}

  get waiting(): number {
    return this.ready.length;
  }

  add(claimed: readonly Held[]): void {
    this.ready.unshift(...claimed.filter(({ delivery }) => delivery.crashes > 0));
    this.ready.push(...claimed.filter(({ delivery }) => delivery.crashes === 0));
  }

  next(): Held | undefined {
    return this.breaker.permits(1) > 0 ? this.ready.shift() : undefined;
  }

  began(): (outcome: SendOutcome) => void {
    this.breaker.started();
    return (outcome) => tellBreaker(this.breaker, outcome);
  }

  /** Claiming a few at a time would cost a commit for each of them. */
  runsLow(): boolean {
    return this.ready.length <= this.concurrency / 2;
  }

  surrendered(): Held[] {
    return this.breaker.permits(1) > 0 ? [] : this.cleared();
  }

  cleared(): Held[] {
    return this.ready.splice(0);
  }
}
