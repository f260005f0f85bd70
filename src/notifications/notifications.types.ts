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
