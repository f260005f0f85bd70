const MINUTE_MS = 60_000;

/** Failures that go on are told again after 1, 2, 4 … minutes, at most once an hour: 30 lines in a day, with first and last. */
const LONGEST_PAUSE_MS = 60 * MINUTE_MS;

/** What fails again so soon after its end is the same outage: one that comes and goes must not fill the log either. */
const SAME_OUTAGE_MS = MINUTE_MS;

/**
 * A failure that comes so long after the last one is a new outage. For those that are never told of a recovery; longer than
 * every pause between two tries, of which RETRY_CAP_MS is the longest by default with 10 minutes.
 */
const FORGOTTEN_AFTER_MS = 15 * MINUTE_MS;

/** Whether something is worth a line, and how it stands with its outage. */
export interface OutageFigures {
  tell: boolean;
  /** Failures of this outage so far. */
  failures: number;
  /** Seconds since it began. */
  forS: number;
}

interface Outage {
  beganAt: number;
  failures: number;
  lastFailureAt: number;
  /** When the next failure is worth a line, and how long the pause before it is. */
  tellAt: number;
  pauseMs: number;
  /** The last line says that it goes on. */
  told: boolean;
  /** When it was over; it may come again. */
  endedAt: number | undefined;
}

/** When the failures of one thing are worth a line in the log. */
export class OutageSchedule {
  private outage: Outage | undefined;

  /** @param now monotonic milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  failed(): OutageFigures {
    const at = this.now();
    if (this.outage === undefined || isOver(this.outage, at)) {
      this.outage = newOutage(at);
      return figures(this.outage, at, true);
    }
    const { outage } = this;
    outage.failures++;
    outage.lastFailureAt = at;
    outage.endedAt = undefined;
    const tell = at >= outage.tellAt;
    if (tell) {
      outage.told = true;
      outage.pauseMs = Math.min(outage.pauseMs * 2, LONGEST_PAUSE_MS);
      outage.tellAt = at + outage.pauseMs;
    }
    return figures(outage, at, tell);
  }

  /** Undefined when nothing went before. */
  recovered(): OutageFigures | undefined {
    const { outage } = this;
    if (outage === undefined || outage.endedAt !== undefined) return undefined;
    const at = this.now();
    const tell = outage.told;
    outage.endedAt = at;
    outage.told = false;
    return figures(outage, at, tell);
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

function figures({ beganAt, failures }: Outage, at: number, tell: boolean): OutageFigures {
  return { tell, failures, forS: Math.round((at - beganAt) / 1_000) };
}
