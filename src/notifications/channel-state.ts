/**
 * The life of a channel.
 *
 * - `creating`: Genesys is being asked for it; topics may be placed here already.
 * - `connecting`: it exists, its first socket is not proven yet.
 * - `open`: a frame has come in answer to our first ping; events flow.
 * - `draining`: open, and a successor is taking over; no topic is placed here any more.
 * - `recovering`: the socket is lost, or the channel was taken over from a process that ended; what it holds is not covered.
 * - `closed`: over; nothing leaves this state.
 */
export type ChannelState = 'creating' | 'connecting' | 'open' | 'draining' | 'recovering' | 'closed';

export const CHANNEL_STATES: readonly ChannelState[] = [
  'creating',
  'connecting',
  'open',
  'draining',
  'recovering',
  'closed',
];

const NEXT: Record<ChannelState, readonly ChannelState[]> = {
  creating: ['connecting', 'closed'],
  connecting: ['open', 'draining', 'closed'],
  open: ['draining', 'recovering', 'closed'],
  draining: ['recovering', 'closed'],
  recovering: ['open', 'draining', 'closed'],
  closed: [],
};

export function mayFollow(from: ChannelState, to: ChannelState): boolean {
  return NEXT[from].includes(to);
}
