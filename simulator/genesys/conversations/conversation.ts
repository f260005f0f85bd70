import { randomUUID } from 'node:crypto';
import { mediaOf, type Media } from './media.js';

/** Where an agent's after-call work stands: `AfterCallWork.state` of the REST model (docs/wire-facts.md §5.1). */
export type WorkState = 'notApplicable' | 'pending' | 'complete' | 'skipped';

export interface AfterCallWork {
  state: WorkState;
  startedAt: number;
  endedAt?: number;
  code?: string;
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
  startedAt: number;
  endedAt?: number;
  /** In the events' spelling, e.g. TRANSFER_CONSULT. */
  disconnectType?: string;
  work?: AfterCallWork;
}

export interface Conversation {
  id: string;
  media: Media;
  direction: 'INBOUND' | 'OUTBOUND';
  ani: string;
  dnis: string;
  queueId: string;
  startedAt: number;
  endedAt?: number;
  customer: { participantId: string; sessionId: string };
  /** The flow that took the customer in. */
  ivr: { participantId: string; sessionId: string; flowId: string };
  /** The queue's part. */
  acd: { participantId: string; sessionId: string };
  legs: Leg[];
}

export interface AgentInput {
  userId?: string;
  participantId?: string;
  sessionId?: string;
  queueId?: string;
}

export interface ConversationInput {
  id?: string;
  mediaType?: string;
  direction?: string;
  agents?: AgentInput[];
  queueId?: string;
  ani?: string;
  dnis?: string;
  /** Epoch ms; default now. */
  startedAt?: number;
}

/** A conversation in progress, with one agent unless others are named. */
export function newConversation(input: ConversationInput, now: number): Conversation {
  const startedAt = input.startedAt ?? now;
  const conversation: Conversation = {
    id: input.id ?? randomUUID(),
    media: mediaOf(input.mediaType ?? 'VOICE'),
    direction: input.direction?.toUpperCase() === 'OUTBOUND' ? 'OUTBOUND' : 'INBOUND',
    ani: input.ani ?? 'tel:+358401234567',
    dnis: input.dnis ?? 'tel:+358912345678',
    queueId: input.queueId ?? randomUUID(),
    startedAt,
    customer: { participantId: randomUUID(), sessionId: randomUUID() },
    ivr: { participantId: randomUUID(), sessionId: randomUUID(), flowId: randomUUID() },
    acd: { participantId: randomUUID(), sessionId: randomUUID() },
    legs: [],
  };
  for (const agent of input.agents ?? [{}]) addLeg(conversation, agent, startedAt);
  return conversation;
}

export function addLeg(conversation: Conversation, agent: AgentInput, startedAt: number): Leg {
  const leg: Leg = {
    participantId: agent.participantId ?? randomUUID(),
    sessionId: agent.sessionId ?? randomUUID(),
    userId: agent.userId ?? randomUUID(),
    queueId: agent.queueId ?? conversation.queueId,
    startedAt,
  };
  conversation.legs.push(leg);
  return leg;
}
