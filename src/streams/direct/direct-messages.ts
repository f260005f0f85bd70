import type { ConversationEvent, FollowRequest } from '../conversation-feed.js';
import { contentId } from '../event-id.js';

/** Fields that every event needs; a follower gets them whatever it includes. */
const NAMED = ['conversationId', 'eventType', 'timestamp'];

/** One entry of a SubscriptionRequest, as the streaming tutorial has it. */
interface SubscribedTopic {
  type: 'ConversationEvent';
  filter: { conversationId?: string; include: string[]; exclude?: string[] };
}

export interface SubscriptionRequest {
  type: 'SubscriptionRequest';
  topics: SubscribedTopic[];
}

/** Conversations that are named one by one; for more, all are asked for and sorted out here. */
const MAX_NAMED_CONVERSATIONS = 50;

/**
 * One request that gives all followers what they asked for: every conversation of anyone, every field of anyone, and
 * left out only what all leave out. What is too much for one of them is sorted out here.
 */
export function subscriptionFor(requests: readonly FollowRequest[]): SubscriptionRequest {
  const include = new Set(requests.flatMap((request) => request.include));
  const all = include.size === 0 || include.has('*') || requests.some((request) => request.include.length === 0);
  const [first, ...others] = requests;
  const exclude = (first?.exclude ?? [])
    .filter((path) => others.every((other) => other.exclude.includes(path)))
    .filter((path) => path !== '*' && !NAMED.includes(path));
  const filter = {
    include: all ? ['*'] : [...new Set([...NAMED, ...include])],
    ...(exclude.length > 0 ? { exclude } : {}),
  };
  const conversationIds = new Set(requests.flatMap((request) => request.conversationIds));
  const broad =
    conversationIds.size > MAX_NAMED_CONVERSATIONS || requests.some((request) => request.conversationIds.length === 0);
  const topics = broad
    ? [{ type: 'ConversationEvent' as const, filter }]
    : [...conversationIds].map((conversationId) => ({
        type: 'ConversationEvent' as const,
        filter: { conversationId, ...filter },
      }));
  return { type: 'SubscriptionRequest', topics };
}

/** What Genesys says on the stream. */
export type DirectMessage =
  | { kind: 'confirmed' }
  | { kind: 'event'; event: ConversationEvent }
  | { kind: 'error'; message: string }
  /** Of a type that is not known here, or not readable. */
  | { kind: 'other' };

const MAX_ERROR_LENGTH = 200;

export function readMessage(text: string, receivedAt: number): DirectMessage {
  const message = objectOf(jsonOf(text));
  switch (message?.['type']) {
    case 'SubscriptionConfirmation':
      return { kind: 'confirmed' };
    case 'Error':
      return { kind: 'error', message: harmless(message['message']) };
    case 'ConversationEvent': {
      const event = eventOf(message, receivedAt);
      return event ? { kind: 'event', event } : { kind: 'other' };
    }
    default:
      return { kind: 'other' };
  }
}

/** Fit for logs: short, and without anything as long as a token. */
function harmless(text: unknown): string {
  const words = typeof text === 'string' ? text : 'no message';
  return words.slice(0, MAX_ERROR_LENGTH).replace(/[\w-]{20,}/g, '…');
}

function eventOf(message: Record<string, unknown>, receivedAt: number): ConversationEvent | undefined {
  const { conversationId, eventType, timestamp, ...fields } = objectOf(message['payload']) ?? {};
  if (typeof conversationId !== 'string' || typeof eventType !== 'string') return undefined;
  const time = new Date(typeof timestamp === 'string' || typeof timestamp === 'number' ? timestamp : Number.NaN);
  return {
    id: typeof message['id'] === 'string' ? message['id'] : contentId(message['payload']),
    conversationId: conversationId.toLowerCase(),
    eventType,
    timestamp: (Number.isNaN(time.getTime()) ? new Date(receivedAt) : time).toISOString(),
    fields,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Counted as `other`: one unreadable message is no reason to end the stream.
    return undefined;
  }
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
