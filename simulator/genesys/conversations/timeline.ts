import type { Conversation, Leg } from './conversation.js';
import { acw, customerEnd, userEnd, userStart, wrapup, type DetailEvent } from './detail-events.js';
import { beginning } from './life-events.js';

/** Every time of the conversation through `moved`; what the customer asked for stays. */
export function retimed(conversation: Conversation, moved: (at: number) => number): Conversation {
  const { startedAt, endedAt, legs } = conversation;
  return {
    ...conversation,
    startedAt: moved(startedAt),
    ...(endedAt !== undefined && { endedAt: moved(endedAt) }),
    legs: legs.map((leg) => retimedLeg(leg, moved)),
  };
}

function retimedLeg(leg: Leg, moved: (at: number) => number): Leg {
  const { startedAt, answeredAt, endedAt, work } = leg;
  return {
    ...leg,
    startedAt: moved(startedAt),
    ...(answeredAt !== undefined && { answeredAt: moved(answeredAt) }),
    ...(endedAt !== undefined && { endedAt: moved(endedAt) }),
    ...(work && {
      work: {
        ...work,
        startedAt: moved(work.startedAt),
        ...(work.endedAt !== undefined && { endedAt: moved(work.endedAt) }),
      },
    }),
  };
}

/** The conversation as it stood at that time. */
export function asItStood(conversation: Conversation, time: number): Conversation {
  const { endedAt, legs, ...facts } = conversation;
  const present = legs.filter((leg) => leg.startedAt <= time).map((leg) => legAsItStood(leg, time));
  const ended = endedAt !== undefined && endedAt <= time ? endedAt : endBeforeReopening(conversation, present, time);
  return { ...facts, legs: present, ...(ended !== undefined && { endedAt: ended }) };
}

/** It was over for a while, if the next agent is one with whom it began again. */
function endBeforeReopening({ legs }: Conversation, present: readonly Leg[], time: number): number | undefined {
  if (legs.find((leg) => leg.startedAt > time)?.reopens !== true) return undefined;
  return lastEnd(present);
}

/** When the last of them left; undefined while somebody is there. */
export function lastEnd(legs: readonly Leg[]): number | undefined {
  const ends = legs.map((leg) => leg.endedAt);
  return ends.every((end) => end !== undefined) ? Math.max(...ends) : undefined;
}

function legAsItStood(leg: Leg, time: number): Leg {
  const { answeredAt, endedAt, disconnectType, work, ...facts } = leg;
  const answered = answeredAt !== undefined && answeredAt <= time && { answeredAt };
  if (endedAt === undefined || endedAt > time) return { ...facts, ...answered };
  return {
    ...facts,
    ...answered,
    endedAt,
    ...(disconnectType !== undefined && { disconnectType }),
    ...(work && { work: workIsOver(work, time) ? work : { state: 'pending', startedAt: work.startedAt } }),
  };
}

function workIsOver({ endedAt, state }: NonNullable<Leg['work']>, time: number): boolean {
  return state === 'notApplicable' || (endedAt !== undefined && endedAt <= time);
}

/**
 * Everything that events tell of it, in the order of time. Whether after-call work of an agent who did not answer has an
 * event is not known (docs/wire-facts.md §4.2): here it has none.
 */
export function eventsOf(conversation: Conversation): DetailEvent[] {
  const { legs, endedAt } = conversation;
  const events = beginning(conversation);
  for (const [nth, leg] of legs.entries()) {
    const before = leg.reopens ? lastEnd(legs.slice(0, nth)) : undefined;
    if (before !== undefined) events.push(customerEnd(conversation, before));
    events.push(userStart(conversation, leg));
    if (leg.endedAt !== undefined) events.push(userEnd(conversation, leg));
    if (isTold(leg)) events.push(wrapup(conversation, leg), acw(conversation, leg));
  }
  if (endedAt !== undefined) events.push(customerEnd(conversation));
  return events.sort((one, other) => timeOf(one) - timeOf(other));
}

export function timeOf({ body }: DetailEvent): number {
  return Number(body['eventTime']);
}

/** Whether an acw event tells of this agent's work. */
export function isTold({ answeredAt, work }: Leg): boolean {
  if (answeredAt === undefined || !work) return false;
  return work.state === 'complete' || (work.state === 'skipped' && work.code !== undefined);
}
