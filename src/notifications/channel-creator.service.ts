import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { backoffDelay } from '../common/backoff.js';
import { asError, GatewayError } from '../common/errors.js';
import { GenesysClient } from '../genesys/genesys.client.js';
import { GenesysRateLimitError } from '../genesys/genesys.errors.js';
import type { GenesysChannel } from '../genesys/genesys.types.js';
import { StorageUnavailableError } from '../storage/storage.errors.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { ChannelBudget } from './channel-budget.service.js';
import { ChannelLease } from './channel-lease.service.js';
import { ChannelRepository, type StoredChannel } from './channel.repository.js';

/** Waits after failed creations: ≤ 1, 2, 4 … 60 s. */
const RETRY = { baseMs: 1_000, capMs: 60_000 };

/**
 * Makes channels at Genesys, one at a time for the whole process: each creation may evict another channel, so a storm of
 * them must not be possible. A creation that is followed by no healthy channel makes the next one wait longer.
 */
@Injectable()
export class ChannelCreator {
  private queue: Promise<unknown> = Promise.resolve();
  private failures = 0;
  private readonly log: Log;
  /** Why the last try failed; undefined after a success. For health. */
  lastError: { code?: string; message: string; at: number } | undefined;

  constructor(
    private readonly client: GenesysClient,
    private readonly channels: ChannelRepository,
    private readonly budget: ChannelBudget,
    private readonly lease: ChannelLease,
    logs: Logs,
  ) {
    this.log = logs.of('channels');
  }

  /**
   * A new channel in this slot, stored before it is used. Tries until it works; rejects when `signal` aborts, and when the
   * slot was given to another because the database was away for long.
   */
  create(slot: string, signal: AbortSignal): Promise<StoredChannel> {
    const created = this.queue.then(() => this.createIn(slot, signal));
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

  private async createIn(slot: string, signal: AbortSignal): Promise<StoredChannel> {
    if (signal.aborted) {
      await this.budget.giveBack(slot);
      signal.throwIfAborted();
    }
    try {
      // A slot that stays taken after this is one whose channel Genesys may be making now.
      return await this.tryUntilCreated(slot, signal);
    } finally {
      this.budget.done(slot);
    }
  }

  private async tryUntilCreated(slot: string, signal: AbortSignal): Promise<StoredChannel> {
    if (this.failures > 0) await delay(backoffDelay(RETRY, this.failures - 1), undefined, { signal });
    for (;;) {
      signal.throwIfAborted();
      let made: GenesysChannel;
      try {
        made = await this.client.createChannel({ signal, check: () => this.lease.assertHeld() });
      } catch (error) {
        signal.throwIfAborted();
        await this.waitAfter(asError(error), signal);
        continue;
      }
      const stored = await this.store(slot, made, signal);
      this.lastError = undefined;
      return stored;
    }
  }

  /** The channel exists now: it must be remembered, however long the database takes, or it would be left behind. */
  private async store(slot: string, channel: GenesysChannel, signal: AbortSignal): Promise<StoredChannel> {
    for (let attempt = 0; ; attempt++) {
      try {
        const stored = await this.channels.fillSlot(slot, channel);
        if (stored) return stored;
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
        const waitMs = backoffDelay(RETRY, attempt);
        this.log.error({ err: error, waitMs }, 'a new channel could not be stored, trying again');
        await delay(waitMs, undefined, { signal });
        continue;
      }
      throw new Error('The slot of a new channel was given to another meanwhile; the channel is not used.');
    }
  }

  private async waitAfter(error: Error, signal: AbortSignal): Promise<void> {
    const askedMs = error instanceof GenesysRateLimitError ? error.retryAfterMs : 0;
    const waitMs = Math.max(askedMs, backoffDelay(RETRY, this.failures++));
    const code = error instanceof GatewayError ? { code: error.code } : {};
    this.lastError = { ...code, message: error.message, at: Date.now() };
    this.log.warn({ err: error, waitMs, failures: this.failures }, 'no channel could be made, trying again');
    await delay(waitMs, undefined, { signal });
  }
}
