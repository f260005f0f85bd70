import { Injectable } from '@nestjs/common';
import { GatewayError } from '../common/errors.js';
import { ReplicaService } from '../storage/replica.service.js';
import { ChannelRepository } from './channel.repository.js';

/** This process stood still, or was cut off, for longer than its lease: what it owned may be another replica's. */
export class LeaseLostError extends GatewayError {
  readonly code = 'replica.lease-lost';
  override readonly status = 503;
}

/** Whose a channel is, asked before anything is said to Genesys about it. */
@Injectable()
export class ChannelLease {
  constructor(
    private readonly replica: ReplicaService,
    private readonly channels: ChannelRepository,
  ) {}

  /** @throws LeaseLostError when nothing may be said any more; by then every channel has been let go. */
  assertHeld(): void {
    if (!this.replica.held)
      throw new LeaseLostError('The lease of this replica is over: its channels may be used by another one.');
  }

  /** False when another replica has taken this channel over. @throws StorageUnavailableError when it cannot be told. */
  async isOurs(no: number): Promise<boolean> {
    return this.channels.isOwnedBy(no, this.replica.id);
  }
}
