import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Batcher } from '../../common/batcher.js';
import { Database } from '../../storage/database.js';
import { jsonList } from '../../storage/json-rows.js';
import type { PushEventRow, PushSubscriptionRow } from '../../storage/push-tables.js';
import { EventRepository, textOfStored } from './event.repository.js';

const MAX_BATCH = 128;
/** Events with their texts: 1,000 of at most 16 Ki characters are 32 MB. */
const MAX_EVENTS = 1_000;
const MAX_KEPT_TEXT = 16 * 1024;

export interface LoadedEvent {
  tag: string;
  message: string;
  mediaType: string;
  /** Epoch ms. */
  publishedAt: number;
}

export interface Loaded {
  /** Undefined when it is over: ended, expired or removed. */
  subscription: PushSubscriptionRow | undefined;
  /** Undefined when it was removed after RETENTION_DAYS. */
  event: LoadedEvent | undefined;
}

interface Wanted {
  subscriptionId: string;
  eventId: string;
}

/** Reads what deliveries refer to, many at a time. Events are the same for many and never change: they are remembered. */
@Injectable()
export class DeliveryLoader {
  private readonly events = new Map<string, LoadedEvent>();
  private readonly batcher = new Batcher<Wanted, Loaded>((wanted) => this.loadAll(wanted), MAX_BATCH);

  constructor(
    private readonly database: Database,
    private readonly repository: EventRepository,
  ) {}

  load(subscriptionId: string, eventId: string): Promise<Loaded> {
    return this.batcher.add({ subscriptionId, eventId });
  }

  private async loadAll(wanted: readonly Wanted[]): Promise<Loaded[]> {
    const subscriptions = await this.activeOnes(wanted.map(({ subscriptionId }) => subscriptionId));
    const events = await this.eventsOf([...new Set(wanted.map(({ eventId }) => eventId))]);
    return wanted.map(({ subscriptionId, eventId }) => ({
      subscription: subscriptions.get(subscriptionId),
      event: events.get(eventId),
    }));
  }

  private async activeOnes(ids: readonly string[]): Promise<Map<string, PushSubscriptionRow>> {
    const { db, kind, now } = this.database;
    const { rows } = await sql<PushSubscriptionRow>`
      select * from push_subscriptions
      where id in ${jsonList(kind, ids)} and ended_at is null and expires_at > ${now}`.execute(db);
    return new Map(rows.map((row) => [row.id, row]));
  }

  private async eventsOf(ids: readonly string[]): Promise<Map<string, LoadedEvent>> {
    const found = new Map<string, LoadedEvent>();
    const missing = ids.filter((id) => {
      const event = this.events.get(id);
      if (event) found.set(id, event);
      return !event;
    });
    if (missing.length === 0) return found;
    for (const row of await this.repository.byIds(missing)) {
      const event = eventOf(row);
      found.set(row.id, event);
      this.remember(row.id, event);
    }
    return found;
  }

  /** The oldest make room: an event's deliveries come close together. */
  private remember(id: string, event: LoadedEvent): void {
    if (event.message.length > MAX_KEPT_TEXT) return;
    if (this.events.size >= MAX_EVENTS) for (const oldest of this.events.keys().take(1)) this.events.delete(oldest);
    this.events.set(id, event);
  }
}

function eventOf(row: PushEventRow): LoadedEvent {
  return {
    tag: row.tag,
    message: textOfStored(row.message),
    mediaType: row.media_type,
    publishedAt: row.published_at,
  };
}
