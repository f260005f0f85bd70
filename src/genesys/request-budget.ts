import { GenesysRateLimitError } from './genesys.errors.js';
import { REQUEST_PRIORITIES, type RequestPriority } from './genesys.types.js';

/** The window of Genesys' limits (docs/wire-facts.md §6.1). */
const WINDOW_MS = 60_000;

/** A twentieth is never used: requests reach Genesys later than they leave, so its windows and ours do not coincide. */
const UNUSED_SHARE = 0.05;

/**
 * What is kept from each class, a share of the minute: a channel that breaks in the middle of look-ups is mended at once, and a
 * gap is looked up in the middle of a sweep.
 */
const KEPT_FROM: Readonly<Record<RequestPriority, number>> = { channel: 0, gap: 0.1, sweep: 0.3 };

/** A pause that Genesys asks for is waited for up to a minute; a longer one is said to the callers. */
const LONGEST_WAIT_MS = 60_000;

/** Beyond it, more than three windows' work is waiting: callers had better be told. */
const MAX_WAITING = 1_000;

/** How the budget stands at a moment. */
export interface BudgetView {
  /** Most requests in any minute. */
  limit: number;
  usedLastMinute: number;
  waiting: Record<RequestPriority, number>;
  /** For how long nothing is sent, because Genesys said so (429); 0 when it did not. */
  pausedMs: number;
}

interface Waiter {
  priority: RequestPriority;
  resolve: () => void;
  reject: (error: unknown) => void;
  /** Takes the abort listener off again. */
  detach: () => void;
}

/**
 * How many requests may be sent in any minute, and who goes first. Channel calls go before look-ups of gaps, and these before
 * sweeps; within each, first come, first served. It keeps counting over a change of token: some of Genesys' limits are per application, not per token.
 */
export class RequestBudget {
  private readonly limit: number;
  /** The most that the minute may hold when one of a class is sent. */
  private readonly limits: Readonly<Record<RequestPriority, number>>;
  /** When each request of the last minute was sent, by the monotonic clock; oldest first, never more than `limit`. */
  private sent: number[] = [];
  private readonly waiting: Record<RequestPriority, Waiter[]> = { channel: [], gap: [], sweep: [] };
  private pause = { until: 0, long: false };
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  /** @param perMinute Genesys' limit; what is used of it is a little less. */
  constructor(perMinute: number) {
    this.limit = Math.max(1, Math.floor(perMinute * (1 - UNUSED_SHARE)));
    const limitOf = (priority: RequestPriority): number =>
      Math.max(1, this.limit - Math.ceil(this.limit * KEPT_FROM[priority]));
    this.limits = { channel: this.limit, gap: limitOf('gap'), sweep: limitOf('sweep') };
  }

  /**
   * Resolves when a request may be sent, and counts it.
   * @throws GenesysRateLimitError at once during a long pause or when too many are waiting; the signal's reason.
   */
  async acquire(priority: RequestPriority, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.refuseIfHopeless(priority);
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { priority, resolve, reject, detach: () => signal?.removeEventListener('abort', onAbort) };
      const onAbort = (): void => {
        this.leave(waiter);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting[priority].push(waiter);
      this.serve();
    });
  }

  /** Genesys answered 429: nothing is sent for so long. A shorter pause does not cut a running one. */
  pauseFor(durationMs: number): void {
    const until = performance.now() + durationMs;
    if (until <= this.pause.until) return;
    this.pause = { until, long: durationMs > LONGEST_WAIT_MS };
    if (this.pause.long) this.rejectAll(() => this.paused());
    this.serve();
  }

  /** How many look-ups of gaps could be sent at once, for those who can choose how many to begin. */
  spare(): number {
    const { pausedMs, usedLastMinute, waiting } = this.view();
    if (this.closed || pausedMs > 0) return 0;
    return Math.max(0, this.limits.gap - usedLastMinute - waiting.channel - waiting.gap - waiting.sweep);
  }

  view(): BudgetView {
    const now = performance.now();
    this.forget(now);
    const { channel, gap, sweep } = this.waiting;
    return {
      limit: this.limit,
      usedLastMinute: this.sent.length,
      waiting: { channel: channel.length, gap: gap.length, sweep: sweep.length },
      pausedMs: Math.max(0, Math.ceil(this.pause.until - now)),
    };
  }

  /** Rejects who waits, and whoever comes later. */
  close(): void {
    this.closed = true;
    this.rejectAll(() => this.shut());
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private refuseIfHopeless(priority: RequestPriority): void {
    if (this.closed) throw this.shut();
    if (this.pause.long && this.pause.until > performance.now()) throw this.paused();
    const queue = this.waiting[priority].length;
    if (queue >= MAX_WAITING) {
      throw new GenesysRateLimitError(
        `${queue} ${priority} requests to Genesys are waiting already (limit ${MAX_WAITING}); ${this.limit} are sent a minute.`,
        WINDOW_MS,
      );
    }
  }

  /** Lets go whoever may, and sets the timer for the next who may. */
  private serve(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const now = performance.now();
    this.forget(now);
    if (this.pause.until <= now) {
      // Each class may use less than the one before it: while one of that waits, none of this finds room.
      for (const priority of REQUEST_PRIORITIES) this.serveFrom(priority, now);
    }
    const next = this.nextChange(now);
    if (next !== undefined) this.timer = setTimeout(() => this.serve(), next);
  }

  private serveFrom(priority: RequestPriority, now: number): void {
    const queue = this.waiting[priority];
    while (queue.length > 0 && this.sent.length < this.limits[priority]) {
      const waiter = queue.shift();
      waiter?.detach();
      this.sent.push(now);
      waiter?.resolve();
    }
  }

  /** Milliseconds until somebody who waits may be let go: the end of the pause, or of the window of an old request. */
  private nextChange(now: number): number | undefined {
    const first = REQUEST_PRIORITIES.find((priority) => this.waiting[priority].length > 0);
    if (first === undefined) return undefined;
    if (this.pause.until > now) return Math.ceil(this.pause.until - now);
    // The request whose leaving makes room: more may be in the window than this class may use.
    const blocking = this.sent[this.sent.length - this.limits[first]] ?? now;
    return Math.max(1, Math.ceil(blocking + WINDOW_MS - now));
  }

  private forget(now: number): void {
    const old = this.sent.findIndex((at) => at > now - WINDOW_MS);
    if (old > 0) this.sent.splice(0, old);
    else if (old < 0) this.sent = [];
  }

  private leave(waiter: Waiter): void {
    const queue = this.waiting[waiter.priority];
    const index = queue.indexOf(waiter);
    if (index >= 0) queue.splice(index, 1);
    waiter.detach();
    this.serve();
  }

  private rejectAll(error: () => Error): void {
    for (const waiter of REQUEST_PRIORITIES.flatMap((priority) => this.waiting[priority].splice(0))) {
      waiter.detach();
      waiter.reject(error());
    }
  }

  private paused(): GenesysRateLimitError {
    const left = Math.max(0, Math.ceil(this.pause.until - performance.now()));
    return new GenesysRateLimitError(`Genesys wants no requests for another ${Math.ceil(left / 1_000)} s (429).`, left);
  }

  private shut(): GenesysRateLimitError {
    return new GenesysRateLimitError('No more requests to Genesys: the gateway is shutting down.', 0);
  }
}
