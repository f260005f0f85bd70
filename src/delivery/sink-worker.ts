import { setMaxListeners } from 'node:events';
import { BackgroundTasks } from '../common/background-tasks.js';
import { within } from '../common/within.js';
import type { Config } from '../config/config.js';
import type { Log } from '../telemetry/logs.js';
import type { Database } from '../storage/database.js';
import { CLEARED_AFTER_MS, CRASH_LIMIT, OVERDUE_MS } from './attempt.js';
import { type Attempt, endOf, endOverdue, type Held, parked, send } from './attempt.js';
import { Breaker } from './breaker.js';
import { Claimer } from './claimer.js';
import { Lanes } from './lanes.js';
import { type Line, SingleLine } from './line.js';
import { Postponer } from './postponer.js';
import type { DeliveryRow } from '../storage/schema.js';
import type { DeliveryRepository } from './delivery.repository.js';
import { GiveBack } from './give-back.js';
import { HandOver } from './hand-over.js';
import { Receivers } from './receivers.js';
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
/** A suspect whose receiver cannot have it now makes room for the next one for so long, at least. */
const SUSPECT_LATER_MS = 1_000;
const MAX_TIMER_MS = 60_000;

export interface WorkerContext {
  database: Database;
  deliveries: DeliveryRepository;
  log: Log;
  retry: Config['retry'];
  replica: string;
}

/**
 * Delivers for one sink: has deliveries claimed in batches ahead of need, sends up to `concurrency` at once, has the
 * outcomes stored.
 *
 * A claimed delivery waits in the line, is `underWay`, and is forgotten once its outcome is stored or its claim lost.
 */
export class SinkWorker {
  /** Of the one receiver; where destinations are kept apart it stays closed, and `lanes` has theirs. */
  readonly breaker: Breaker;
  readonly receivers: Receivers;
  private readonly line: Line;
  /** The line, where destinations are kept apart. */
  private readonly lanes: Lanes | undefined;
  private readonly claimer: Claimer;
  private readonly settler: Settler;
  private readonly postponer: Postponer;
  private readonly tasks: BackgroundTasks;
  private readonly claims: GiveBack;
  private readonly aborting = new AbortController();
  private readonly underWay = new Set<Attempt>();
  /** Places promised to deliveries that are just being stored. */
  private promised = 0;
  /** Whether the last look left due ones behind: then the end of an attempt is a reason to look again. */
  private mayBeMore = true;
  /** Attempts that have ended. */
  private ended = 0;
  private running = false;
  private claiming = false;
  private asked = false;
  private timer: NodeJS.Timeout | undefined;
  private poll: NodeJS.Timeout | undefined;

  constructor(
    private readonly sink: Sink,
    private readonly context: WorkerContext,
  ) {
    const { retry, log, deliveries, replica } = context;
    const { perDestination, concurrency } = sink;
    // One signal for all attempts, and each adds a listener of its own.
    setMaxListeners(0, this.aborting.signal);
    this.tasks = new BackgroundTasks((error, task) => log.warn({ err: error, task }, 'delivering is held up'));
    const hold = { baseMs: retry.baseMs, capMs: Math.min(MAX_HOLD_MS, retry.capMs) };
    this.receivers = new Receivers(sink, log, retry.capMs);
    this.breaker = new Breaker(hold, (change) => log.debug(change, 'breaker'));
    this.claims = new GiveBack(deliveries, this.tasks, log);
    if (perDestination !== undefined) {
      this.lanes = new Lanes({ concurrency, perDestination, ahead: AHEAD }, hold, (_, change) =>
        log.debug(change, "a destination's breaker"),
      );
    }
    this.line = this.lanes ?? new SingleLine(concurrency, this.breaker);
    this.settler = new Settler(sink, context.database, deliveries, log, this.aborting.signal);
    // A delivery may wait for `AHEAD` whole attempts before its own begins.
    this.claimer = new Claimer(sink, deliveries, replica, (AHEAD + 1) * sink.timeoutMs + SETTLE_MARGIN_MS);
    this.postponer = new Postponer(deliveries, this.claimer.leaseMs, this.tasks, this.aborting.signal);
  }

  start(): void {
    this.running = true;
    this.claimer.start();
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
    const claim = places > 0 ? this.claimer.newClaim(places) : undefined;
    const { leaseMs } = this.claimer;
    const claimedAt = performance.now();
    this.promised += places;
    return new HandOver(claim, {
      committed: (claimed, waiting) => {
        this.promised -= places;
        this.line.add(claimed.map((delivery) => ({ delivery, claimedAt, leaseMs })));
        if (!this.running) return this.giveBack(this.line.cleared());
        this.launch();
        if (waiting || this.mayBeMore) this.wake();
      },
      failed: () => {
        this.promised -= places;
        if (this.mayBeMore) this.wake();
        if (claim) this.claims.unknown(claim, () => this.wake());
      },
    });
  }

