import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { BackgroundTasks } from '../common/background-tasks.js';
import { within } from '../common/within.js';
import type { Config } from '../config/config.js';
import type { Log } from '../telemetry/logs.js';
import type { Database } from '../storage/database.js';
import { CLEARED_AFTER_MS, CRASH_LIMIT, LAST_CHANCE_AFTER_MS, OVERDUE_MS } from './attempt.js';
import { type Attempt, endOf, endOverdue, type Held, parked, send, tellBreaker } from './attempt.js';
import { Breaker } from './breaker.js';
import { Lanes } from './lanes.js';
import { Postponer } from './postponer.js';
import type { DeliveryRow } from '../storage/schema.js';
import type { Claim, DeliveryRepository } from './delivery.repository.js';
import { HandOver } from './hand-over.js';
import { Settler } from './settler.js';
import type { SendOutcome, Sink } from './sink.js';

/** Finds what nobody announced: another replica's leavings, a wake that was lost with its process. */
const POLL_MS = 2_000;
/** Time for storing an outcome on top of the attempts' own; a database outage of that length costs nothing. */
const SETTLE_MARGIN_MS = 15_000;
/** What is left for attempts to notice that they were aborted. */
const ABORT_MS = 1_000;
/** Longest pause between two probes of a receiver that is down, so that its return is noticed soon. */
const MAX_HOLD_MS = 30_000;
/** Batches claimed ahead of those under way: each claim is a commit, so fewer and larger ones are cheaper. */
const AHEAD = 2;
const MAX_TIMER_MS = 60_000;

export interface WorkerContext {
  database: Database;
  deliveries: DeliveryRepository;
  log: Log;
  retry: Config['retry'];
  replica: string;
}

/**
 * Delivers for one sink: claims in batches ahead of need, sends up to `concurrency` at once, has the outcomes stored.
 *
 * A claimed delivery waits in `ready`, is `underWay`, and is forgotten once its outcome is stored or its claim lost.
 */
export class SinkWorker {
  /** Of the one receiver; where destinations are kept apart it stays closed, and `lanes` has theirs. */
  readonly breaker: Breaker;
  private readonly lanes: Lanes | undefined;
  private readonly settler: Settler;
  private readonly postponer: Postponer;
  private readonly tasks: BackgroundTasks;
  private readonly aborting = new AbortController();
  private readonly underWay = new Set<Attempt>();
  private readonly leaseMs: number;
  private readonly ready: Held[] = [];
  /** Places promised to deliveries that are just being stored. */
  private promised = 0;
  /** Whether the last look left due ones behind: then the end of an attempt is a reason to look again. */
  private mayBeMore = true;
  /** Attempts that have ended. */
  private ended = 0;
  private startedAt = 0;
  private running = false;
  private claiming = false;
  private asked = false;
  private timer: NodeJS.Timeout | undefined;
  private poll: NodeJS.Timeout | undefined;

  constructor(
    private readonly sink: Sink,
    private readonly context: WorkerContext,
  ) {
    const { retry, log } = context;
    // One signal for all attempts, and each adds a listener of its own.
    setMaxListeners(0, this.aborting.signal);
    this.tasks = new BackgroundTasks((error, task) => log.warn({ err: error, task }, 'delivering is held up'));
    const hold = { baseMs: retry.baseMs, capMs: Math.min(MAX_HOLD_MS, retry.capMs) };
    this.breaker = new Breaker(hold, (from, to) => log.warn({ from, to }, 'breaker'));
    if (sink.perDestination !== undefined) {
      this.lanes = new Lanes(sink.perDestination, sink.concurrency, hold, (_, from, to) =>
        log.info({ from, to }, 'breaker of one destination'),
      );
    }
    this.settler = new Settler(sink, context.database, context.deliveries, log, this.aborting.signal);
    // A delivery may wait for `AHEAD` whole attempts before its own begins.
    this.leaseMs = (AHEAD + 1) * sink.timeoutMs + SETTLE_MARGIN_MS;
    this.postponer = new Postponer(context.deliveries, this.leaseMs, this.tasks, this.aborting.signal);
  }

  start(): void {
    this.running = true;
    this.startedAt = performance.now();
    this.poll = setInterval(() => this.tick(), POLL_MS);
    this.wakeIn(0);
  }

