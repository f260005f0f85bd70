import type { Channel } from './channel.js';
import type { ChannelState } from './channel-state.js';

/** Where a topic may be placed; the earlier, the better: an open channel covers at once. */
const PREFERENCE: readonly ChannelState[] = ['open', 'connecting', 'creating', 'recovering'];

/**
 * The channel that takes the next topic: the fullest that has room, so that the others can empty and close. Undefined
 * when all are full.
 */
export function chooseChannel(channels: Iterable<Channel>): Channel | undefined {
  let best: Channel | undefined;
  for (const channel of channels) {
    const rank = PREFERENCE.indexOf(channel.state);
    if (rank < 0 || !channel.hasRoom) continue;
    if (!best || isBetter(channel, rank, best)) best = channel;
  }
  return best;
}

function isBetter(channel: Channel, rank: number, best: Channel): boolean {
  const bestRank = PREFERENCE.indexOf(best.state);
  return rank === bestRank ? channel.subscriptions.load > best.subscriptions.load : rank < bestRank;
}
