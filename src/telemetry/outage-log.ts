import { isTold } from '../common/errors.js';
import { causeForLogs } from './error-serializer.js';
import { OutageSchedule } from './outage-schedule.js';

/** Where lines go to: a component's log. */
export interface LineWriter {
  warn(facts: object, message: string): void;
  info(facts: object, message: string): void;
  debug(facts: object, message: string): void;
}

/**
 * The log of something that is tried again and again: a line when it begins to fail, with the cause; a line with the count of
 * failures after 1, 2, 4 … minutes up to an hour; a line when it works again. Everything between is told at debug. Without
 * stacks: where it was called from is no news.
 *
 * It has no timer. Whoever tries again says so by `failed`, and `recovered` costs nothing while all is well.
 */
export class OutageLog {
  private readonly schedule: OutageSchedule;

  /**
   * @param what does not work, as the beginning of a sentence: "Genesys' login" gives "Genesys' login: failing".
   * @param now monotonic milliseconds
   */
  constructor(
    private readonly log: LineWriter,
    private readonly what: string,
    now?: () => number,
  ) {
    this.schedule = new OutageSchedule(now);
  }

  /** @param facts of this failure: ids and figures, no secret and no customer's text. */
  failed(cause: unknown, facts: object = {}): void {
    // Whose failure it is has told it, and will tell its end.
    if (isTold(cause)) return this.log.debug({ ...facts, cause: causeForLogs(cause) }, `${this.what}: failing`);
    const { tell, failures, forS } = this.schedule.failed();
    const line = { ...facts, cause: causeForLogs(cause), ...(failures === 1 ? {} : { failures, forS }) };
    this.log[tell ? 'warn' : 'debug'](line, `${this.what}: ${failures === 1 ? 'failing' : 'still failing'}`);
  }

  /** It worked. @param facts as those of a failure */
  recovered(facts: object = {}): void {
    const end = this.schedule.recovered();
    if (!end) return;
    const { tell, failures, forS } = end;
    this.log[tell ? 'info' : 'debug']({ ...facts, failures, forS }, `${this.what}: works again`);
  }
}
