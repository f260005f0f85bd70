import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { asError } from '../common/errors.js';
import type { Log } from '../telemetry/logs.js';
import { OutageLog } from '../telemetry/outage-log.js';
import { clientConfig } from './postgres.pool.js';
import { REPLICA_LOCK_CLASS } from './replica.repository.js';

/** Well under the time for which others watch a free lock before they believe it (`CONFIRM_MS`). */
const RELOCK_PAUSE_MS = 250;

/**
 * The advisory lock that shows this process to be alive, held through a connection of its own: the server frees it as
 * soon as the connection ends, however the process died. A connection that breaks is made again until `release`.
 */
export class ReplicaLock {
  private client: pg.Client | undefined;
  private holding: Promise<void> | undefined;
  private readonly stopped = new AbortController();
  private readonly outage: OutageLog;

  /** @param onLost the connection ended, so others see the lock free until it is taken again. */
  constructor(
    private readonly url: string,
    private readonly key: number,
    private readonly log: Log,
    private readonly onLost: () => void,
  ) {
    this.outage = new OutageLog(log, 'the replica lock');
  }

  /** Takes the lock. @throws when the server cannot be reached now; afterwards it is kept without further calls. */
  async acquire(): Promise<void> {
    await this.connect();
  }

  get held(): boolean {
    return this.client !== undefined;
  }

  async release(): Promise<void> {
    this.stopped.abort();
    await this.holding;
    const client = this.client;
    this.client = undefined;
    await client?.end().catch((error: unknown) => this.log.debug({ err: error }, 'the lock connection ended badly'));
  }

  private async connect(): Promise<void> {
    const client = new pg.Client({ ...clientConfig(this.url), application_name: 'genesys-gateway replica lock' });
    const ended = (): void => this.ended(client);
    client.on('error', ended);
    client.on('end', ended);
    try {
      await client.connect();
      // Waits at most a moment for somebody who looks whether we are dead; longer means that we were taken over.
      await client.query(`set lock_timeout = '2s'`);
      await client.query('select pg_advisory_lock($1, $2)', [REPLICA_LOCK_CLASS, this.key]);
    } catch (error) {
      client.off('end', ended);
      await client.end().catch((cause: unknown) => this.log.debug({ err: cause }, 'a lock connection ended badly'));
      throw error;
    }
    if (this.stopped.signal.aborted) await client.end();
    else this.client = client;
  }

  private ended(client: pg.Client): void {
    if (this.client !== client) return;
    this.client = undefined;
    this.outage.failed('its connection was lost');
    this.onLost();
    this.holding = this.reconnect();
  }

  private async reconnect(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      try {
        await this.connect();
        this.outage.recovered();
        return;
      } catch (error) {
        this.log.debug({ err: asError(error) }, 'the replica lock cannot be taken yet');
      }
      await sleep(RELOCK_PAUSE_MS, undefined, { signal: this.stopped.signal }).catch(() => undefined);
    }
  }
}
