import type { StorageUnavailableError } from './storage.errors.js';
import type { LineWriter } from '../telemetry/outage-log.js';
import { OutageLog } from '../telemetry/outage-log.js';

/**
 * Whether the database can be used, as its own statements find out: the one place that tells the log when it cannot and when it
 * can again. All who meet the error meanwhile say so at debug, since they have nothing to add.
 */
export class StorageOutage {
  private readonly outage: OutageLog;
  private isAway = false;

  constructor(log: LineWriter) {
    this.outage = new OutageLog(log, 'the database');
  }

  /** The last that was heard of it is a failure. */
  get away(): boolean {
    return this.isAway;
  }

  /** A statement could not be carried out, or a connection not be made. */
  met(error: StorageUnavailableError): void {
    if (error.told) return;
    this.isAway = true;
    this.outage.failed(error);
    error.told = true;
  }

  /** A write went through. Reading proves nothing: of a full disk, or of a standby, one can read. */
  wrote(): void {
    if (!this.isAway) return;
    this.isAway = false;
    this.outage.recovered();
  }
}
