import type { ChannelState } from './channel-state.js';

/** An event on a topic that somebody wanted. */
export interface TopicEvent {
  topic: string;
  body: unknown;
  /** Epoch ms at which its frame arrived. */
  receivedAt: number;
}

/** Genesys refuses a topic: it is asked for again after `retryMs`. */
export interface TopicRejected {
  topic: string;
  reason: string;
  retryMs: number;
}

/** A channel as operators see it: no id, no address, only a hash of the id. */
export interface ChannelView {
  no: number | null;
  hash: string | null;
  state: ChannelState;
  topics: number;
  wanted: number;
  lastFrameAgeMs: number | null;
  createdAt: string | null;
  expiresAt: string | null;
}
