import { addLeg, insert, partOf, type AfterCallWork, type Conversation, type Leg } from './conversation.js';
import type { EndLeg, NoAnswer, Which } from './conversation-inputs.js';
import { lastEnd } from './timeline.js';

/** How long a call lasts when it must have begun before we knew of it. */
export const USUAL_CALL_MS = 60_000;
const DEFAULT_WRAPUP_CODE = '3c9e5a0e-2f5f-4f0f-9a55-0d8e3a2b1c00';

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
  if (leg.startedAt > endedAt) leg.startedAt = leg.answeredAt = endedAt - USUAL_CALL_MS;
  leg.work = { state: work, startedAt: endedAt };
  conversation.startedAt = Math.min(conversation.startedAt, leg.startedAt);
  const over = lastEnd(conversation.legs);
  if (over !== undefined) conversation.endedAt = over;
}

/** An agent who was alerted and did not answer. */
export function addUnanswered(conversation: Conversation, options: NoAnswer, now: number): Leg {
  const { eventTime = now, alertMs = 12_000, wrapupDurationMs = 57_000, disconnectType = 'CLIENT' } = options;
  const works = options.wrapupCode !== undefined || options.wrapupNotes !== undefined;
  const endedAt = works ? eventTime - wrapupDurationMs : eventTime;
  const leg: Leg = {
    ...partOf(conversation, options),
    startedAt: endedAt - alertMs,
    endedAt,
    disconnectType,
    work: works
      ? { state: 'complete', startedAt: endedAt, endedAt: eventTime, ...wrapupFrom(options) }
      : { state: 'notApplicable', startedAt: endedAt },
  };
  insert(conversation, leg);
  conversation.startedAt = Math.min(conversation.startedAt, leg.startedAt);
  return leg;
}

/** What the agent says at the end of the work. */
export function wrapupFrom(said: {
  wrapupCode?: string;
  wrapupName?: string;
  wrapupNotes?: string;
}): Pick<AfterCallWork, 'name' | 'notes'> & { code: string } {
  const { wrapupCode: code = DEFAULT_WRAPUP_CODE, wrapupName: name, wrapupNotes: notes } = said;
  return { code, ...(name !== undefined && { name }), ...(notes !== undefined && { notes }) };
}

/** The work of a leg that has ended. */
export function workOf(leg: Leg): AfterCallWork {
  if (!leg.work) throw new Error(`The part of participant ${leg.participantId} has not ended.`);
  return leg.work;
}

function isFinished(leg: Leg): boolean {
  return leg.endedAt !== undefined && leg.work !== undefined && leg.work.state !== 'pending';
}
