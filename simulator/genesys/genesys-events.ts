import type { RecordedRequest } from '../common/http-server.js';

/** One text frame of a channel's socket; `in` is what the client sent. */
export interface RecordedFrame {
  at: number;
  channelId: string;
  direction: 'in' | 'out';
  text: string;
}

export type MissReason = 'no-subscription' | 'no-socket' | 'spreading' | 'silent';

/** What GenesysCloud announces. A `type`, so that it fits Record<string, unknown>. */
export type GenesysEvents = {
  token: { grant: string; expiresInS: number };
  channel: { channelId: string };
  connected: { channelId: string };
  disconnected: { channelId: string; code: number };
  subscribed: { channelId: string; topics: string[]; via: 'rest' | 'socket' };
  unsubscribed: { channelId: string; topics: string[]; via: 'rest' | 'socket' };
  /** A request has come and nothing was done yet. */
  arrived: RecordedRequest;
  /** It was answered, or its connection was dropped. */
  request: RecordedRequest;
  frame: RecordedFrame;
  evicted: { channelId: string; reason: RemovalReason };
  'direct-subscribed': { connectionId: string; topics: number };
  'event-sent': { channelId: string; topic: string; eventBody: unknown };
  'event-missed': { channelId?: string; topic: string; reason: MissReason };
  conversation: { conversationId: string; change: string };
};

export type RemovalReason = 'quota' | 'expired' | 'fault' | 'no-longer-subscribed' | 'reset';

export type Announce = <Name extends keyof GenesysEvents>(name: Name, event: GenesysEvents[Name]) => void;
