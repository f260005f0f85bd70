import { Injectable, Optional } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { Schema } from '../../storage/schema.js';
import { Metrics } from '../../telemetry/metrics.js';
import { checkTag } from '../tags/tag-grammar.js';
import { ownEventId } from './event.js';
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
   * of every provider. Costs no query under SQLite, and one small one under PostgreSQL, when nobody has subscribed.
   * Answers how many deliveries that makes: if any, the caller wakes the outbox after the commit. @throws PushSyntaxError for a tag that is none
   */
  async publishIn(trx: Transaction<Schema>, events: readonly OwnEvent[]): Promise<number> {
    if (!this.fanOut || events.length === 0) return 0;
    for (const { tag } of events) checkTag(tag);
    const written = await this.fanOut.write(
      trx,
      events.map((event) => ({
        id: ownEventId(event.id),
        tag: event.tag,
        message: JSON.stringify(event.body),
        mediaType: 'string',
        providerName: undefined,
        publishedBy: '',
        orderKey: event.orderKey,
      })),
    );
    countPublished(this.metrics, written);
    return written.reduce((sum, { answer, isNew }) => sum + (isNew ? answer.matched : 0), 0);
  }
}

/** Counts what was written. Should the transaction be run again, it is counted again: a deadlock is rare enough. */
export function countPublished(metrics: Metrics, written: Awaited<ReturnType<FanOut['write']>>): void {
  for (const { answer, isNew } of written) {
    if (!isNew) continue;
    metrics.pushPublished.inc();
    metrics.pushMatched.inc(answer.matched);
    if (answer.dropped !== undefined) metrics.pushDropped.inc({ reason: 'queue' }, answer.dropped);
  }
}
