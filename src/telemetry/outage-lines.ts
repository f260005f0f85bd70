import type { LogFn, Logger } from 'pino';
import { GatewayError, isTold } from '../common/errors.js';
import { causeForLogs } from './error-serializer.js';
import { OutageSchedule } from './outage-schedule.js';

const WARN = 40;
const FATAL = 60;

/** Somebody else is away, slow or overloaded; what Genesys refuses it refuses again. */
const PASSING = [408, 429, 502, 503, 504];

/** Messages are literals in the sources, so there are few; one that is made up must not grow the map. */
const MAX_KINDS = 500;

/**
 * Lines at warn and above about an outage, of whatever part: many retry at once, and an outage of a day must not fill a disk.
 * Each message of each component is told as `OutageSchedule` says, with its count and without stacks; the rest at debug, and
 * so is what the log has been told by whom it concerns.
 */
export class OutageLines {
  private readonly schedules = new Map<string, OutageSchedule>();

  /** Pino's hook: every line that is going to be written passes here. */
  readonly logMethod = (log: Logger, args: Parameters<LogFn>, method: LogFn, level: number): void => {
    const [facts, message] = args as [unknown, unknown];
    const error = level >= WARN ? errorIn(facts) : undefined;
    if (error === undefined || !isOutage(error)) return method.apply(log, args);
    const { err: _, ...rest } = facts as { err: unknown };
    if (level < FATAL && isTold(error)) return log.debug({ ...rest, cause: causeForLogs(error) }, String(message));
    const schedule = this.of(`${String(log.bindings()['component'])} ${String(message)}`);
    const { tell, failures, forS } = schedule.failed();
    const line = { ...rest, cause: causeForLogs(error), ...(failures === 1 ? {} : { failures, forS }) };
    if (tell) method.apply(log, [line, message] as unknown as Parameters<LogFn>);
    else log.debug(line, String(message));
  };

  private of(kind: string): OutageSchedule {
    let schedule = this.schedules.get(kind);
    if (schedule) return schedule;
    if (this.schedules.size >= MAX_KINDS) this.schedules.clear();
    schedule = new OutageSchedule();
    this.schedules.set(kind, schedule);
    return schedule;
  }
}

function errorIn(facts: unknown): unknown {
  return typeof facts === 'object' && facts !== null && 'err' in facts ? facts.err : undefined;
}

function isOutage(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false;
  return PASSING.includes(error.status) || error.code.startsWith('genesys.');
}
