/** A notification channel as Genesys answers it (spec/genesys-cloud.md §2.1). `connectUri` and `id` are secrets. */
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

/** Which calls go first when the request budget is short: channels keep events coming, look-ups can wait. */
export type RequestPriority = 'channel' | 'lookup';

/** `GET /api/v2/conversations/{id}`: the parts that tell whether after-call work is over (spec §5.1). All optional, all nullable. */
export interface Conversation {
  id?: string | null;
  participants?: ConversationParticipant[] | null;
}

export interface ConversationParticipant {
  id?: string | null;
  purpose?: string | null;
  userId?: string | null;
  queueId?: string | null;
  ani?: string | null;
  dnis?: string | null;
  wrapupRequired?: boolean | null;
  wrapupSkipped?: boolean | null;
  startAcwTime?: string | null;
  endAcwTime?: string | null;
  wrapup?: ConversationWrapup | null;
  calls?: ConversationCommunication[] | null;
  chats?: ConversationCommunication[] | null;
  emails?: ConversationCommunication[] | null;
  messages?: ConversationCommunication[] | null;
  callbacks?: ConversationCommunication[] | null;
  cobrowsesessions?: ConversationCommunication[] | null;
  videos?: ConversationCommunication[] | null;
  screenshares?: ConversationCommunication[] | null;
}

export interface ConversationCommunication {
  id?: string | null;
  direction?: string | null;
  afterCallWork?: { startTime?: string | null; endTime?: string | null; state?: string | null } | null;
  afterCallWorkRequired?: boolean | null;
  wrapup?: ConversationWrapup | null;
}

export interface ConversationWrapup {
  code?: string | null;
  notes?: string | null;
  durationSeconds?: number | null;
  endTime?: string | null;
  provisional?: boolean | null;
}

/** `GET /api/v2/analytics/conversations/details?id=…`: one entry per conversation that Genesys knows (spec §5.3). */
export interface AnalyticsConversation {
  conversationId?: string | null;
  conversationEnd?: string | null;
  originatingDirection?: string | null;
  participants?: AnalyticsParticipant[] | null;
}

export interface AnalyticsParticipant {
  participantId?: string | null;
  purpose?: string | null;
  userId?: string | null;
  sessions?: AnalyticsSession[] | null;
}

export interface AnalyticsSession {
  sessionId?: string | null;
  mediaType?: string | null;
  direction?: string | null;
  ani?: string | null;
  dnis?: string | null;
  acwSkipped?: boolean | null;
  metrics?: { name?: string | null; value?: number | null; emitDate?: string | null }[] | null;
  segments?: AnalyticsSegment[] | null;
}

export interface AnalyticsSegment {
  segmentType?: string | null;
  segmentStart?: string | null;
  segmentEnd?: string | null;
  queueId?: string | null;
  wrapUpCode?: string | null;
  wrapUpNote?: string | null;
}
