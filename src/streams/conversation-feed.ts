import type { Observable } from 'rxjs';

/** What a follower asks for. */
export interface FollowRequest {
  /** Lower case. Empty: all conversations, which only the direct transport can give. */
  conversationIds: readonly string[];
  /** Empty: every type. */
  eventTypes: readonly string[];
  /** Dotted paths of fields; `*` for all. */
  include: readonly string[];
  /** Dotted paths of fields that are left out all the same. */
  exclude: readonly string[];
}

/** Something that happened in a conversation, with all its fields. */
export interface ConversationEvent {
  /** The same for the same event, however often it arrives. */
  id: string;
  conversationId: string;
  eventType: string;
  /** ISO 8601. */
  timestamp: string;
  /** Beside those above. May hold customers' text. */
  fields: Readonly<Record<string, unknown>>;
}

/** What a follower is told. */
export type FeedItem =
  | { kind: 'event'; event: ConversationEvent }
  /** From now on nothing is missed. Told once. */
  | { kind: 'ready' }
  /** The way from Genesys was broken: events may have been missed, and are not repeated. */
  | { kind: 'missed'; conversationIds: readonly string[] }
  /** Genesys refuses this type of event, and is asked again later. */
  | { kind: 'refused'; conversationId: string; eventType: string; reason: string };

/** Where conversation events come from. */
export interface ConversationFeed {
  readonly transport: 'channels' | 'direct';
  /** Whether it can follow without being told which conversations. */
  readonly followsAll: boolean;
  /** Those that this transport does not know. */
  unknownTypes(eventTypes: readonly string[]): string[];
  /** Follows from the subscription to its end. Errors at once with `StreamCapacityError` when there is no room. */
  follow(request: FollowRequest): Observable<FeedItem>;
}

/** Injection token of the one feed of `GENESYS_STREAM`. */
export const CONVERSATION_FEED = Symbol('CONVERSATION_FEED');
