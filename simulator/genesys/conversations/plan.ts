import { createHash } from 'node:crypto';
import { analyticsView } from './analytics-view.js';
import type { Contact } from './contact.js';
import type { Conversation, Leg } from './conversation.js';
import { conversationView } from './conversation-view.js';
import { mediaOf } from './media.js';
import { asItStood, eventsOf, isTold, lastEnd, retimed, timeOf } from './timeline.js';

/**
 * A conversation from its beginning to its end, as plain data: the same plan gives the same conversation, ids and all. Times
 * are ms from the beginning, 0.
 */
export interface ConversationPlan {
  id: string;
  mediaType: string;
  direction: 'INBOUND' | 'OUTBOUND';
  /** Default: the medium's usual one. */
  provider?: string;
  contact: Contact;
  queueId: string;
  legs: Leg[];
  /** How far analytics is behind for this conversation; default: as for all. */
  analyticsLagMs?: number;
  /** When it is handed in to the gateway, and with which agent. */
  handIn: { at: number; agentId?: string };
}

/** What is told of a conversation. */
export interface Views {
  /** Bodies of the acw events, in the order of time. */
  acw: Record<string, unknown>[];
  /** `GET /api/v2/conversations/{id}` */
  single: Record<string, unknown>;
  /** Its entry in `GET /api/v2/analytics/conversations/details`. */
  bulk: Record<string, unknown>;
}

/** The plan as a conversation that began at `startedAt` (epoch ms). */
export function conversationOf(plan: ConversationPlan, startedAt: number): Conversation {
  const { id, mediaType, direction, provider, contact, queueId, legs } = plan;
  const media = mediaOf(mediaType);
  const party = (name: string): { participantId: string; sessionId: string } => ({
    participantId: idOf(`${id} ${name}`),
    sessionId: idOf(`${id} ${name}'s session`),
  });
  const endedAt = lastEnd(legs);
  const planned: Conversation = {
    id,
    media,
    direction,
    provider: provider ?? media.provider,
    contact,
    queueId,
    startedAt: 0,
    ...(endedAt !== undefined && { endedAt }),
    customer: party('customer'),
    ivr: { ...party('flow'), flowId: idOf(`${id} flow's id`) },
    acd: party('queue'),
    legs: legs.toSorted((one, other) => one.startedAt - other.startedAt),
  };
  return retimed(planned, (at) => at + startedAt);
}

/** What events and both look-ups tell of a conversation that goes by this plan, when `until` ms have passed; default: all of it. */
export function viewsOf(plan: ConversationPlan, startedAt: number, until = Infinity): Views {
  const conversation = conversationOf(plan, startedAt);
  const told = eventsOf(conversation).filter((event) => event.name === 'acw' && timeOf(event) <= startedAt + until);
  const seen = asItStood(conversation, startedAt + until);
  return { acw: told.map(({ body }) => body), single: conversationView(seen), bulk: analyticsView(seen) };
}

/** How long it is from the beginning until everybody has finished; the times of those who have not are left out. */
export function durationOf({ legs }: ConversationPlan): number {
  return Math.max(...legs.map((leg) => leg.work?.endedAt ?? leg.endedAt ?? leg.answeredAt ?? leg.startedAt));
}

/** The agent whose work completes the interaction: of those who answered, whoever is first to finish after it was handed in. */
export function awaitedLeg({ legs, handIn }: ConversationPlan): Leg | undefined {
  const endOf = (leg: Leg): number => leg.work?.endedAt ?? Infinity;
  const candidates = legs.filter(
    (leg) => isTold(leg) && endOf(leg) > handIn.at && (handIn.agentId === undefined || handIn.agentId === leg.userId),
  );
  return candidates.sort((one, other) => endOf(one) - endOf(other))[0];
}

/** A UUID that is always the same for a name. */
export function idOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
