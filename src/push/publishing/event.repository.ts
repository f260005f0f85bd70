import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely, RawBuilder, Transaction } from 'kysely';
import { Database } from '../../storage/database.js';
import { jsonList, jsonRows } from '../../storage/json-rows.js';
import type { PushEventRow } from '../../storage/push-tables.js';
import type { Schema } from '../../storage/schema.js';
import { DEFAULT_PROVIDER } from '../notification.schemas.js';
import { PUSH_SINKS } from '../subscriptions/subscription.js';
import type { NewEvent } from './event.js';

export interface StoredEvent {
  event: NewEvent;
  matched: number;
  /** JSON of the answer; null while a direct publication is under way. */
  answer: string | null;
  /** Its deliveries are made later, for the subscriptions of changes up to this one; absent: they are made with it. */
  seenChange?: number | undefined;
}

/** A text as it is stored: PostgreSQL's texts hold neither U+0000 nor half a surrogate pair, and a message may have both. */
const storedText = (text: string): string => JSON.stringify(text);
export const textOfStored = (stored: string): string => JSON.parse(stored) as string;

/** Published events. */
@Injectable()
export class EventRepository {
  constructor(private readonly database: Database) {}

  /** Inserts those whose id and `Idempotency-Key` are new; returns their ids. */
  async insert(trx: Kysely<Schema>, events: readonly StoredEvent[]): Promise<Set<string>> {
    const rows = events.map(({ event, matched, answer, seenChange }, ordinal) => ({
      id: event.id,
      tag: event.tag,
      message: storedText(event.message),
      media_type: event.mediaType,
      provider_name: event.providerName ?? DEFAULT_PROVIDER,
      matched,
      published_by: event.publishedBy,
      idempotency_key: event.once?.key ?? null,
      body_hash: event.once?.bodyHash ?? null,
      answer,
      seen_change: seenChange ?? null,
      order_key: seenChange === undefined ? null : event.orderKey,
      ordinal,
    }));
    const table = jsonRows(this.database.kind, rows, {
      id: 'text',
      tag: 'text',
      message: 'text',
      media_type: 'text',
      provider_name: 'text',
      matched: 'bigint',
      published_by: 'text',
      idempotency_key: 'text',
      body_hash: 'text',
      answer: 'text',
      seen_change: 'bigint',
      order_key: 'text',
      ordinal: 'bigint',
    });
    const columns = sql.raw(
      'id, tag, message, media_type, provider_name, matched, published_by, idempotency_key, body_hash, answer, seen_change, order_key',
    );
    const inserted = await sql<{ id: string }>`
      insert into push_events (${columns}, published_at, fan_out_no)
      select ${columns}, ${this.database.now}, case when order_key is not null then ${this.nextPlace()} end
      from ${table} as events
      where true on conflict do nothing returning id`.execute(trx);
    return new Set(inserted.rows.map(({ id }) => id));
  }

  /** After all that wait: whoever has seen an event committed comes behind it. */
  private nextPlace(): RawBuilder<number> {
    if (this.database.kind === 'postgres') return sql<number>`nextval('push_fan_outs')`;
    return sql<number>`ordinal + 1 + coalesce(
      (select max(waiting.fan_out_no) from push_events as waiting where waiting.fan_out_no is not null), 0)`;
  }

  async byKey(db: Kysely<Schema>, publishedBy: string, key: string): Promise<PushEventRow | undefined> {
    return db
      .selectFrom('push_events')
      .selectAll()
      .where('published_by', '=', publishedBy)
      .where('idempotency_key', '=', key)
      .executeTakeFirst();
  }

  async byIds(ids: readonly string[]): Promise<PushEventRow[]> {
    return this.database.db
      .selectFrom('push_events')
      .selectAll()
      .where('id', 'in', jsonList(this.database.kind, ids))
      .execute();
  }

  async saveAnswer(id: string, answer: string): Promise<void> {
    await this.database.db.updateTable('push_events').set({ answer }).where('id', '=', id).execute();
  }

  /** Takes a direct publication over whose process has not ended it for so long; false when it is somebody's. */
  async takeOver(id: string, olderThanMs: number): Promise<boolean> {
    const { numUpdatedRows } = await this.database.db
      .updateTable('push_events')
      .set({ published_at: this.database.now })
      .where('id', '=', id)
      .where('answer', 'is', null)
      .where('published_at', '<', sql<number>`${this.database.now} - ${sql.lit(olderThanMs)}`)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Forgets a direct publication that failed, so that the same key tries again. */
  async forgetUnanswered(id: string): Promise<void> {
    await this.database.db.deleteFrom('push_events').where('id', '=', id).where('answer', 'is', null).execute();
  }

  /** Removes up to `limit` events that old, but those that a delivery still needs; returns how many. */
  async removeOld(olderThanMs: number, limit: number): Promise<number> {
    const { db, now } = this.database;
    const sinks = sql.join(PUSH_SINKS.map((sink) => sql.lit(sink)));
    const { rows } = await sql`
      delete from push_events where id in (
        select id from push_events
        where published_at < ${now} - ${sql.lit(olderThanMs)} and fan_out_no is null and id not in (
          select payload from deliveries where sink in (${sinks}) and state in ('pending', 'claimed')
          union all select payload from deliveries where sink in (${sinks}) and state = 'dead'
          union all select payload from deliveries where sink in (${sinks}) and state = 'discarded')
        order by published_at limit ${limit})
      returning id`.execute(db);
    return rows.length;
  }

  /** Removes up to `limit` deliveries that were over so long ago, dead ones excepted; returns how many. */
  async removeDeliveries(olderThanMs: number, limit: number): Promise<number> {
    return this.database.transaction(async (trx) => {
      const delivered = await this.removeIn(trx, 'delivered', olderThanMs, limit);
      const discarded = await this.removeIn(trx, 'discarded', olderThanMs, limit);
      return delivered + discarded + (await this.removeIn(trx, 'cancelled', olderThanMs, limit));
    });
  }

  private async removeIn(
    trx: Transaction<Schema>,
    state: 'delivered' | 'discarded' | 'cancelled',
    olderThanMs: number,
    limit: number,
  ): Promise<number> {
    const at = sql.ref(`${state}_at`);
    const sinks = sql.join(PUSH_SINKS.map((sink) => sql.lit(sink)));
    // The states are literal, as the conditions of the indexes are.
    const { rows } = await sql`
      delete from deliveries where seq in (
        select seq from deliveries
        where state = ${sql.lit(state)} and sink in (${sinks}) and ${at} < ${this.database.now} - ${sql.lit(olderThanMs)}
        order by ${at} limit ${limit})
      returning seq`.execute(trx);
    return rows.length;
  }
}