  /** Looks for due deliveries, now or as soon as the look that is under way is over. */
  wake(): void {
    this.asked = true;
    if (this.claiming || !this.running) return;
    this.claiming = true;
    this.tasks.run('claim', () => this.claimWhileAsked());
  }

  /** Places for deliveries that are about to be stored, unless others wait already or the receiver is in doubt. */
  handOver(wanted: number): HandOver {
    const places = this.takesAtOnce() ? Math.max(0, Math.min(wanted, this.free)) : 0;
    const claim = places > 0 ? this.newClaim(places) : undefined;
    const claimedAt = performance.now();
    this.promised += places;
    return new HandOver(claim, {
      committed: (claimed, waiting) => {
        this.promised -= places;
        this.ready.push(...claimed.map((delivery) => ({ delivery, claimedAt, leaseMs: this.leaseMs })));
        if (!this.running) return this.giveBack();
        this.launch();
        if (waiting || this.mayBeMore) this.wake();
      },
      failed: () => {
        this.promised -= places;
        if (this.mayBeMore) this.wake();
        // Nobody can tell whether a commit that broke off took place.
        if (claim) this.tasks.run('give claims back', () => this.context.deliveries.releaseClaim(claim));
      },
    });
  }

  /** Claims no more, waits up to `graceMs` for attempts under way, aborts the rest and gives their claims back. */
  async stop(graceMs: number): Promise<void> {
    if (!this.running) return;
    this.running = false;
    clearInterval(this.poll);
    clearTimeout(this.timer);
    this.giveBack();
    await within(graceMs, this.tasks.idle());
    this.aborting.abort();
    await within(ABORT_MS, this.tasks.idle());
  }

  private tick(): void {
    endOverdue(this.underWay, this.sink.timeoutMs);
    this.tasks.run('release expired claims', () => this.context.deliveries.releaseExpired(this.context.replica));
    this.wake();
  }

  private async claimWhileAsked(): Promise<void> {
    try {
      while (this.asked && this.running) {
        this.asked = false;
        await this.fill();
      }
    } finally {
      this.claiming = false;
    }
  }

  /** Claims as much as can be begun soon, so that slots do not wait for the database. */
  private async fill(): Promise<void> {
    this.launch();
    const wanted = this.runsLow() ? this.breaker.permits(this.free) : 0;
    if (wanted <= 0) {
      this.mayBeMore = true;
      return this.wakeIn(this.breaker.waitMs() || undefined);
    }
    const { ended } = this;
    const claimed = await this.claim(wanted);
    // A suspect goes first: the shorter it is held, the less a kill by others can be laid at its door.
    this.ready.unshift(...claimed.filter(({ delivery }) => delivery.crashes > 0));
    this.ready.push(...claimed.filter(({ delivery }) => delivery.crashes === 0));
    if (!this.running) return this.giveBack();
    this.launch();
    this.mayBeMore = claimed.length >= wanted;
    if (this.mayBeMore) this.asked = true;
    else await this.lookAhead(ended);
  }

  /** When to look next. What is due but stands behind another of its key comes with the end of that one. */
  private async lookAhead(endedBefore: number): Promise<void> {
    const { waitMs, blocked } = await this.context.deliveries.nextDue(this.sink.name);
    this.mayBeMore ||= blocked;
    // It may have been the end of the one in front that came meanwhile.
    if (blocked && this.ended !== endedBefore) this.asked = true;
    this.wakeIn(waitMs ?? undefined);
  }

  /** Deliveries that can still be held. */
  private get free(): number {
    return (AHEAD + 1) * this.sink.concurrency - this.underWay.size - this.ready.length - this.promised;
  }

  /** Where destinations are kept apart or come and go, each delivery is looked at before it is claimed. */
  private takesAtOnce(): boolean {
    const apart = this.lanes !== undefined || this.sink.reachable !== undefined;
    return this.running && !apart && this.breaker.state === 'closed' && !this.mayBeMore;
  }

  private newClaim(limit: number): Claim {
    return {
      sink: this.sink.name,
      limit,
      token: randomUUID(),
      replica: this.context.replica,
      leaseMs: this.leaseMs,
      destinations: this.sink.reachable?.(),
    };
  }

  /** Claiming a few at a time would cost a commit for each of them. */
  private readonly runsLow = (): boolean => this.ready.length <= this.sink.concurrency / 2;

