import { present } from '../../common/present.js';
import { contactOfSession } from './contact.js';
import { queuedUntil, type Conversation, type Leg, type Party } from './conversation.js';
import { analyticsDisconnectType } from './disconnect-type.js';

type Json = Record<string, unknown>;
const iso = (at: number): string => new Date(at).toISOString();

/** One conversation of the analytics look-ups (docs/wire-facts.md §5.2, §5.3); one that goes on is unfinished there. */
export function analyticsView(conversation: Conversation): Json {
  const { id, startedAt, endedAt, direction, legs } = conversation;
  return {
    conversationId: id,
    conversationStart: iso(startedAt),
    ...(endedAt !== undefined && { conversationEnd: iso(endedAt) }),
    originatingDirection: direction.toLowerCase(),
    divisionIds: [],
    participants: [
      customerView(conversation),
      ...(direction === 'INBOUND' ? [queueView(conversation)] : []),
      ...legs.map((leg) => agentView(conversation, leg)),
    ],
  };
}

function customerView(conversation: Conversation): Json {
  const { startedAt, endedAt, contact, customer } = conversation;
  const { externalContactId, externalOrganizationId } = contact;
  const ended = { ...subjectOf(conversation), disconnectType: 'peer' };
  return {
    participantId: customer.participantId,
    purpose: 'customer',
    ...present({ externalContactId, externalOrganizationId }),
    sessions: [
      {
        ...sessionBase(conversation, customer),
        segments: [segment('interact', startedAt, endedAt, ended, subjectOf(conversation))],
      },
    ],
  };
}

/** The queue's part lasts until the first agent answers. */
function queueView(conversation: Conversation): Json {
  const { acd, queueId, startedAt } = conversation;
  const ended = { queueId, disconnectType: 'transfer' };
  return {
    participantId: acd.participantId,
    purpose: 'acd',
    sessions: [
      {
        ...sessionBase(conversation, acd),
        segments: [segment('interact', startedAt, queuedUntil(conversation), ended, { queueId })],
      },
    ],
  };
}

function agentView(conversation: Conversation, leg: Leg): Json {
  const session = {
    ...sessionBase(conversation, leg),
    ...(leg.work?.state === 'skipped' && { acwSkipped: true }),
    metrics: metricsOf(leg),
    segments: segmentsOf(conversation, leg),
  };
  return { participantId: leg.participantId, purpose: 'agent', userId: leg.userId, sessions: [session] };
}

/** In milliseconds, each told when it is over (docs/wire-facts.md §5.3). */
function metricsOf({ startedAt, answeredAt, endedAt, work }: Leg): Json[] {
  const alerted = answeredAt ?? endedAt;
  const rang = alerted !== undefined && alerted > startedAt;
  return [
    ...(rang ? [metric('tAlert', startedAt, alerted)] : []),
    ...(rang && answeredAt === undefined ? [metric('tNotResponding', startedAt, alerted)] : []),
    ...(answeredAt !== undefined && endedAt !== undefined ? [metric('tTalk', answeredAt, endedAt)] : []),
    ...(work?.state === 'complete' ? [metric('tAcw', work.startedAt, work.endedAt ?? work.startedAt)] : []),
  ];
}

function metric(name: string, from: number, to: number): Json {
  return { name, value: to - from, emitDate: iso(to) };
}

/** The code stands on one segment of the leg only (docs/wire-facts.md §5.3). */
function segmentsOf(conversation: Conversation, leg: Leg): Json[] {
  const { startedAt, answeredAt, endedAt, queueId, disconnectType = 'PEER', work } = leg;
  const meanwhile = { queueId, ...subjectOf(conversation) };
  const ended = { ...meanwhile, disconnectType: analyticsDisconnectType(disconnectType) };
  const talk =
    answeredAt === undefined
      ? [segment('alert', startedAt, endedAt, ended, meanwhile)]
      : [
          segment('alert', startedAt, answeredAt, meanwhile),
          segment('interact', answeredAt, endedAt, ended, meanwhile),
        ];
  if (!work || work.state === 'notApplicable' || work.state === 'skipped') return talk;
  const wrapUp = { queueId, ...present({ wrapUpCode: work.code, wrapUpNote: work.notes }), wrapUpTags: [] };
  return [...talk, segment('wrapup', work.startedAt, work.endedAt, wrapUp, { queueId })];
}

function subjectOf({ contact }: Conversation): Json {
  return present({ subject: contact.subject });
}

function sessionBase({ media, direction, provider, contact }: Conversation, { sessionId }: Party): Json {
  const base = { sessionId, mediaType: media.analytics, direction: direction.toLowerCase(), provider };
  return { ...base, ...contactOfSession(contact) };
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
