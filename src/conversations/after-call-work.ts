import type { HistoryRecord } from '../history/record.js';
import type { InteractionChannel } from './interaction.schemas.js';

/** One agent's finished after-call work on one conversation, however we learned of it. */
export interface AfterCallWork {
  obtainedBy: 'event' | 'lookup';
  conversationId: string;
  participantId?: string;
  sessionId?: string;
  userId?: string;
  queueId?: string;
  channel?: InteractionChannel;
  direction?: string;
  ani?: string;
  dnis?: string;
  wrapupCode?: string;
  wrapupName?: string;
  wrapupNotes?: string;
  wrapupDurationMs?: number;
  media?: NonNullable<HistoryRecord['media']>;
  callback?: NonNullable<HistoryRecord['callback']>;
  externalContactIds?: string[];
  externalOrganizationIds?: string[];
  /**
   * Found by a look-up, of an agent who was only alerted, where the work of one who talked goes before: it completes only an
   * interaction that names this agent.
   */
  outranked?: true;
  /** Epoch ms, by Genesys' clock. */
  endedAt?: number;
  /** How far Genesys' clock is behind the database's, in ms, where that was measured. */
  clockBehindMs?: number;
}

const CHANNEL_OF_MEDIA: Record<string, InteractionChannel> = {
  VOICE: 'CALL',
  CALL: 'CALL',
  CHAT: 'CHAT',
  EMAIL: 'EMAIL',
  MESSAGE: 'MESSAGE',
  CALLBACK: 'CALLBACK',
};

/** Genesys' media type (any case, any spelling it may add later) as the channel of a record. */
export function channelOfMedia(mediaType: string | undefined): InteractionChannel | undefined {
  return mediaType === undefined ? undefined : (CHANNEL_OF_MEDIA[mediaType.toUpperCase()] ?? 'OTHER');
}

/** Events say `INBOUND`, look-ups `inbound`; `UNKNOWN` says nothing. */
export function directionOf(direction: string | undefined): string | undefined {
  const upper = direction?.toUpperCase();
  return upper === undefined || upper === '' || upper === 'UNKNOWN' ? undefined : upper;
}

/** The same object without the fields that have no value: absent and null mean the same at Genesys. */
export function present<T extends object>(fields: { [K in keyof T]: T[K] | null | undefined }): T {
  const kept: Partial<T> = {};
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined && value !== null) kept[key] = value;
  }
  return kept as T;
}
