import { randomUUID } from 'node:crypto';
import { Misuse, NotThere } from '../../common/misuse.js';
import { messageAdded, updateOf, type MessageInput } from '../direct/direct-events.js';
import type { DirectPayload } from '../direct/direct-filter.js';
import {
  addLeg,
  newConversation,
  type AgentInput,
  type Conversation,
  type ConversationInput,
  type Leg,
} from './conversation.js';
import type { EndLeg, FinishedWork, FinishWork, Lags, NoAnswer, Which } from './conversation-inputs.js';
import { acw, customerEnd, topicOf, userEnd, userStart, wrapup, type DetailEvent } from './detail-events.js';
import { addUnanswered, endLeg, findLeg, USUAL_CALL_MS, workOf, wrapupFrom } from './legs.js';
import { KnownConversations } from './known-conversations.js';
import { attributes, beginning, contact, flowOutcome, voicemail } from './life-events.js';
import type { ConversationPlan } from './plan.js';
import { PlannedConversations } from './planned-conversations.js';
import type { Shape } from './shapes.js';
import { isTold } from './timeline.js';

/** Where events go. */
interface Outlets {
  /** To the channels that subscribed the topic; gives their ids. */
  topic(topic: string, body: unknown): string[];
  isAsked(topic: string): boolean;
  /** To the tutorial's stream. */
  direct(payload: DirectPayload): string[];
}

/** The commonest queue timeout (docs/wire-facts.md §4.5). */
const DEFAULT_WORK_MS = 15_000;

/** The conversations of the contact centre: what happens to them becomes events, and look-ups that agree with the events. */
export class Conversations {
  readonly known: KnownConversations;
  readonly #planned: PlannedConversations;

