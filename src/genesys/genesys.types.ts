/** A notification channel as Genesys answers it (docs/wire-facts.md §2.1). `connectUri` and `id` are secrets. */
export interface GenesysChannel {
  id: string;
  connectUri: string;
  /** Epoch ms; absent when Genesys sent none. */
  expiresAt?: number;
}

/** What became of one topic of a subscribe request with `ignoreErrors=true`. */
export interface TopicState {
  id: string;
  state: 'Permitted' | 'Rejected' | 'Unknown';
  rejectionReason?: string;
}

/** A channel of the OAuth client. Of one that another token made, only that it exists is told (docs/wire-facts.md §2). */
export interface ListedChannel {
  id?: string;
  /** Epoch ms. */
  expiresAt?: number;
}

/** What Genesys says of a topic that can be subscribed (docs/wire-facts.md §2). */
export interface AvailableTopic {
  id: string;
  /** By `requiresPermissions` and `permissionDetails` together. */
  permissions: string[];
  /** `All`, or some of `Websocket`, `EventBridge`, `ProcessAutomation`. */
  transports: string[];
}

/**
 * Which calls go first when the request budget is short: channels and subscriptions keep events coming (`channel`), then
 * look-ups of what may have been missed (`gap`), then those that only make sure (`sweep`).
 */
export const REQUEST_PRIORITIES = ['channel', 'gap', 'sweep'] as const;
export type RequestPriority = (typeof REQUEST_PRIORITIES)[number];
export type LookupPriority = Exclude<RequestPriority, 'channel'>;

/** One page of the organisation's wrap-up codes. */
export interface WrapupCodePage {
  codes: { id: string; name: string }[];
  /** Pages in all; at least 1. */
  pages: number;
}
