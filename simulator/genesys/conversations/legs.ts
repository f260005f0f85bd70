import { addLeg, type AfterCallWork, type Conversation, type Leg } from './conversation.js';
import type { EndLeg, Which } from './conversation-inputs.js';

/** How long a call lasts when it must have begun before we knew of it. */
export const USUAL_CALL_MS = 60_000;

/**
 * The leg that is meant: by participant or session, else the agent's, else the first that is not over, else the last.
 * An agent or participant who is not there yet joins.
 */
export function findLeg(conversation: Conversation, which: Which): Leg {
  const { participantId, sessionId, userId } = which;
  const { legs } = conversation;
  if (participantId !== undefined || sessionId !== undefined) {
    const named = legs.find((leg) => leg.participantId === participantId || leg.sessionId === sessionId);
    return named ?? addLeg(conversation, which, conversation.startedAt);
  }
  const candidates = userId === undefined ? legs : legs.filter((leg) => leg.userId === userId);
  return (
    candidates.find((leg) => !isFinished(leg)) ??
    candidates.at(-1) ??
    addLeg(conversation, which, conversation.startedAt)
  );
}

/** Ends a leg, and the conversation with its last one. Starts move back when they would come after the end. */
export function endLeg(conversation: Conversation, leg: Leg, now: number, options: EndLeg): void {
  const { endedAt = now, disconnectType = 'PEER', work = 'pending' } = options;
  leg.endedAt = endedAt;
  leg.disconnectType = disconnectType;
  if (leg.startedAt > endedAt) leg.startedAt = endedAt - USUAL_CALL_MS;
  leg.work = { state: work, startedAt: endedAt };
  conversation.startedAt = Math.min(conversation.startedAt, leg.startedAt);
  const ends = conversation.legs.map((each) => each.endedAt);
  if (ends.every((end) => end !== undefined)) conversation.endedAt = Math.max(...ends);
}

/** The work of a leg that has ended. */
export function workOf(leg: Leg): AfterCallWork {
  if (!leg.work) throw new Error(`The part of participant ${leg.participantId} has not ended.`);
  return leg.work;
}

function isFinished(leg: Leg): boolean {
  return leg.endedAt !== undefined && leg.work !== undefined && leg.work.state !== 'pending';
}
