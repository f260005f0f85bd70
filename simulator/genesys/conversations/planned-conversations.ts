import { setBounded } from '../../common/bounded-log.js';
import { Misuse, NotThere } from '../../common/misuse.js';
import type { Conversation } from './conversation.js';
import type { DetailEvent } from './detail-events.js';
import type { KnownConversations } from './known-conversations.js';
import { conversationOf, durationOf, type ConversationPlan } from './plan.js';
import { asItStood, eventsOf, retimed, timeOf } from './timeline.js';

/** Conversations that go by a plan, in two steps: up to the moment at which they are handed in, and the rest. */
export class PlannedConversations {
  /** Those that wait for their end: how they go on after `until`, which was `handedInAt` by the clock. */
  readonly #begun = new Map<string, { whole: Conversation; until: number; handedInAt: number }>();

  constructor(
    private readonly clock: { now(): number },
    private readonly known: KnownConversations,
    private readonly happened: (conversation: Conversation, events: DetailEvent[], change: string) => void,
  ) {}

  /** Up to the hand-in. It lies so far back that all of the plan would be over by now. */
  begin(plan: ConversationPlan): Conversation {
    if (this.known.get(plan.id)) throw new Misuse(`Conversation ${plan.id} exists.`);
    const startedAt = this.clock.now() - durationOf(plan);
    const whole = conversationOf(plan, startedAt);
    const until = startedAt + plan.handIn.at;
    if (plan.analyticsLagMs !== undefined) this.known.lag(plan.id, { analytics: plan.analyticsLagMs });
    setBounded(this.#begun, plan.id, { whole, until, handedInAt: this.clock.now() });
    return this.#advance(whole, -Infinity, until, 'begun');
  }

  /**
   * The rest, all of it after the hand-in, as it would be had the conversation been handed in when it was begun; later still
   * when more time has passed. Its last times may lie ahead of the clock, by what the plan takes: nobody waits for minutes.
   */
  complete(id: string, { suppressEvent = false }: { suppressEvent?: boolean }): Conversation {
    const begun = this.#begun.get(id);
    if (!begun) throw new NotThere(`No conversation ${id} has begun by a plan and waits for its end.`);
    const { whole, until, handedInAt } = begun;
    this.#begun.delete(id);
    const over = Math.max(...whole.legs.map(overAt));
    const delay = Math.max(handedInAt - until, this.clock.now() - over);
    const delayed = retimed(whole, (at) => (at > until ? at + delay : at));
    return this.#advance(delayed, until, Infinity, 'completed', suppressEvent);
  }

  clear(): void {
    this.#begun.clear();
  }

  /** What happens after one moment and up to another; look-ups that lag see each step. */
  #advance(whole: Conversation, after: number, until: number, change: string, silent = false): Conversation {
    const now = this.clock.now();
    for (const at of stepsOf(whole, after, until)) this.known.keep(asItStood(whole, at), Math.min(at, now));
    const state = structuredClone(asItStood(whole, until));
    this.known.set(state);
    const events = eventsOf(whole).filter((event) => timeOf(event) > after && timeOf(event) <= until);
    this.happened(state, silent ? [] : events, change);
    return state;
  }
}

/** When something changes, in the order of time. */
function stepsOf({ startedAt, legs }: Conversation, after: number, until: number): number[] {
  const times = legs.flatMap((leg) => [leg.startedAt, leg.answeredAt, leg.endedAt, leg.work?.endedAt]);
  return [...new Set([startedAt, ...times])]
    .filter((at) => at !== undefined)
    .filter((at) => at > after && at <= until)
    .sort((one, other) => one - other);
}

function overAt({ startedAt, answeredAt, endedAt, work }: Conversation['legs'][number]): number {
  return work?.endedAt ?? endedAt ?? answeredAt ?? startedAt;
}
