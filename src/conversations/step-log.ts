import { Injectable } from '@nestjs/common';
import { HourlyTally, type Tally } from '../common/hourly-tally.js';
import type { InteractionStatus } from '../storage/schema.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { idsForLogs, type LoggedRow } from './correlation.js';

/**
 * One line for each step of an interaction, by which it is followed through the log. Of level debug, since each
 * interaction has five; what somebody must know of (expired, given up) is warned of elsewhere.
 */
@Injectable()
export class StepLog {
  private readonly log: Log;
  private readonly told = new HourlyTally();

  constructor(logs: Logs) {
    this.log = logs.of('interactions');
  }

  /** How many interactions took each step in the last 24 hours, in this process. */
  get steps(): Tally {
    return this.told.read();
  }

  /** To be called after the commit. The line of the address is called `listening`, so these begin with another word. */
  tell(step: InteractionStatus, rows: readonly LoggedRow[], more: object = {}): void {
    if (rows.length > 0) this.told.add(step, rows.length);
    if (!this.log.isLevelEnabled('debug')) return;
    for (const row of rows) this.log.debug({ ...idsForLogs(row), ...more }, `interaction ${step}`);
  }
}