  constructor(
    private readonly clock: { now(): number },
    private readonly outlets: Outlets,
    private readonly changed: (conversationId: string, change: string) => void,
  ) {
    this.known = new KnownConversations(clock);
    this.#planned = new PlannedConversations(clock, this.known, (conversation, events, change) => {
      this.changed(conversation.id, change);
      this.#send(conversation, ...events);
    });
  }

  start(input: ConversationInput = {}): Conversation {
    if (input.id !== undefined && this.known.get(input.id))
      throw new Misuse(`Conversation ${input.id} exists; use reopen.`);
    const conversation = newConversation(input, this.clock.now());
    this.known.set(conversation);
    this.#keep(conversation, 'started');
    this.#send(conversation, ...beginning(conversation));
    for (const leg of conversation.legs) this.#send(conversation, userStart(conversation, leg));
    return conversation;
  }

  /** Participant data is set: attributes. */
  setAttributes(id: string, values: Record<string, string>): void {
    const conversation = this.#getOrStart(id, {});
    this.#send(conversation, attributes(conversation, values, this.clock.now()));
  }

  /** The customer is recognised: contact. */
  identify(id: string, externalContactId: string = randomUUID()): void {
    const conversation = this.#getOrStart(id, {});
    conversation.contact = { ...conversation.contact, externalContactId };
    this.#keep(conversation, 'identified');
    this.#send(conversation, contact(conversation, externalContactId, this.clock.now()));
  }

  /** The flow comes to a result: flow.outcome. */
  reachOutcome(id: string, value: 'SUCCESS' | 'FAILURE' = 'SUCCESS'): void {
    const conversation = this.#getOrStart(id, {});
    this.#send(conversation, flowOutcome(conversation, value, this.clock.now()));
  }

  /** The customer leaves a message: voicemail.start and voicemail.end. */
  leaveVoicemail(id: string, lengthMs = 10_000): void {
    const conversation = this.#getOrStart(id, {});
    this.#send(conversation, ...voicemail(conversation, lengthMs, this.clock.now()));
  }

  /** A chat message: MessageAdded on the tutorial's stream, no topic has it. Gives the connections that it went out on. */
  addMessage(id: string, message: MessageInput): string[] {
    const conversation = this.#getOrStart(id, {});
    return this.outlets.direct(messageAdded(conversation.id, randomUUID(), message, this.clock.now()));
  }

  get(id: string): Conversation | undefined {
    return this.known.get(id);
  }

  list(): Conversation[] {
    return this.known.list();
  }

  /** How far its look-ups are behind from now on; what is not named is as for all. */
  lag(id: string, lags: Lags): void {
    this.#getOrStart(id, {});
    this.known.lag(id, lags);
  }

  /** Its look-ups answer so from now on; `{}`: as they should. */
  shape(id: string, shape: Shape): void {
    this.#getOrStart(id, {});
    this.known.shape(id, shape);
  }

  /** Begins a conversation by a plan, up to the moment at which it is handed in. */
  begin(plan: ConversationPlan): Conversation {
    return this.#planned.begin(plan);
  }

  /** The rest of its plan happens. */
  complete(id: string, options: { suppressEvent?: boolean } = {}): Conversation {
    return this.#planned.complete(id, options);
  }

  /** An agent's part ends; after-call work begins, unless there is none. */
  endLeg(id: string, options: EndLeg = {}): Leg {
    const conversation = this.#getOrStart(id, options);
    const leg = findLeg(conversation, options);
    endLeg(conversation, leg, this.clock.now(), options);
    this.#keep(conversation, 'leg-ended');
    if (!options.suppressEvent)
      this.#send(conversation, userEnd(conversation, leg), ...this.#customerEnd(conversation));
    return leg;
  }

  /** A wrap-up that is saved, not final (docs/wire-facts.md §5.1 `provisional`): seen by look-ups, no event. */
  saveProvisional(
    id: string,
    options: Which & Pick<FinishWork, 'wrapupCode' | 'wrapupName' | 'wrapupNotes'> = {},
  ): Leg {
    const conversation = this.#getOrStart(id, options);
    const leg = findLeg(conversation, options);
    if (leg.endedAt === undefined) endLeg(conversation, leg, this.clock.now(), {});
    leg.work = { ...workOf(leg), ...wrapupFrom(options), provisional: true };
    this.#keep(conversation, 'provisional-wrapup');
    return leg;
  }

  /** The agent finishes after-call work: user.end (unless sent before), customer.end when all left, wrapup, acw. */
  finishWork(id: string, options: FinishWork = {}): FinishedWork {
    const eventTime = options.eventTime ?? this.clock.now();
    const workBegan = eventTime - (options.wrapupDurationMs ?? DEFAULT_WORK_MS);
    const conversation = this.#getOrStart(id, options, workBegan - USUAL_CALL_MS);
    const leg = findLeg(conversation, options);
    const events = this.#endForWork(conversation, leg, eventTime, options);
    const { startedAt } = workOf(leg);
    leg.work = {
      state: 'complete',
      startedAt: Math.min(startedAt, eventTime),
      endedAt: eventTime,
      ...wrapupFrom(options),
    };
    this.#keep(conversation, 'work-finished');
    const last = acw(conversation, leg);
    events.push(wrapup(conversation, leg), ...Array<DetailEvent>(1 + Number(options.duplicate ?? 0)).fill(last));
    if (options.reverseOrder) events.reverse();
    const sentTo = options.suppressEvent ? [] : this.#send(conversation, ...events);
    const { participantId, sessionId, userId } = leg;
    return { conversationId: id, participantId, sessionId, userId, event: last.body, sentTo };
  }

  /** The timed after-call work ran out (docs/wire-facts.md §4.5). */
  timeOutWork(id: string, options: Omit<FinishWork, 'wrapupCode' | 'wrapupName' | 'wrapupNotes'> = {}): FinishedWork {
    const finished = { wrapupDurationMs: DEFAULT_WORK_MS, ...options, wrapupCode: 'ININ-WRAP-UP-TIMEOUT' };
    return this.finishWork(id, finished);
  }

  /** The agent skips after-call work; no acw event unless asked for. */
  skip(id: string, options: EndLeg & { sendAcw?: boolean } = {}): Leg {
    const conversation = this.#getOrStart(id, options);
    const leg = findLeg(conversation, options);
    const first = leg.endedAt === undefined;
    if (first) endLeg(conversation, leg, this.clock.now(), options);
    const { startedAt } = workOf(leg);
    leg.work = {
      state: 'skipped',
      startedAt,
      endedAt: startedAt,
      ...(options.sendAcw && { code: 'ININ-WRAP-UP-SKIPPED' }),
    };
    this.#keep(conversation, 'work-skipped');
    if (options.suppressEvent) return leg;
    if (first) this.#send(conversation, userEnd(conversation, leg), ...this.#customerEnd(conversation));
    if (options.sendAcw) this.#send(conversation, wrapup(conversation, leg), acw(conversation, leg));
    return leg;
  }

  /** Hands over to a second agent: the first one's part ends with TRANSFER and its after-call work begins. */
  transfer(id: string, options: Which & { to?: AgentInput; disconnectType?: string } = {}): { from: Leg; to: Leg } {
    const conversation = this.#getOrStart(id, options);
    const from = findLeg(conversation, options);
    const to = addLeg(conversation, options.to ?? {}, this.clock.now());
    endLeg(conversation, from, this.clock.now(), { disconnectType: options.disconnectType ?? 'TRANSFER' });
    this.#keep(conversation, 'transferred');
    this.#send(conversation, userEnd(conversation, from), userStart(conversation, to));
    return { from, to };
  }

  /** A messaging conversation comes back to life under its old id (docs/wire-facts.md §7.5). */
  reopen(id: string, agent: AgentInput = {}): Leg {
    const conversation = this.known.get(id);
    if (!conversation) throw new NotThere(`There is no conversation ${id} to reopen.`);
    delete conversation.endedAt;
    const leg = addLeg(conversation, agent, this.clock.now());
    this.#keep(conversation, 'reopened');
    this.#send(conversation, userStart(conversation, leg));
    return leg;
  }

  /**
   * An agent is alerted and does not answer; some have after-call work with a code all the same (docs/wire-facts.md §5.3).
   * No acw event tells of it.
   */
  noAnswer(id: string, options: NoAnswer = {}): Leg {
    const conversation = this.#getOrStart(id, {});
    const leg = addUnanswered(conversation, options, this.clock.now());
    this.#keep(conversation, 'not-answered');
    if (!options.suppressEvent) this.#send(conversation, userStart(conversation, leg), userEnd(conversation, leg));
    return leg;
  }

  /** Sends the acw events of all finished work again, as they were; gives the channels they went out on. */
  resend(id: string): string[] {
    const conversation = this.known.get(id);
    const finished = conversation?.legs.filter((leg) => leg.work?.state === 'complete' && isTold(leg)) ?? [];
    if (!conversation || finished.length === 0)
      throw new Misuse(`Conversation ${id} has no finished work to send again.`);
    return this.#send(conversation, ...finished.map((leg) => acw(conversation, leg)));
  }

  clear(): void {
    this.known.clear();
    this.#planned.clear();
  }

  /** One that was never heard of has begun by now, or a usual call before what it is needed for. */
  #getOrStart(id: string, { userId, participantId, sessionId }: Which, startedAt = this.clock.now()): Conversation {
    const known = this.known.get(id);
    if (known) return known;
    const agent = {
      ...(userId && { userId }),
      ...(participantId && { participantId }),
      ...(sessionId && { sessionId }),
    };
    return this.start({ id, agents: [agent], startedAt });
  }

  /** Ends the agent's part so that the work lasted as asked for; gives the events of that end. */
  #endForWork(conversation: Conversation, leg: Leg, eventTime: number, options: FinishWork): DetailEvent[] {
    const { wrapupDurationMs, disconnectType } = options;
    if (leg.endedAt !== undefined) {
      if (wrapupDurationMs !== undefined) leg.work = { ...workOf(leg), startedAt: eventTime - wrapupDurationMs };
      return [];
    }
    const workBegan = eventTime - (wrapupDurationMs ?? DEFAULT_WORK_MS);
    // The beginning has been told: the end does not come before it, however long the work is said to have lasted.
    const endedAt = eventTime < leg.startedAt ? workBegan : Math.max(workBegan, leg.startedAt);
    endLeg(conversation, leg, endedAt, disconnectType === undefined ? {} : { disconnectType });
    if (wrapupDurationMs !== undefined) leg.work = { ...workOf(leg), startedAt: workBegan };
    return [userEnd(conversation, leg), ...this.#customerEnd(conversation)];
  }

  #customerEnd(conversation: Conversation): DetailEvent[] {
    return conversation.endedAt === undefined ? [] : [customerEnd(conversation)];
  }

  /** Publishes in this order; gives the channels that acw events went out on. */
  #send(conversation: Conversation, ...events: DetailEvent[]): string[] {
    return events.flatMap((event) => {
      this.outlets.direct(updateOf(conversation.id, event));
      const topic = topicOf(conversation.id, event);
      if (event.background && !this.outlets.isAsked(topic)) return [];
      const channels = this.outlets.topic(topic, event.body);
      return event.name === 'acw' ? channels : [];
    });
  }

  #keep(conversation: Conversation, change: string): void {
    this.known.keep(conversation);
    this.changed(conversation.id, change);
  }
}
