import type {
  AnalyticsConversation,
  AnalyticsSession,
  Conversation,
  ConversationCommunication,
  ConversationParticipant,
} from '../genesys/conversation-answers.js';

/** Who may be at the other end, the likelier first. */
const PURPOSES = ['customer', 'external'];

/** The lists of communications that a participant may have. */
export type CommunicationList = {
  [Key in keyof ConversationParticipant]-?: ConversationParticipant[Key] extends ConversationParticipant['calls']
    ? Key
    : never;
}[keyof ConversationParticipant];

/** The customers of a conversation, then its external parties. */
export function customersOf<Participant extends { purpose?: string | null | undefined }>(
  participants: readonly (Participant | null)[] | null | undefined,
): Participant[] {
  const there = (participants ?? []).filter((participant) => participant !== null);
  return PURPOSES.flatMap((purpose) => there.filter((participant) => participant.purpose?.toLowerCase() === purpose));
}

/** The customer's sessions of this medium: of a conversation that began as a callback, say, without the call. */
export function customerSessions(
  conversation: AnalyticsConversation,
  mediaType: string | null | undefined,
): AnalyticsSession[] {
  const medium = mediaType?.toLowerCase();
  return customersOf(conversation.participants)
    .flatMap((customer) => customer.sessions ?? [])
    .filter((session) => session !== null)
    .filter((session) => session.mediaType?.toLowerCase() === medium);
}

/** The customers that take part by this medium, each with what is told of it there. */
export function customersBy(
  list: CommunicationList,
  conversation: Conversation,
): { customer: ConversationParticipant; communication: ConversationCommunication }[] {
  return customersOf(conversation.participants).flatMap((customer) =>
    (customer[list] ?? [])
      .filter((communication) => communication !== null)
      .map((communication) => ({ customer, communication })),
  );
}

/** The first that has a value. */
export function firstOf<Entry, Value>(
  entries: readonly Entry[],
  read: (entry: Entry) => Value | null | undefined,
): Value | undefined {
  for (const entry of entries) {
    const value = read(entry);
    if (value !== null && value !== undefined) return value;
  }
  return undefined;
}
