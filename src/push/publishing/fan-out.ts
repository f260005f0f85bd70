import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Outbox } from '../../delivery/outbox.js';
import type { DeliveryDraft } from '../../delivery/sink.js';
import type { Schema } from '../../storage/schema.js';
import { SubscriptionIndex, type Matcher } from '../subscriptions/subscription-index.js';
import type { ActiveSubscription } from '../subscriptions/subscription.js';
import { deliveryIdOf, type NewEvent } from './event.js';
import { EventRepository } from './event.repository.js';
import { SubscriberLimits } from './subscriber-limits.js';

/** Deliveries of one statement: some 10 ms under SQLite. */
const CHUNK = 1_000;

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
}

interface Plan {
  event: NewEvent;
  targets: readonly ActiveSubscription[];
  answer: PublishAnswer;
}

/** Makes one delivery of each event for each matching subscription, in the caller's transaction. */
@Injectable()
export class FanOut {
  constructor(
    private readonly index: SubscriptionIndex,
    private readonly events: EventRepository,
    private readonly outbox: Outbox,
    private readonly limits: SubscriberLimits,
  ) {}

  /** Who has subscribed to what, as `trx` sees it. */
  async matcherFor(trx: Transaction<Schema>): Promise<Matcher> {
    return this.index.asOf(trx);
  }

  /**
   * Answers one for each event, in their order. The caller wakes the outbox after the commit.
   * @param known of this transaction, for callers that have asked already
   */
  async write(trx: Transaction<Schema>, events: readonly NewEvent[], known?: Matcher): Promise<Written[]> {
    const matcher = known ?? (await this.matcherFor(trx));
    const plans = events.map((event) => this.plan(event, matcher));
    const kept = plans.filter(isKept);
    if (kept.length === 0) return plans.map(({ answer }) => ({ answer, isNew: true }));
    const fresh = await this.events.insert(
      trx,
      kept.map(({ event, answer }) => ({ event, matched: answer.matched, answer: JSON.stringify(answer) })),
    );
    const written = plans.map((plan): Written & Plan => {
      // Deleted, so that a second one of the same id in this call counts as known.
      return { ...plan, isNew: !isKept(plan) || fresh.delete(plan.event.id) };
    });
    await this.enqueue(trx, written);
    return written;
  }

  private plan(event: NewEvent, matcher: Matcher): Plan {
    const { id, tag, providerName, publishedBy } = event;
    const matching =
      publishedBy === ''
        ? matcher.page({ tag, isOwn: true, after: 0, upTo: matcher.changeNo, providerName, limit: Infinity })
        : matcher.match(tag).filter((one) => providerName === undefined || one.providerName === providerName);
    const targets = matching.filter(({ subscriberId }) => !this.limits.isOver(subscriberId));
    const dropped = matching.length - targets.length;
    const answer = { id, matched: targets.length, ...(dropped === 0 ? {} : { dropped }) };
    return { event, targets, answer };
  }

  private async enqueue(trx: Transaction<Schema>, written: readonly (Written & Plan)[]): Promise<void> {
    const receivedAt = Date.now();
    let chunk: DeliveryDraft[] = [];
    for (const { event, targets, isNew } of written) {
      if (!isNew) continue;
      for (const target of targets) {
        chunk.push(draftOf(event, target, receivedAt));
        if (chunk.length < CHUNK) continue;
        await this.outbox.enqueue(trx, chunk);
        chunk = [];
      }
    }
    await this.outbox.enqueue(trx, chunk);
  }
}

/** An event that reaches nobody and need not be recognised again is not stored. */
function isKept({ event, targets }: Plan): boolean {
  return targets.length > 0 || event.once !== undefined;
}

function draftOf(event: NewEvent, target: ActiveSubscription, receivedAt: number): DeliveryDraft {
  return {
    id: deliveryIdOf(event.id, target.id),
    sink: target.sink,
    orderKey: `${target.id}:${event.orderKey}`,
    subjectId: target.id,
    // The event's id is all: the sink reads the rest.
    payload: event.id,
    destination: target.destination,
    receivedAt,
  };
}
