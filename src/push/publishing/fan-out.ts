import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Outbox } from '../../delivery/outbox.js';
import type { DeliveryDraft } from '../../delivery/sink.js';
import type { Schema } from '../../storage/schema.js';
import { destinationOfTag } from '../publishers/comet.publisher.js';
import { SubscriptionIndex, type Matcher } from '../subscriptions/subscription-index.js';
import type { ActiveSubscription } from '../subscriptions/subscription.js';
import { deliveryIdOf, type NewEvent } from './event.js';
import { EventRepository } from './event.repository.js';
import { FanOutQueue } from './fan-out-queue.js';
import { SubscriberLimits } from './subscriber-limits.js';

/** Most deliveries that are made with their event: some 40 ms under SQLite. Those of further events are made later, in pages. */
const MAX_AT_ONCE = 1_000;

/** What a publisher is told. */
export interface PublishAnswer {
  id: string;
  /** Subscriptions that the event goes to. */
  matched: number;
  /** Matching subscriptions whose subscriber has too much waiting already; absent: none. */
  dropped?: number;
}

/** What became of one event. */
export interface Written {
  answer: PublishAnswer;
  /** False: its id or `Idempotency-Key` was there before, and nothing was done. */
  isNew: boolean;
  /** True: its deliveries are made later. */
  isQueued?: boolean;
}

interface Plan {
  event: NewEvent;
  targets: readonly ActiveSubscription[];
  answer: PublishAnswer;
  /** Its deliveries are made later. */
  isQueued: boolean;
}

/** Stores events. Makes one delivery of each event for each matching subscription, in the caller's transaction, or leaves that to the `FanOutWorker`. */
@Injectable()
export class FanOut {
  constructor(
    private readonly index: SubscriptionIndex,
    private readonly events: EventRepository,
    private readonly queue: FanOutQueue,
    private readonly outbox: Outbox,
    private readonly limits: SubscriberLimits,
  ) {}

  /** Who has subscribed to what, as `trx` sees it. */
  async matcherFor(trx: Transaction<Schema>): Promise<Matcher> {
    return this.index.asOf(trx);
  }

  /**
   * Stores events of the gateway's own, one row each however many hear them. The caller wakes the worker after the commit.
   * Answers how many of them are new.
   */
  async store(trx: Transaction<Schema>, events: readonly NewEvent[], seenChange: number): Promise<number> {
    const stored = events.map((event) => ({ event, matched: 0, answer: null, seenChange }));
    return (await this.events.insert(trx, stored)).size;
  }

  /** Answers one for each event, in their order. The caller wakes the outbox and the worker after the commit. */
  async write(trx: Transaction<Schema>, events: readonly NewEvent[]): Promise<Written[]> {
    const matcher = await this.matcherFor(trx);
    const plans = await this.inOrder(
      trx,
      events.map((event) => this.plan(event, matcher)),
    );
    const kept = plans.filter(isKept);
    if (kept.length === 0) return plans.map(({ answer }) => ({ answer, isNew: true }));
    const fresh = await this.events.insert(
      trx,
      kept.map(({ event, answer, isQueued }) => ({
        event,
        matched: isQueued ? 0 : answer.matched,
        answer: JSON.stringify(answer),
        seenChange: isQueued ? matcher.changeNo : undefined,
      })),
    );
    const written = plans.map((plan): Written & Plan => {
      // Deleted, so that a second one of the same id in this call counts as known.
      return { ...plan, isNew: !isKept(plan) || fresh.delete(plan.event.id) };
    });
    const receivedAt = Date.now();
    for (const { event, targets, isNew, isQueued } of written) {
      if (!isNew || isQueued) continue;
      await this.outbox.enqueue(
        trx,
        targets.map((target) => draftOf(event, target, receivedAt)),
      );
    }
    return written;
  }

  private plan(event: NewEvent, matcher: Matcher): Plan {
    const { id, tag, providerName } = event;
    const matching = matcher
      .match(tag)
      .filter((one) => providerName === undefined || one.providerName === providerName);
    const targets = this.limits.admit(matching);
    const dropped = matching.length - targets.length;
    const answer = { id, matched: targets.length, ...(dropped === 0 ? {} : { dropped }) };
    return { event, targets, answer, isQueued: targets.length > MAX_AT_ONCE };
  }

  /** What comes behind an event whose deliveries are made later waits with it. */
  private async inOrder(trx: Transaction<Schema>, plans: readonly Plan[]): Promise<Plan[]> {
    const keys = new Set(plans.filter(({ targets }) => targets.length > 0).map(({ event }) => event.orderKey));
    if (keys.size === 0) return [...plans];
    const waiting = await this.queue.waitingOf(trx, [...keys]);
    return plans.map((plan) => {
      const isQueued = plan.isQueued || (plan.targets.length > 0 && waiting.has(plan.event.orderKey));
      if (isQueued) waiting.add(plan.event.orderKey);
      return { ...plan, isQueued };
    });
  }
}

/** An event that reaches nobody and need not be recognised again is not stored. */
function isKept({ event, targets }: Plan): boolean {
  return targets.length > 0 || event.once !== undefined;
}

/** @param receivedAt epoch ms */
export function draftOf(
  event: Pick<NewEvent, 'id' | 'tag' | 'orderKey'>,
  target: ActiveSubscription,
  receivedAt: number,
): DeliveryDraft {
  return {
    id: deliveryIdOf(event.id, target.id),
    sink: target.sink,
    orderKey: `${target.id}:${event.orderKey}`,
    subjectId: target.id,
    // The event's id is all: the sink reads the rest.
    payload: event.id,
    destination: destinationOfTag(target.destination, event.tag),
    receivedAt,
  };
}
