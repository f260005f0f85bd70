import { causeForLogs } from './error-serializer.js';
import type { Log } from './logs.js';

const MINUTE_MS = 60_000;

/** Failures that go on are told again after 1, 2, 4 … minutes, at most once an hour: 30 lines in a day, the first and the last among them. */
const LONGEST_PAUSE_MS = 60 * MINUTE_MS;

/** What fails again so soon after its end is the same outage: one that comes and goes must not fill the log either. */
const SAME_OUTAGE_MS = MINUTE_MS;

/**
 * A failure that comes so long after the last one is a new outage. For those that are never told of a recovery; longer than
 * every pause between two tries, of which RETRY_CAP_MS is the longest by default with 10 minutes.
 */
const FORGOTTEN_AFTER_MS = 15 * MINUTE_MS;

interface Outage {
  beganAt: number;
  failures: number;
  lastFailureAt: number;
  /** When the next failure is worth a line, and how long the pause after that one is. */
  tellAt: number;
  pauseMs: number;
  /** Its last line says that it goes on. */
  told: boolean;
  /** When it was over; it may come again. */
  endedAt: number | undefined;
}

/**
 * The log of something that is tried again and again: a line when it begins to fail, with the cause; a line with the count of
 * failures after 1, 2, 4 … minutes up to an hour; a line when it works again. Everything between is told at debug. Without
 * stacks: where it was called from is no news.
 *
 * It has no timer. Whoever tries again says so by `failed`, and `recovered` costs nothing while all is well.
 */
export class OutageLog {
  private outage: Outage | undefined;

  /**
   * @param what does not work, as the beginning of a sentence: "Genesys' login" gives "Genesys' login: failing".
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly log: Log,
    private readonly what: string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param facts of this failure: ids and figures, no secret and no customer's text. */
  failed(cause: unknown, facts: object = {}): void {
    const at = this.now();
    const { outage } = this;
    const line = { ...facts, cause: causeForLogs(cause) };
    if (outage === undefined || isOver(outage, at)) {
      this.outage = newOutage(at);
      this.log.warn(line, `${this.what}: failing`);
      return;
    }
    outage.failures++;
    outage.lastFailureAt = at;
    outage.endedAt = undefined;
    if (at < outage.tellAt) {
      this.log.debug({ ...line, failures: outage.failures }, `${this.what}: still failing`);
      return;
    }
    outage.told = true;
    outage.pauseMs = Math.min(outage.pauseMs * 2, LONGEST_PAUSE_MS);
    outage.tellAt = at + outage.pauseMs;
    this.log.warn({ ...line, ...figures(outage, at) }, `${this.what}: still failing`);
  }

  /** It worked. */
  recovered(): void {
    const { outage } = this;
    if (outage === undefined || outage.endedAt !== undefined) return;
    const at = this.now();
    outage.endedAt = at;
    this.log[outage.told ? 'info' : 'debug'](figures(outage, at), `${this.what}: works again`);
    outage.told = false;
  }
}

function newOutage(at: number): Outage {
  return {
    beganAt: at,
    failures: 1,
    lastFailureAt: at,
    tellAt: at + MINUTE_MS,
    pauseMs: MINUTE_MS,
    told: true,
    endedAt: undefined,
  };
}

function isOver({ endedAt, lastFailureAt }: Outage, at: number): boolean {
  return at - lastFailureAt > FORGOTTEN_AFTER_MS || (endedAt !== undefined && at - endedAt > SAME_OUTAGE_MS);
}

function figures({ beganAt, failures }: Outage, at: number): { failures: number; forS: number } {
  return { failures, forS: Math.round((at - beganAt) / 1_000) };
}
