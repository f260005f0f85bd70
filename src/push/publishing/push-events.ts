import { Injectable, Optional } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { AfterCommit } from '../../storage/after-commit.js';
import type { Schema } from '../../storage/schema.js';
import { Metrics } from '../../telemetry/metrics.js';
import { checkTag } from '../tags/tag-grammar.js';
import { type NewEvent, ownEventId } from './event.js';
import { FanOutWorker } from './fan-out-worker.service.js';
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
    @Optional() private readonly worker?: FanOutWorker,
  ) {}

  /** False when the Notification API is off: then nothing is published. */
  get enabled(): boolean {
    return this.fanOut !== undefined;
  }

  /**
   * Publishes in the transaction that brings the events about: both happen or neither. They go to matching subscriptions
   * of every provider. It stores one row for each event, however many subscriptions it goes to: their deliveries are made
   * after the commit. What nobody has subscribed to is not made into an event, and costs no
   * query under SQLite and one small one under PostgreSQL.
   * @throws PushSyntaxError for a tag that is none
   */
  async publishIn<T>(
    trx: Transaction<Schema>,
    news: readonly T[],
    { tagOf, eventOf }: News<T>,
    afterCommit: AfterCommit,
  ): Promise<void> {
    if (!this.fanOut || news.length === 0) return;
    const matcher = await this.fanOut.matcherFor(trx);
    const wanted = news.filter((each) => matcher.hasOwn(tagOf(each)));
    // What reaches nobody is published all the same.
    const unwanted = news.length - wanted.length;
    const stored =
      wanted.length === 0 ? 0 : await this.fanOut.store(trx, wanted.map(eventOf).map(newEventOf), matcher.changeNo);
    afterCommit(() => {
      this.metrics.pushPublished.inc(unwanted + stored);
      if (stored > 0) this.worker?.wake();
    });
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
