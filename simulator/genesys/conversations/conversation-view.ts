import { present } from '../../common/present.js';
import { contactOfCommunication } from './contact.js';
import { queuedUntil, type AfterCallWork, type Conversation, type Leg, type Party } from './conversation.js';
import { restDisconnectType } from './disconnect-type.js';

type Json = Record<string, unknown>;
const iso = (at: number): string => new Date(at).toISOString();
const isoOf = (at: number | undefined): string | undefined => (at === undefined ? undefined : iso(at));

/** Where telephony leads a call to agents: their stations' side of it, as captured (docs/wire-facts.md §5.1). */
const EDGE = '10.87.26.159;user=phone';

/** GET /api/v2/conversations/{id}: the Conversation of docs/wire-facts.md §5.1. */
export function conversationView(conversation: Conversation): Json {
  const { id, startedAt, endedAt, direction, legs } = conversation;
  return {
    id,
    startTime: iso(startedAt),
    ...(endedAt !== undefined && { endTime: iso(endedAt) }),
    state: endedAt === undefined ? 'connected' : 'disconnected',
    participants: [
      customerView(conversation),
      ...(direction === 'INBOUND' ? [queueView(conversation)] : []),
      ...legs.map((leg) => agentView(conversation, leg)),
    ],
    selfUri: `/api/v2/conversations/${id}`,
  };
}

function customerView(conversation: Conversation): Json {
  const { startedAt, endedAt, contact, customer, direction } = conversation;
  const { ani, dnis, addressFrom, addressTo, externalContactId, externalOrganizationId } = contact;
  const address = direction === 'OUTBOUND' ? addressTo : addressFrom;
  return participant(conversation, customer, 'customer', {
    startedAt,
    answeredAt: startedAt,
    endedAt,
    facts: present({ address, ani, dnis, externalContactId, externalOrganizationId, wrapupRequired: false }),
  });
}

function queueView(conversation: Conversation): Json {
  const { startedAt, contact, acd, queueId } = conversation;
  const { ani, dnis, addressTo } = contact;
  return participant(conversation, acd, 'acd', {
    startedAt,
    answeredAt: startedAt,
    endedAt: queuedUntil(conversation),
    facts: present({ queueId, address: addressTo, ani, dnis, wrapupRequired: false }),
  });
}

function agentView(conversation: Conversation, leg: Leg): Json {
  const { work, startedAt, answeredAt, endedAt, disconnectType } = leg;
  const working = work && work.state !== 'notApplicable' ? work : undefined;
  const facts = present({
    userId: leg.userId,
    queueId: leg.queueId,
    ...stationOf(conversation, leg),
    wrapupRequired: work?.state !== 'notApplicable',
    wrapupPrompt: 'mandatory',
    wrapupSkipped: work?.state === 'skipped' ? true : undefined,
    startAcwTime: isoOf(working?.startedAt),
    endAcwTime: work?.state === 'complete' ? isoOf(work.endedAt) : undefined,
    ...wrapupOf(work),
  });
  const more = { ...wrapupOf(work), ...(work && afterCallWork(work, leg)) };
  return participant(conversation, leg, 'agent', { startedAt, answeredAt, endedAt, disconnectType, facts, more });
}

/** At agents there are no numbers: the phone system's addresses of both ends. */
function stationOf({ contact }: Conversation, { sessionId }: Leg): Json {
  if (contact.ani === undefined) return {};
  const number = contact.ani.replace(/^tel:/, '');
  return { ani: `sip:${number}@${EDGE}`, dnis: `sip:${sessionId.slice(0, 8)}@localhost` };
}

interface Part {
  startedAt: number;
  answeredAt: number | undefined;
  endedAt: number | undefined;
  disconnectType?: string | undefined;
  /** Of the participant. */
  facts: Json;
  /** Of the communication. */
  more?: Json;
}

function participant(
  conversation: Conversation,
  { participantId, sessionId }: Party,
  purpose: string,
  part: Part,
): Json {
  const { startedAt, answeredAt, endedAt, facts } = part;
  return {
    id: participantId,
    purpose,
    startTime: iso(startedAt),
    ...present({ connectedTime: isoOf(answeredAt), endTime: isoOf(endedAt) }),
    ...facts,
    [conversation.media.collection]: [communication(conversation, sessionId, part)],
  };
}

/** The official models of these (`Video`, `SocialExpression`, …) have no direction. */
const WITHOUT_DIRECTION = new Set([
  'socialExpressions',
  'videos',
  'cobrowsesessions',
  'screenshares',
  'internalMessages',
]);

/** Who never answered has no `connectedTime`. */
function communication(conversation: Conversation, id: string, part: Part): Json {
  const { direction, provider, contact, media } = conversation;
  const { startedAt, answeredAt, endedAt, disconnectType, more = {} } = part;
  const goesOn = answeredAt === undefined ? 'alerting' : 'connected';
  return {
    id,
    state: endedAt === undefined ? goesOn : 'disconnected',
    ...(!WITHOUT_DIRECTION.has(media.collection) && { direction: direction.toLowerCase() }),
    provider,
    ...contactOfCommunication(contact, media),
    ...present({
      startAlertingTime: answeredAt === startedAt ? undefined : iso(startedAt),
      connectedTime: isoOf(answeredAt),
      disconnectedTime: isoOf(endedAt),
      disconnectType: disconnectType === undefined ? undefined : restDisconnectType(disconnectType),
    }),
    ...more,
  };
}

function afterCallWork(work: AfterCallWork, { stateShown = 'state' }: Leg): Json {
  const required = { afterCallWorkRequired: work.state !== 'notApplicable' };
  if (stateShown === 'missing') return required;
  if (stateShown === 'empty') return { afterCallWork: {}, ...required };
  return { afterCallWork: workView(work, stateShown), ...required };
}

function workView({ state, startedAt, endedAt }: AfterCallWork, shown: 'state' | 'unknown'): Json {
  if (shown === 'unknown') return { state: 'unknown' };
  if (state === 'notApplicable') return { state };
  return { state, startTime: iso(startedAt), ...(endedAt !== undefined && { endTime: iso(endedAt) }) };
}

/** Seconds here, milliseconds in the event (docs/wire-facts.md §5.1). */
export function wrapupOf(work: AfterCallWork | undefined): Json {
  if (work?.code === undefined) return {};
  const { code, name, notes, startedAt, endedAt, provisional = false } = work;
  return {
    wrapup: {
      code,
      ...present({ name, notes }),
      tags: [],
      ...(endedAt !== undefined && {
        durationSeconds: Math.round((endedAt - startedAt) / 1000),
        endTime: iso(endedAt),
      }),
      provisional,
    },
  };
}
