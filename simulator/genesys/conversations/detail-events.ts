import { contactOfEvent } from './contact.js';
import type { Conversation, Leg, Party } from './conversation.js';

/** An event before it is sent: the last part of its topic, and its body (docs/wire-facts.md §4.4). */
export interface DetailEvent {
  name: string;
  body: Record<string, unknown>;
  /** Of no interest unless somebody asked for it: it is not announced as missed. */
  background?: boolean;
}

export function userStart(conversation: Conversation, leg: Leg): DetailEvent {
  const { userId, queueId } = leg;
  return { name: 'user.start', body: { ...common(conversation, leg, leg.startedAt), userId, queueId } };
}

export function userEnd(conversation: Conversation, leg: Leg): DetailEvent {
  const endedAt = leg.endedAt ?? leg.startedAt;
  const answeredAt = leg.answeredAt ?? endedAt;
  const durations = {
    interactingDurationMs: endedAt - answeredAt,
    heldDurationMs: 0,
    alertingDurationMs: answeredAt - leg.startedAt,
    contactingDurationMs: 0,
    dialingDurationMs: 0,
  };
  const { userId, queueId, disconnectType } = leg;
  return {
    name: 'user.end',
    body: { ...common(conversation, leg, endedAt), userId, queueId, disconnectType, ...durations },
  };
}

export function customerEnd(conversation: Conversation, at?: number): DetailEvent {
  const endedAt = at ?? conversation.endedAt ?? conversation.startedAt;
  const body = common(conversation, conversation.customer, endedAt);
  const interactingDurationMs = endedAt - conversation.startedAt;
  return { name: 'customer.end', body: { ...body, disconnectType: 'PEER', interactingDurationMs } };
}

/** wrapup has no userId, acw has (docs/wire-facts.md §4.4). */
export function wrapup(conversation: Conversation, leg: Leg): DetailEvent {
  const { queueId } = leg;
  return { name: 'wrapup', body: { ...common(conversation, leg, workEnd(leg)), queueId, ...wrapupFields(leg) } };
}

/** Sent at the end of after-call work (docs/wire-facts.md §4.2). */
export function acw(conversation: Conversation, leg: Leg): DetailEvent {
  const { userId, queueId } = leg;
  return { name: 'acw', body: { ...common(conversation, leg, workEnd(leg)), userId, queueId, ...wrapupFields(leg) } };
}

export function topicOf(conversationId: string, event: DetailEvent): string {
  return `v2.detail.events.conversation.${conversationId}.${event.name}`;
}

function workEnd(leg: Leg): number {
  return leg.work?.endedAt ?? leg.endedAt ?? leg.startedAt;
}

/** What all events of a party have. */
export function common(
  { id, media, provider, direction, contact }: Conversation,
  { participantId, sessionId }: Party,
  eventTime: number,
): Record<string, unknown> {
  const party = { eventTime, conversationId: id, participantId, sessionId };
  return { ...party, mediaType: media.event, provider, direction, ...contactOfEvent(contact) };
}

function wrapupFields(leg: Leg): Record<string, unknown> {
  const { work } = leg;
  return {
    ...(work?.code !== undefined && { wrapupCode: work.code }),
    ...(work?.notes !== undefined && { wrapupNotes: work.notes }),
    wrapupDurationMs: workEnd(leg) - (work?.startedAt ?? workEnd(leg)),
  };
}
