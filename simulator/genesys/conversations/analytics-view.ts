import type { AfterCallWork, Conversation, Leg } from './conversation.js';
import { analyticsDisconnectType } from './disconnect-type.js';

type Json = Record<string, unknown>;
const iso = (at: number): string => new Date(at).toISOString();

/** One conversation of the analytics look-ups (docs/wire-facts.md §5.2, §5.3). */
export function analyticsView(conversation: Conversation): Json {
  const { id, startedAt, endedAt, direction, customer } = conversation;
  const session = sessionBase(conversation, customer.sessionId);
  const customerView = {
    participantId: customer.participantId,
    purpose: 'customer',
    sessions: [{ ...session, segments: [segment('interact', startedAt, endedAt, { disconnectType: 'peer' })] }],
  };
  return {
    conversationId: id,
    conversationStart: iso(startedAt),
    ...(endedAt !== undefined && { conversationEnd: iso(endedAt) }),
    originatingDirection: direction.toLowerCase(),
    divisionIds: [],
    participants: [customerView, ...conversation.legs.map((leg) => agentView(conversation, leg))],
  };
}

function agentView(conversation: Conversation, leg: Leg): Json {
  const { work } = leg;
  const session = {
    ...sessionBase(conversation, leg.sessionId),
    ...(work?.state === 'skipped' && { acwSkipped: true }),
    metrics: work?.state === 'complete' ? [workMetric(work)] : [],
    segments: segmentsOf(leg),
  };
  return { participantId: leg.participantId, purpose: 'agent', userId: leg.userId, sessions: [session] };
}

/** In milliseconds (docs/wire-facts.md §5.3). */
function workMetric({ startedAt, endedAt = startedAt }: AfterCallWork): Json {
  return { name: 'tAcw', value: endedAt - startedAt, emitDate: iso(endedAt) };
}

/** The code stands on one segment of the leg only (docs/wire-facts.md §5.3). */
function segmentsOf(leg: Leg): Json[] {
  const { startedAt, endedAt, queueId, disconnectType = 'PEER', work } = leg;
  const ended = { queueId, disconnectType: analyticsDisconnectType(disconnectType) };
  const segments = [
    segment('alert', startedAt, startedAt, { queueId }),
    segment('interact', startedAt, endedAt, ended, { queueId }),
  ];
  if (!work || work.state === 'notApplicable' || work.state === 'skipped') return segments;
  const wrapUp = {
    queueId,
    ...(work.code !== undefined && { wrapUpCode: work.code }),
    ...(work.notes !== undefined && { wrapUpNote: work.notes }),
    wrapUpTags: [],
  };
  return [...segments, segment('wrapup', work.startedAt, work.endedAt, wrapUp, { queueId })];
}

function sessionBase({ media, direction, ani, dnis }: Conversation, sessionId: string): Json {
  return { sessionId, mediaType: media.analytics, direction: direction.toLowerCase(), ani, dnis };
}

/** A segment that goes on has no end, and of the other facts only `meanwhile`. */
function segment(
  segmentType: string,
  startedAt: number,
  endedAt: number | undefined,
  facts: Json,
  meanwhile: Json = {},
): Json {
  if (endedAt === undefined) return { segmentType, segmentStart: iso(startedAt), ...meanwhile };
  return { segmentType, segmentStart: iso(startedAt), segmentEnd: iso(endedAt), ...facts };
}
