import type { AgentInput } from './conversation.js';

export interface Which {
  userId?: string;
  participantId?: string;
  sessionId?: string;
}

export interface EndLeg extends Which {
  /** In the events' spelling; default PEER, TRANSFER for a transfer. */
  disconnectType?: string;
  /** Epoch ms; default now. */
  endedAt?: number;
  /** `notApplicable`: this agent has no after-call work. */
  work?: 'pending' | 'notApplicable';
  suppressEvent?: boolean;
}

export interface FinishWork extends Which {
  wrapupCode?: string;
  /** The single look-up tells the code's name, too. */
  wrapupName?: string;
  wrapupNotes?: string;
  /** Default 15,000: the commonest queue timeout (docs/wire-facts.md §4.5). */
  wrapupDurationMs?: number;
  /** Epoch ms at which the work ended; default now. */
  eventTime?: number;
  /** Sends the after-call-work event once more, or so many times more. */
  duplicate?: boolean | number;
  /** Nothing is sent: the event is lost, only look-ups tell. */
  suppressEvent?: boolean;
  /** acw before wrapup before user.end: no order is promised (docs/wire-facts.md §4.5). */
  reverseOrder?: boolean;
  disconnectType?: string;
}

export interface FinishedWork {
  conversationId: string;
  participantId: string;
  sessionId: string;
  userId: string;
  /** Body of the acw event, sent or not. */
  event: Record<string, unknown>;
  /** Channels that the acw event went out on, one entry per time. */
  sentTo: string[];
}

/** An agent who was alerted and did not answer. */
export interface NoAnswer extends AgentInput {
  /** How long it rang; default 12 s. */
  alertMs?: number;
  /** A code or notes: there was after-call work all the same. */
  wrapupCode?: string;
  /** The single look-up tells the code's name, too. */
  wrapupName?: string;
  wrapupNotes?: string;
  /** Default 57,000, as captured (docs/wire-facts.md §5.3). */
  wrapupDurationMs?: number;
  /** Epoch ms at which it was over; default now. */
  eventTime?: number;
  /** In the events' spelling; default CLIENT. */
  disconnectType?: string;
  suppressEvent?: boolean;
}

/** How far look-ups are behind, in ms. */
export interface Lags {
  analytics?: number;
  single?: number;
}