  private async claim(limit: number): Promise<Held[]> {
    const [{ deliveries }, claim] = [this.context, this.newClaim(limit)];
    if (claim.destinations?.length === 0) return [];
    // Before the question, so that we count the lease as over before the database does.
    const claimedAt = performance.now();
    const spare = claimedAt - this.startedAt < LAST_CHANCE_AFTER_MS ? CRASH_LIMIT - 1 : undefined;
    const suspects = await deliveries.claimSuspect(claim, spare);
    const left = limit - suspects.length;
    const others = left > 0 ? await deliveries.claimDue({ ...claim, limit: left }) : [];
    return [...suspects, ...others].map((delivery) => ({ delivery, claimedAt, leaseMs: this.leaseMs }));
  }

  private launch(): void {
    while (this.running && this.ready.length > 0 && this.underWay.size < this.sink.concurrency) {
      if (this.breaker.permits(1) === 0) return this.giveBack();
      const held = this.nextReady();
      if (!held) return;
      if (performance.now() - held.claimedAt > this.leaseMs - this.sink.timeoutMs - OVERDUE_MS) {
        // Its lease might end before its attempt does.
        this.giveBack(held);
        continue;
      }
      this.begin(held);
    }
  }

  /** The first that may start; those that may not for a while are given back with a later time. */
  private nextReady(): Held | undefined {
    if (!this.lanes) return this.ready.shift();
    const { next, later } = this.lanes.pick(this.ready);
    this.postponer.postponeSoon(later);
    return next;
  }

  private begin(held: Held): void {
    const ended = this.lanes?.started(held.delivery.destination ?? '');
    if (!ended) this.breaker.started();
    let overdue: Attempt['overdue'] = () => undefined;
    const late = new Promise<SendOutcome>((resolve) => (overdue = resolve));
    const tell = (outcome: SendOutcome): void =>
      ended ? ended((breaker) => tellBreaker(breaker, outcome)) : tellBreaker(this.breaker, outcome);
    const attempt: Attempt = { ...held, startedAt: performance.now(), overdue, tell };
    this.underWay.add(attempt);
    this.tasks.run('attempt', () => this.carryOut(attempt, late));
  }

  private async carryOut(attempt: Attempt, late: Promise<SendOutcome>): Promise<void> {
    try {
      const { delivery } = attempt;
      const sent =
        delivery.crashes >= CRASH_LIMIT ? parked(delivery.crashes) : send(this.sink, delivery, this.aborting.signal);
      const clearing = delivery.crashes > 0 ? setTimeout(() => this.clear(delivery), CLEARED_AFTER_MS) : undefined;
      const outcome = await Promise.race([sent, late]).finally(() => clearTimeout(clearing));
      attempt.tell(outcome);
      if (outcome.kind !== 'delivered') this.mayBeMore = true;
      if (outcome.kind === 'postponed') return this.postponer.postponeSoon([{ delivery, delayMs: outcome.delayMs }]);
      // We ended it ourselves: that is no attempt, and the claim is given back as a whole.
      if (this.aborting.signal.aborted && outcome.kind === 'retry') return;
      await this.settler.settle(endOf(attempt, outcome, this.context.retry));
    } finally {
      this.underWay.delete(attempt);
      this.ended++;
      this.launch();
      if (this.mayBeMore && this.runsLow()) this.wake();
    }
  }

  /** The process is alive although this suspect is in flight: it makes room for the next one. */
  private clear(suspect: DeliveryRow): void {
    this.tasks.run('clear a suspect', async () => {
      await this.context.deliveries.clearOfSuspicion(suspect);
      this.wake();
    });
  }

  /** Claims that will not be used now. */
  private giveBack(...held: Held[]): void {
    const unused = held.length > 0 ? held : this.ready.splice(0);
    if (unused.length === 0) return;
    this.tasks.run('give claims back', () => this.context.deliveries.release(unused.map(({ delivery }) => delivery)));
    this.wakeIn(this.breaker.waitMs() || undefined);
  }

  /** The next look, unless the poll comes first. */
  private wakeIn(ms: number | undefined): void {
    if (ms === undefined || !this.running) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.wake(), Math.min(ms, MAX_TIMER_MS));
  }
}
