import type { Channel } from './channel.js';
import type { ChannelState } from './channel-state.js';

/** What a channel tells its manager, in order. */
export type ChannelSignal = { channel: Channel } & (
  | { kind: 'state'; from: ChannelState; to: ChannelState; reason: string }
  | { kind: 'event'; topic: string; body: unknown; receivedAt: number }
  | { kind: 'confirmed'; topics: string[] }
  /** The socket is lost (or was silent) since `since`, epoch ms: what the channel holds is not covered. */
  | { kind: 'lost'; reason: string; since: number }
  | { kind: 'missing'; topics: string[]; since: number }
  | { kind: 'rejected'; topic: string; reason: string }
  | { kind: 'full'; topics: string[] }
  /** Genesys announced that it closes the socket. */
  | { kind: 'closing' }
  | { kind: 'token-revoked' }
  | { kind: 'gone'; reason: string }
);

/** A signal before the channel has put its name to it. */
export type Told = ChannelSignal extends infer S ? (S extends ChannelSignal ? Omit<S, 'channel'> : never) : never;
