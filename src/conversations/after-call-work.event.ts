import { z } from 'zod';
import { conversationOfAcwTopic } from './acw-topic.js';
import { type AfterCallWork, channelOfMedia, directionOf, present } from './after-call-work.js';
import { callbackFacts, listOf, mediaFacts } from './media-facts.js';

/** Every field is optional and may be null (docs/wire-facts.md §4.3); one of a wrong type is as good as absent. */
const text = z.string().nullish().catch(undefined);
const number = z.number().nullish().catch(undefined);
const texts = z.array(text).nullish().catch(undefined);

/** Epoch ms from 1970 to 9999: other times can be written in no record, and some not even as a date. */
const time = z.number().min(0).lt(Date.UTC(10_000, 0)).nullish().catch(undefined);

const acwBody = z.object({
  eventTime: time,
  participantId: text,
  sessionId: text,
  mediaType: text,
  direction: text,
  ani: text,
  dnis: text,
  provider: text,
  messageType: text,
  addressFrom: text,
  addressTo: text,
  subject: text,
  callbackNumbers: texts,
  callbackUserName: text,
  callbackScheduledTime: time,
  conversationExternalContactIds: texts,
  conversationExternalOrganizationIds: texts,
  userId: text,
  queueId: text,
  wrapupCode: text,
  wrapupNotes: text,
  wrapupDurationMs: number,
});

/**
 * The after-call work that an event on an `.acw` topic tells of; undefined when the topic is another or the body is no
 * object. The topic says which conversation it is: it is what we subscribed to.
 */
export function workOfEvent(topic: string, body: unknown): AfterCallWork | undefined {
  const conversationId = conversationOfAcwTopic(topic);
  const parsed = acwBody.safeParse(body);
  if (conversationId === undefined || !parsed.success) return undefined;
  const event = parsed.data;
  const { provider, messageType, addressFrom, addressTo, subject } = event;
  return present<AfterCallWork>({
    obtainedBy: 'event',
    conversationId,
    participantId: event.participantId,
    sessionId: event.sessionId,
    userId: event.userId?.toLowerCase(),
    queueId: event.queueId,
    channel: channelOfMedia(event.mediaType ?? undefined),
    direction: directionOf(event.direction ?? undefined),
    ani: event.ani,
    dnis: event.dnis,
    wrapupCode: event.wrapupCode,
    wrapupNotes: event.wrapupNotes,
    wrapupDurationMs: event.wrapupDurationMs,
    media: mediaFacts({ type: event.mediaType, provider, messageType, addressFrom, addressTo, subject }),
    callback: callbackFacts(event.callbackNumbers, event.callbackUserName, event.callbackScheduledTime),
    externalContactIds: listOf(event.conversationExternalContactIds),
    externalOrganizationIds: listOf(event.conversationExternalOrganizationIds),
    endedAt: event.eventTime,
  });
}
