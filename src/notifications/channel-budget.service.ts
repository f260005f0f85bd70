import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { asError } from '../common/errors.js';
import { CONFIG, type Config } from '../config/config.js';
import { ReplicaService } from '../storage/replica.service.js';
import { type Log, Logs } from '../telemetry/logs.js';
import { ChannelRepository, type SlotAnswer } from './channel.repository.js';

/**
 * The channels of one OAuth client, counted over all replicas: Genesys allows 20, and the 21st removes another without a
 * word. A slot is taken in the database before Genesys is asked; it becomes the channel, or is given back. One that was
 * left by a process that died is free again after `SLOT_LIFE_MS`; until then Genesys may still be making its channel.
 */
@Injectable()
export class ChannelBudget {
  /** Slots of channels that this process is making. */
  private readonly making = new Set<string>();
  private readonly log: Log;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly channels: ChannelRepository,
    private readonly replica: ReplicaService,
    logs: Logs,
  ) {
    this.log = logs.of('channels');
  }

  /** Those whose owner must be noted as alive (`ChannelRepository.seen`). */
  get slots(): readonly string[] {
    return [...this.making];
  }

  /** A slot for a further channel; one is kept free for hand-overs. @throws StorageUnavailableError */
  takeForTopics(): Promise<SlotAnswer> {
    return this.take(this.config.channels.maxCount - 1);
  }

  /** A slot for the channel that takes over from number `replaces`, if that one is still ours. @throws StorageUnavailableError */
  takeForHandOver(replaces: number | undefined): Promise<SlotAnswer> {
    return this.take(this.config.channels.maxCount, replaces);
  }

  /** Its creation is over. */
  done(id: string): void {
    this.making.delete(id);
  }

  /** No channel was asked for with it. */
  async giveBack(id: string): Promise<void> {
    this.making.delete(id);
    try {
      await this.channels.freeSlot(id);
    } catch (error) {
      this.log.warn({ err: asError(error) }, 'the slot of a channel that is not made stays taken for a while');
    }
  }

  private async take(limit: number, replaces?: number): Promise<SlotAnswer> {
    const { replica, config } = this;
    const request = { client: config.genesys.clientId, owner: replica.id, limit, replaces };
    const answer = await this.channels.takeSlot(randomUUID(), request);
    if (typeof answer === 'object') this.making.add(answer.id);
    return answer;
  }
}