  /** Claims no more, waits up to `graceMs` for attempts under way, aborts the rest and gives their claims back. */
  async stop(graceMs: number): Promise<void> {
    if (!this.running) return;
    this.running = false;
    this.claims.stop();
    clearInterval(this.poll);
    clearTimeout(this.timer);
    this.giveBack(this.line.cleared());
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
        this.launch();
        await (this.lanes ? this.fillLanes(this.lanes) : this.fill());
      }
    } finally {
      this.claiming = false;
    }
  }

  /** Claims as much as can be begun soon, so that slots do not wait for the database. */
  private async fill(): Promise<void> {
    const wanted = this.line.runsLow() ? this.breaker.permits(this.free) : 0;
    if (wanted <= 0) {
      this.mayBeMore = true;
      return this.wakeIn(this.breaker.waitMs() || undefined);
    }
    const { ended } = this;
    const claimed = await this.claimer.oldest(wanted);
    this.take(claimed);
    this.mayBeMore = claimed.length >= wanted;
    if (this.mayBeMore) {
      this.asked = true;
      return;
    }
    await this.lookAhead();
    // It may have been the end of the one in front that came meanwhile.
    if (this.mayBeMore && this.ended !== ended) this.asked = true;
  }

  /** Claims for each destination what it has room for. What ends meanwhile asks for more by itself. */
  private async fillLanes(lanes: Lanes): Promise<void> {
    this.mayBeMore = true;
    for await (const claimed of this.claimer.shares(lanes)) {
      this.take(claimed);
      if (!this.running) return;
    }
    await this.lookAhead(lanes.waitMs);
  }

  private take(claimed: readonly Held[]): void {
    this.line.add(claimed);
    if (this.running) this.launch();
    else this.giveBack(this.line.cleared());
  }

  /** When to look next. What is due but stands behind another of its key comes with the end of that one. */
  private async lookAhead(heldMs = Infinity): Promise<void> {
    const { waitMs, blocked } = await this.context.deliveries.nextDue(this.sink.name);
    this.mayBeMore = blocked;
    this.wakeIn(Math.min(waitMs ?? Infinity, heldMs));
  }

  /** Deliveries that can still be held. */
  private get free(): number {
    return (AHEAD + 1) * this.sink.concurrency - this.underWay.size - this.line.waiting - this.promised;
  }

  /** Where destinations are kept apart or come and go, each delivery is looked at before it is claimed. */
  private takesAtOnce(): boolean {
    const apart = this.lanes !== undefined || this.sink.reachable !== undefined;
    return this.running && !apart && this.breaker.state === 'closed' && !this.mayBeMore;
  }

  private launch(): void {
    while (this.running && this.underWay.size < this.sink.concurrency) {
      const held = this.line.next();
      if (!held) break;
      // Its lease might end before its attempt does.
      if (performance.now() - held.claimedAt > held.leaseMs - this.sink.timeoutMs - OVERDUE_MS) this.giveBack([held]);
      else this.begin(held);
    }
    this.surrender();
  }

  private begin(held: Held): void {
    const tell = this.line.began(held);
    let overdue: Attempt['overdue'] = () => undefined;
    const late = new Promise<SendOutcome>((resolve) => (overdue = resolve));
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
      if (outcome.kind === 'postponed') return this.postponer.postponeSoon([{ ...outcome, delivery }]);
      // We ended it ourselves: that is no attempt, and the claim is given back as a whole.
      if (this.aborting.signal.aborted && outcome.kind === 'retry') return;
      this.receivers.note(delivery, outcome, this.lanes ? undefined : this.breaker.state);
      await this.settler.settle(endOf(attempt, outcome, this.context.retry));
    } finally {
      this.underWay.delete(attempt);
      this.ended++;
      this.launch();
      if (this.mayBeMore && this.line.runsLow(attempt)) this.wake();
    }
  }

  /** The process is alive although this suspect is in flight: it makes room for the next one. */
  private clear(suspect: DeliveryRow): void {
    this.tasks.run('clear a suspect', async () => {
      await this.context.deliveries.clearOfSuspicion(suspect);
      this.wake();
    });
  }

  /** Gives back what its receiver cannot have soon; where they are kept apart, suspects come later than all others. */
  private surrender(): void {
    const held = this.line.surrendered();
    const later = this.lanes ? held.filter(({ delivery }) => delivery.crashes > 0) : [];
    this.postponer.postponeSoon(later.map(({ delivery }) => ({ delivery, delayMs: SUSPECT_LATER_MS })));
    this.giveBack(held.filter((each) => !later.includes(each)));
  }

  /** Claims that will not be used now. */
  private giveBack(unused: readonly Held[]): void {
    if (unused.length === 0) return;
    this.mayBeMore = true;
    this.claims.unused(unused.map(({ delivery }) => delivery));
    if (!this.lanes) this.wakeIn(this.breaker.waitMs() || undefined);
  }

  /** The next look, unless the poll comes first. */
  private wakeIn(ms = Infinity): void {
    if (ms === Infinity || !this.running) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.wake(), Math.min(ms, MAX_TIMER_MS));
  }
}
