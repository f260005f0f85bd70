import type { StoredChannel } from './channel.repository.js';

/**
 * What is stored of a channel, how old it is, and since when nothing was heard of it. Its row tells by the database's clock how old it was when
 * it was read; from then on the monotonic clock counts, whatever is done to wall clocks.
 */
export class ChannelRecord {
  private readonly readAt = performance.now();
  /** When a frame is known to have come before the row was read: epoch ms by our wall clock. */
  readonly seenAt: number;

  constructor(readonly row: StoredChannel) {
    this.seenAt = Date.now() - Math.max(0, row.read_at - row.last_seen_at);
  }

  get ageMs(): number {
    return this.row.read_at - this.row.created_at + performance.now() - this.readAt;
  }

  /** How long it lives in all; undefined when that is not known. */
  get lifeMs(): number | undefined {
    return this.row.expires_at === null ? undefined : this.row.expires_at - this.row.created_at;
  }
}
