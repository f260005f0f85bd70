import { randomUUID } from 'node:crypto';
import { contactOf, type Contact } from './contact.js';
import { mediaOf, type Media } from './media.js';

/** Where an agent's after-call work stands: `AfterCallWork.state` of the REST model (docs/wire-facts.md §5.1). */
export type WorkState = 'notApplicable' | 'pending' | 'complete' | 'skipped';

/** How the single look-up shows the state of after-call work: as it is, as `unknown`, as `{}`, or not at all (docs/wire-facts.md §5.1). */
export type StateShown = 'state' | 'unknown' | 'empty' | 'missing';

export interface AfterCallWork {
  state: WorkState;
  startedAt: number;
  endedAt?: number;
  code?: string;
  /** Of the code; only the single look-up may tell it. */
  name?: string;
  notes?: string;
  /** A saved, not final wrap-up. */
  provisional?: boolean;
}

/** One agent's part in a conversation: participant and session. Times are epoch ms. */
export interface Leg {
  participantId: string;
  sessionId: string;
  userId: string;
  queueId: string;
  /** When the agent was alerted. */
  startedAt: number;
  /** Absent: not yet, or never. */
  answeredAt?: number;
  endedAt?: number;
  /** In the events' spelling, e.g. TRANSFER_CONSULT. */
  disconnectType?: string;
  work?: AfterCallWork;
  stateShown?: StateShown;
  /** The conversation was over, and began again with this agent. */
  reopens?: boolean;
}

/** A participant who is no agent. */
export interface Party {
  participantId: string;
  sessionId: string;
}

/** What happened, once; events, the single look-up and analytics are told from it. */
export interface Conversation {
  id: string;
  media: Media;
  direction: 'INBOUND' | 'OUTBOUND';
  provider: string;
  contact: Contact;
  queueId: string;
  startedAt: number;
  endedAt?: number;
  customer: Party;
  /** The flow that took the customer in. */
  ivr: Party & { flowId: string };
  /** The queue's part. */
  acd: Party;
  /** In the order in which they were alerted. */
  legs: Leg[];
}

export interface AgentInput {
  userId?: string;
  participantId?: string;
  sessionId?: string;
  queueId?: string;
  stateShown?: StateShown;
}

export interface ConversationInput extends Contact {
  id?: string;
  mediaType?: string;
  direction?: string;
  provider?: string;
  agents?: AgentInput[];
  queueId?: string;
  /** Epoch ms; default now. */
  startedAt?: number;
}

/** A conversation in progress, with one agent unless others are named. */
export function newConversation(input: ConversationInput, now: number): Conversation {
  const {
    id,
    mediaType = 'VOICE',
    direction: way,
    provider,
    agents = [{}],
    queueId,
    startedAt = now,
    ...named
  } = input;
  const media = mediaOf(mediaType);
  const direction = way?.toUpperCase() === 'OUTBOUND' ? 'OUTBOUND' : 'INBOUND';
  const conversation: Conversation = {
    id: id ?? randomUUID(),
    media,
    direction,
    provider: provider ?? media.provider,
    contact: contactOf(media, direction, named),
    queueId: queueId ?? randomUUID(),
    startedAt,
    customer: { participantId: randomUUID(), sessionId: randomUUID() },
    ivr: { participantId: randomUUID(), sessionId: randomUUID(), flowId: randomUUID() },
    acd: { participantId: randomUUID(), sessionId: randomUUID() },
    legs: [],
  };
  for (const agent of agents) addLeg(conversation, agent, startedAt);
  return conversation;
}

/** An agent who is alerted and answers at once. */
export function addLeg(conversation: Conversation, agent: AgentInput, startedAt: number): Leg {
  const leg = { ...partOf(conversation, agent), startedAt, answeredAt: startedAt };
  insert(conversation, leg);
  return leg;
}

/** When the first agent answered; absent: the customer still waits. */
export function queuedUntil({ legs }: Conversation): number | undefined {
  return legs.find((leg) => leg.answeredAt !== undefined)?.answeredAt;
}

/** Who the agent is. */
export function partOf(conversation: Conversation, agent: AgentInput): Omit<Leg, 'startedAt'> {
  return {
    participantId: agent.participantId ?? randomUUID(),
    sessionId: agent.sessionId ?? randomUUID(),
    userId: agent.userId ?? randomUUID(),
    queueId: agent.queueId ?? conversation.queueId,
    ...(agent.stateShown && { stateShown: agent.stateShown }),
  };
}

/** Behind those who were alerted before. */
export function insert({ legs }: Conversation, leg: Leg): void {
  const later = legs.findIndex((other) => other.startedAt > leg.startedAt);
  legs.splice(later < 0 ? legs.length : later, 0, leg);
}
