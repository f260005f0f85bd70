import { shortHash } from '../common/short-hash.js';
import type { Channel } from '../notifications/channel.js';
import type { ChannelState } from '../notifications/channel-state.js';

/** A channel as operators see it: its id and address are secrets, so only a hash of the id is shown. */
export interface ChannelView {
  no: number | null;
  hash: string | null;
  state: ChannelState;
  /** Topics that Genesys has confirmed. */
  topics: number;
  /** Topics that are wanted here. */
  wanted: number;
  lastFrameAgeMs: number | null;
  createdAt: string | null;
  expiresAt: string | null;
}

export function channelViews(channels: Iterable<Channel>): ChannelView[] {
  return [...channels].map(viewOf).sort((a, b) => (a.no ?? Infinity) - (b.no ?? Infinity));
}

function viewOf(channel: Channel): ChannelView {
  const row = channel.stored;
  return {
    no: row?.no ?? null,
    hash: row ? shortHash(row.genesys_id) : null,
    state: channel.state,
    topics: channel.subscriptions.heldTopics.size,
    wanted: channel.subscriptions.wantedTopics.size,
    lastFrameAgeMs: channel.quietForMs === undefined ? null : Math.round(channel.quietForMs),
    createdAt: row ? new Date(row.created_at).toISOString() : null,
    expiresAt: row?.expires_at ? new Date(row.expires_at).toISOString() : null,
  };
}
