import { Injectable, Optional } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { AfterCommit } from '../../storage/after-commit.js';
import type { Schema } from '../../storage/schema.js';
import { Metrics } from '../../telemetry/metrics.js';
import { checkTag } from '../tags/tag-grammar.js';
import { type NewEvent, ownEventId } from './event.js';
import { FanOut } from './fan-out.js';

/** An event of the gateway's own. */
export interface OwnEvent {
  /** The same whenever the same thing is told again: subscribers get it once. */
  id: string;
  tag: string;
  /** Becomes the message, as JSON. */
  body: object;
  /** Events of one key reach each subscription in their order. */
  orderKey: string;
}

/** How what has happened becomes events. Most of it interests nobody, so the tag alone comes first. */
export interface News<T> {
  tagOf: (news: T) => string;
  eventOf: (news: T) => OwnEvent;
}

/** Of events that are made already. */
export const AS_IT_IS: News<OwnEvent> = { tagOf: ({ tag }) => tag, eventOf: (event) => event };

/** The gateway's own events, for whoever subscribes to them. Does nothing when the Notification API is off. */
@Injectable()
export class PushEvents {
  constructor(
    private readonly metrics: Metrics,
    @Optional() private readonly fanOut?: FanOut,
  ) {}

  /** False when the Notification API is off: then nothing is published. */
  get enabled(): boolean {
    return this.fanOut !== undefined;
  }

  /**
   * Publishes in the transaction that brings the events about: both happen or neither. They go to matching subscriptions
   * of every provider. Costs no query under SQLite, and one small one under PostgreSQL, when nobody has subscribed; what
   * nobody has subscribed to is not made into an event.
   * Answers how many deliveries that makes: if any, the caller wakes the outbox after the commit.
   * @throws PushSyntaxError for a tag that is none
   */
  async publishIn<T>(
    trx: Transaction<Schema>,
    news: readonly T[],
    { tagOf, eventOf }: News<T>,
    afterCommit: AfterCommit,
  ): Promise<number> {
    if (!this.fanOut || news.length === 0) return 0;
    const matcher = await this.fanOut.matcherFor(trx);
    const wanted = news.filter((each) => matcher.hasOwn(tagOf(each)));
    // What reaches nobody is published all the same.
    const unwanted = news.length - wanted.length;
    if (unwanted > 0) afterCommit(() => this.metrics.pushPublished.inc(unwanted));
    if (wanted.length === 0) return 0;
    const written = await this.fanOut.write(trx, wanted.map(eventOf).map(newEventOf), matcher);
    afterCommit(() => countPublished(this.metrics, written));
    return written.reduce((sum, { answer, isNew }) => sum + (isNew ? answer.matched : 0), 0);
  }
}

function newEventOf({ id, tag, body, orderKey }: OwnEvent): NewEvent {
  checkTag(tag);
  return {
    id: ownEventId(id),
    tag,
    message: JSON.stringify(body),
    mediaType: 'string',
    providerName: undefined,
    publishedBy: '',
    orderKey,
  };
}

/** Counts what was written, once it is committed. */
export function countPublished(metrics: Metrics, written: Awaited<ReturnType<FanOut['write']>>): void {
  for (const { answer, isNew } of written) {
    if (!isNew) continue;
    metrics.pushPublished.inc();
    metrics.pushMatched.inc(answer.matched);
    if (answer.dropped !== undefined) metrics.pushDropped.inc({ reason: 'queue' }, answer.dropped);
  }
}
