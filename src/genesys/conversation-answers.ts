import { z } from 'zod';

/** Every field is optional and may be null; one of a wrong type is as good as absent. */
const text = z.string().nullish().catch(undefined);
const number = z.number().nullish().catch(undefined);
const texts = z.array(text).nullish().catch(undefined);
const flag = z.boolean().nullish().catch(undefined);

/**
 * A list whose entries are read one by one: null stands for an entry that is none of its kind. What is no list at all is
 * one such entry, so that whoever reads it knows that something could not be read.
 */
function listOf<Entry extends z.ZodType>(entry: Entry) {
  return z.array(entry.nullable().catch(null)).nullish().catch([null]);
}

const wrapup = z
  .object({ code: text, name: text, notes: text, durationSeconds: number, endTime: text, provisional: flag })
  .nullish()
  .catch(undefined);

/** The official model `Address`. */
const address = z.object({ addressNormalized: text, addressRaw: text }).nullish().catch(undefined);

const communications = listOf(
  z.object({
    id: text,
    direction: text,
    provider: text,
    startAlertingTime: text,
    connectedTime: text,
    /** Of a message: its kind. */
    type: text,
    fromAddress: address,
    toAddress: address,
    subject: text,
    callbackNumbers: texts,
    callbackUserName: text,
    callbackScheduledTime: text,
    afterCallWork: z.object({ startTime: text, endTime: text, state: text }).nullish().catch(undefined),
    afterCallWorkRequired: flag,
    wrapup,
  }),
);

/** `GET /api/v2/conversations/{id}`: the parts that tell whether after-call work is over (docs/wire-facts.md §5.1). */
const conversation = z.object({
  id: text,
  endTime: text,
  participants: listOf(
    z.object({
      id: text,
      purpose: text,
      userId: text,
      queueId: text,
      ani: text,
      dnis: text,
      address: text,
      externalContactId: text,
      externalOrganizationId: text,
      wrapupRequired: flag,
      wrapupSkipped: flag,
      startAcwTime: text,
      endAcwTime: text,
      wrapup,
      calls: communications,
      chats: communications,
      emails: communications,
      messages: communications,
      callbacks: communications,
      cobrowsesessions: communications,
      videos: communications,
      screenshares: communications,
      internalMessages: communications,
      socialExpressions: communications,
    }),
  ),
});

/** `GET /api/v2/analytics/conversations/details?id=…`: one entry per conversation that Genesys knows (docs/wire-facts.md §5.3). */
const analyticsConversation = z.object({
  conversationId: text,
  conversationEnd: text,
  originatingDirection: text,
  participants: listOf(
    z.object({
      participantId: text,
      purpose: text,
      userId: text,
      externalContactId: text,
      externalOrganizationId: text,
      sessions: listOf(
        z.object({
          sessionId: text,
          mediaType: text,
          direction: text,
          ani: text,
          dnis: text,
          provider: text,
          messageType: text,
          addressFrom: text,
          addressTo: text,
          callbackNumbers: texts,
          callbackUserName: text,
          callbackScheduledTime: text,
          acwSkipped: flag,
          metrics: listOf(z.object({ name: text, value: number, emitDate: text })),
          segments: listOf(
            z.object({
              segmentType: text,
              segmentStart: text,
              segmentEnd: text,
              queueId: text,
              subject: text,
              wrapUpCode: text,
              wrapUpNote: text,
            }),
          ),
        }),
      ),
    }),
  ),
});

export type Conversation = z.output<typeof conversation>;
export type ConversationParticipant = NonNullable<NonNullable<Conversation['participants']>[number]>;
export type ConversationCommunication = NonNullable<NonNullable<ConversationParticipant['calls']>[number]>;
export type ConversationWrapup = NonNullable<ConversationCommunication['wrapup']>;

export type AnalyticsConversation = z.output<typeof analyticsConversation>;
export type AnalyticsParticipant = NonNullable<NonNullable<AnalyticsConversation['participants']>[number]>;
export type AnalyticsSession = NonNullable<NonNullable<AnalyticsParticipant['sessions']>[number]>;
export type AnalyticsSegment = NonNullable<NonNullable<AnalyticsSession['segments']>[number]>;

/** What can be read of an object. */
export function conversationOf(fields: Record<string, unknown>): Conversation {
  return conversation.parse(fields);
}

/** What can be read of each entry; those that are no objects are left out. */
export function analyticsConversationsOf(entries: readonly unknown[]): AnalyticsConversation[] {
  return entries.flatMap((entry) => analyticsConversation.safeParse(entry).data ?? []);
}
