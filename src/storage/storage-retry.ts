import { setTimeout as delay } from 'node:timers/promises';
import { backoffDelay } from '../common/backoff.js';
import { StorageUnavailableError } from './storage.errors.js';
import type { Log } from '../telemetry/logs.js';

/** Waits while the database does not answer: ≤ 0.1, 0.2, 0.4 … 5 s. */
const RETRY = { baseMs: 100, capMs: 5_000 };

/** Runs what must not be given up because the database is away for a while. */
export class StorageRetry {
  private readonly stopped = new AbortController();

  constructor(private readonly log: Log) {}

  /** Tries until the database is there. Rejects with any other error at once, and with the last one after `stop`. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (this.stopped.signal.aborted || !(error instanceof StorageUnavailableError)) throw error;
        const waitMs = backoffDelay(RETRY, attempt);
        this.log.warn({ err: error, work: name, attempt: attempt + 1, waitMs }, 'not stored, trying again');
        await delay(waitMs, undefined, { signal: this.stopped.signal }).catch(() => undefined);
      }
    }
  }

  stop(): void {
    this.stopped.abort();
  }
}
