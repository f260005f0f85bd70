import type { AfterCallWork, Conversation, Leg } from './conversation.js';
import { restDisconnectType } from './disconnect-type.js';

type Json = Record<string, unknown>;
const iso = (at: number): string => new Date(at).toISOString();

/** GET /api/v2/conversations/{id}: the Conversation of docs/wire-facts.md §5.1. */
export function conversationView(conversation: Conversation): Json {
  const { id, startedAt, endedAt, media, customer } = conversation;
  const caller = {
    id: customer.participantId,
    purpose: 'customer',
    startTime: iso(startedAt),
    ...(endedAt !== undefined && { endTime: iso(endedAt) }),
    ani: conversation.ani,
    dnis: conversation.dnis,
    wrapupRequired: false,
    [media.collection]: [communication(conversation, customer.sessionId, startedAt, endedAt)],
  };
  return {
    id,
    startTime: iso(startedAt),
    ...(endedAt !== undefined && { endTime: iso(endedAt) }),
    state: endedAt === undefined ? 'connected' : 'disconnected',
    participants: [caller, ...conversation.legs.map((leg) => agentView(conversation, leg))],
    selfUri: `/api/v2/conversations/${id}`,
  };
}

function agentView(conversation: Conversation, leg: Leg): Json {
  const { work } = leg;
  return {
    id: leg.participantId,
    purpose: 'agent',
    userId: leg.userId,
    queueId: leg.queueId,
    startTime: iso(leg.startedAt),
    ...(leg.endedAt !== undefined && { endTime: iso(leg.endedAt) }),
    ani: conversation.ani,
    dnis: conversation.dnis,
    wrapupRequired: work?.state !== 'notApplicable',
    wrapupPrompt: 'mandatory',
    ...(work?.state === 'skipped' && { wrapupSkipped: true }),
    ...(work && work.state !== 'notApplicable' && { startAcwTime: iso(work.startedAt) }),
    ...(work?.state === 'complete' && work.endedAt !== undefined && { endAcwTime: iso(work.endedAt) }),
    ...wrapupOf(work),
    [conversation.media.collection]: [
      {
        ...communication(conversation, leg.sessionId, leg.startedAt, leg.endedAt, leg.disconnectType),
        ...wrapupOf(work),
        ...(work && { afterCallWork: workView(work), afterCallWorkRequired: work.state !== 'notApplicable' }),
      },
    ],
  };
}

function communication(
  conversation: Conversation,
  id: string,
  startedAt: number,
  endedAt?: number,
  disconnectType?: string,
): Json {
  return {
    id,
    state: endedAt === undefined ? 'connected' : 'disconnected',
    direction: conversation.direction.toLowerCase(),
    provider: conversation.media.provider,
    connectedTime: iso(startedAt),
    ...(endedAt !== undefined && { disconnectedTime: iso(endedAt) }),
    ...(disconnectType !== undefined && { disconnectType: restDisconnectType(disconnectType) }),
  };
}

function workView(work: AfterCallWork): Json {
  const { state, startedAt, endedAt } = work;
  if (state === 'notApplicable') return { state };
  return { state, startTime: iso(startedAt), ...(endedAt !== undefined && { endTime: iso(endedAt) }) };
}

/** Seconds here, milliseconds in the event (docs/wire-facts.md §5.1). */
export function wrapupOf(work: AfterCallWork | undefined): Json {
  if (work?.code === undefined) return {};
  const { code, notes, startedAt, endedAt, provisional = false } = work;
  return {
    wrapup: {
      code,
      ...(notes !== undefined && { notes }),
      tags: [],
      ...(endedAt !== undefined && {
        durationSeconds: Math.round((endedAt - startedAt) / 1000),
        endTime: iso(endedAt),
      }),
      provisional,
    },
  };
}
