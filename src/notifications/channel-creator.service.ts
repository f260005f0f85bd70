import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { backoffDelay } from '../common/backoff.js';
import { asError } from '../common/errors.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { GenesysRateLimitError } from '../genesys/genesys.errors.js';
import { ReplicaService } from '../storage/replica.service.js';
import type { ChannelRow } from '../storage/schema.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { ChannelRepository } from './channel.repository.js';

/** Waits after failed creations: ≤ 1, 2, 4 … 60 s. */
const RETRY = { baseMs: 1_000, capMs: 60_000 };

/**
 * Makes channels at Genesys, one at a time for the whole process: each creation may evict a live sibling (wire facts
 * §7.1), so a storm of them must not be possible. A creation that is followed by no healthy channel makes the next one
 * wait longer.
 */
@Injectable()
export class ChannelCreator {
  private queue: Promise<unknown> = Promise.resolve();
  private failures = 0;
  private readonly log: Log;
  /** Why the last try failed; undefined after a success. For health. */
  lastError: { message: string; at: number } | undefined;

  constructor(
    private readonly client: GenesysClient,
    private readonly channels: ChannelRepository,
    private readonly replica: ReplicaService,
    logs: Logs,
  ) {
    this.log = logs.of('channels');
  }

  /** A new channel, stored before it is used. Tries until it works; rejects only when `signal` aborts. */
  create(signal: AbortSignal): Promise<ChannelRow> {
    const created = this.queue.then(() => this.tryUntilCreated(signal));
    this.queue = created.catch(() => undefined);
    return created;
  }

  /** A channel has proven healthy: creations need not wait any more. */
  healthy(): void {
    this.failures = 0;
  }

  /** A channel died young: the next creation waits. */
  diedYoung(): void {
    this.failures += 1;
  }

  private async tryUntilCreated(signal: AbortSignal): Promise<ChannelRow> {
    if (this.failures > 0) await delay(backoffDelay(RETRY, this.failures - 1), undefined, { signal });
    for (;;) {
      signal.throwIfAborted();
      try {
        const row = await this.store(await this.client.createChannel({ signal }), signal);
        this.lastError = undefined;
        return row;
      } catch (error) {
        signal.throwIfAborted();
        await this.waitAfter(asError(error), signal);
      }
    }
  }

  /** The channel exists now: it must be remembered, however long the database takes, or it would be left behind. */
  private async store(channel: Parameters<ChannelRepository['insert']>[0], signal: AbortSignal): Promise<ChannelRow> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.channels.insert(channel, this.replica.id);
      } catch (error) {
        const waitMs = backoffDelay(RETRY, attempt);
        this.log.error({ err: error, waitMs }, 'a new channel could not be stored, trying again');
        await delay(waitMs, undefined, { signal });
      }
    }
  }

  private async waitAfter(error: Error, signal: AbortSignal): Promise<void> {
    const askedMs = error instanceof GenesysRateLimitError ? error.retryAfterMs : 0;
    const waitMs = Math.max(askedMs, backoffDelay(RETRY, this.failures++));
    this.lastError = { message: error.message, at: Date.now() };
    this.log.warn({ err: error, waitMs, failures: this.failures }, 'no channel could be made, trying again');
    await delay(waitMs, undefined, { signal });
  }
}
