import { shapeOf } from '../common/mask.js';
import { type LineWriter, OutageLog } from '../telemetry/outage-log.js';
import { RationedLines } from '../telemetry/rationed-lines.js';
import type { DeliveryRow } from '../storage/schema.js';
import type { BreakerState } from './breaker.js';
import type { SendOutcome, Sink } from './sink.js';

/** Receivers that are remembered because they failed; beyond that the one that failed longest ago is forgotten. */
const MAX_KNOWN = 1_000;
/** Nobody says that a receiver is well whose deliveries all ended without it: it counts as failing for so long at least. */
const FAILING_MS = 15 * 60_000;
/** Lines about all destinations together, in so long: half a kilobyte each, below a megabyte in a day. */
const RATION = { lines: 10, windowMs: 10 * 60_000 };

/** For people: when it was, by the wall clock (epoch ms). */
export interface LastError {
  code: string;
  message: string;
  at: number;
  /** Whose it was, where destinations are kept apart. */
  destination?: string;
}

interface Trouble {
  readonly outage: OutageLog;
  last: LastError | undefined;
  /** Monotonic ms until which it counts as failing; 0 when it answered since. */
  failingUntil: number;
}

/**
 * What a sink's receivers failed with, from the first failure on: for the log, which tells when one begins to fail and when it
 * works again, and for health.
 */
export class Receivers {
  private readonly troubles = new Map<string, Trouble>();
  private readonly lines: LineWriter;
  private readonly who: string;

  /**
   * @param retryCapMs longest wait between two attempts of one delivery
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly sink: Sink,
    log: LineWriter,
    private readonly retryCapMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    const apart = sink.perDestination !== undefined;
    this.who = apart ? 'a destination' : 'the receiver';
    const enough = 'more destinations fail, or work again: no further lines for 10 minutes (GET /ops/push/pending)';
    this.lines = apart ? new RationedLines(log, RATION, enough, now) : log;
  }

  /** How many fail. */
  get failing(): number {
    const now = this.now();
    return [...this.troubles.values()].filter(({ failingUntil }) => failingUntil > now).length;
  }

  /** The last failure, of one that still fails if there is any; undefined when there has been none. */
  get lastError(): LastError | undefined {
    const now = this.now();
    const known = [...this.troubles.values()];
    const failing = known.filter(({ failingUntil }) => failingUntil > now);
    return (failing.length > 0 ? failing : known).map(({ last }) => last).reduce(later, undefined);
  }

  /** One attempt ended. */
  note(delivery: DeliveryRow, outcome: SendOutcome, breaker: BreakerState | undefined): void {
    // Who comes and goes is a person, who is missing now and then.
    if (this.sink.reachable !== undefined) return;
    const name = delivery.destination ?? '';
    if (outcome.kind === 'retry') this.failed(name, delivery, outcome, breaker);
    else if (outcome.kind !== 'postponed' && outcome.status !== undefined) this.answered(name, delivery);
  }

  private failed(
    name: string,
    delivery: DeliveryRow,
    { code, message, status, retryAfterMs = 0, answer }: Extract<SendOutcome, { kind: 'retry' }>,
    breaker: BreakerState | undefined,
  ): void {
    const trouble = this.troubles.get(name) ?? this.newTrouble();
    // To the end: the first is the one that failed longest ago.
    this.troubles.delete(name);
    this.troubles.set(name, trouble);
    trouble.last = { code, message, at: Date.now(), ...(name === '' ? {} : { destination: name }) };
    trouble.failingUntil = this.now() + Math.max(FAILING_MS, 2 * this.retryCapMs, retryAfterMs + this.retryCapMs);
    trouble.outage.failed(message, {
      ...this.aboutOf(delivery),
      code,
      ...(status === undefined ? {} : { status }),
      ...(answer === undefined ? {} : { answer: shapeOf(answer) }),
      ...(breaker === undefined ? {} : { breaker }),
    });
  }

  private answered(name: string, delivery: DeliveryRow): void {
    const trouble = this.troubles.get(name);
    if (!trouble) return;
    trouble.failingUntil = 0;
    trouble.outage.recovered(this.aboutOf(delivery));
  }

  private aboutOf(delivery: DeliveryRow): object {
    return this.sink.about?.(delivery) ?? { delivery: delivery.id };
  }

  private newTrouble(): Trouble {
    if (this.troubles.size >= MAX_KNOWN) for (const name of this.troubles.keys().take(1)) this.troubles.delete(name);
    return { outage: new OutageLog(this.lines, this.who, this.now), last: undefined, failingUntil: 0 };
  }
}

function later(one: LastError | undefined, other: LastError | undefined): LastError | undefined {
  return (other?.at ?? 0) >= (one?.at ?? 0) ? other : one;
}
