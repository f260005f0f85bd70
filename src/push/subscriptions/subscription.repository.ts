import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely, Transaction } from 'kysely';
import { Database } from '../../storage/database.js';
import { jsonList } from '../../storage/json-rows.js';
import type { PushSubscriptionRow } from '../../storage/push-tables.js';
import type { Schema } from '../../storage/schema.js';
import type { EndReason, SubscriptionDraft } from './subscription.js';

/** What the index reads of a row. */
const CHANGED_COLUMNS = [
  'id',
  'subscriber_id',
  'filter',
  'provider_name',
  'type',
  'destination',
  'created_by',
  'own_events',
  'expires_at',
  'ended_at',
  'change_no',
] as const;
export type ChangedRow = Pick<PushSubscriptionRow, (typeof CHANGED_COLUMNS)[number]>;

/** Where a page of changed rows ended. */
export interface ChangeMark {
  changeNo: number;
  /** Last id of that number that was read; absent: all of them. */
  id?: string;
}

export interface SubscriptionQuery {
  limit: number;
  before?: { createdAt: number; id: string } | undefined;
  subscriberId?: string | undefined;
}

/** Subscriptions in the database. All times are the database's. */
@Injectable()
export class SubscriptionRepository {
  constructor(private readonly database: Database) {}

  /**
   * The number of this transaction's change. Until it commits every other change waits, so that numbers become visible in
   * their order: whoever has seen one has seen all before it.
   */
  async nextChange(trx: Transaction<Schema>): Promise<number> {
    const { change_no } = await trx
      .updateTable('push_changes')
      .set((eb) => ({ change_no: eb('change_no', '+', 1) }))
      .where('id', '=', 1)
      .returning('change_no')
      .executeTakeFirstOrThrow();
    return change_no;
  }

  /** The last committed change, and the database's time. */
  async latestChange(db: Kysely<Schema>): Promise<{ changeNo: number; now: number }> {
    return db
      .selectFrom('push_changes')
      .select(['change_no as changeNo', this.database.now.as('now')])
      .where('id', '=', 1)
      .executeTakeFirstOrThrow();
  }

  /** Whether a subscriber or a key has as many active subscriptions as `limit`. Reads at most so many entries of an index. */
  async isFull(
    trx: Transaction<Schema>,
    whose: 'subscriber_id' | 'created_by',
    name: string,
    limit: number,
  ): Promise<boolean> {
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from (
        select 1 from push_subscriptions
        where ${sql.ref(whose)} = ${name} and ended_at is null and expires_at > ${this.database.now}
        limit ${limit}) as active`.execute(trx);
    return (rows[0]?.count ?? 0) >= limit;
  }

  async insert(trx: Transaction<Schema>, draft: SubscriptionDraft, changeNo: number): Promise<void> {
    const { device } = draft;
    const { now } = this.database;
    await trx
      .insertInto('push_subscriptions')
      .values({
        id: draft.id,
        subscriber_id: draft.subscriberId,
        filter: draft.filter,
        provider_name: device.providerName,
        language: draft.language ?? null,
        type: device.type,
        device_id: device.deviceId,
        properties: JSON.stringify(device.properties),
        debug: device.debug ? 1 : 0,
        authorization: draft.authorization,
        destination: draft.destination,
        created_by: draft.createdBy,
        own_events: draft.ownEvents ? 1 : 0,
        created_at: now,
        expires_at: sql<number>`${now} + ${sql.lit(draft.expireMs)}`,
        ended_at: null,
        end_reason: null,
        change_no: changeNo,
      })
      .execute();
  }

  /** Ends those of `ids` that are active; returns their ids. */
  async end(trx: Transaction<Schema>, ids: readonly string[], reason: EndReason, changeNo: number): Promise<string[]> {
    const ended = await trx
      .updateTable('push_subscriptions')
      .set({ ended_at: this.database.now, end_reason: reason, change_no: changeNo })
      .where('id', 'in', jsonList(this.database.kind, ids))
      .where('ended_at', 'is', null)
      .returning('id')
      .execute();
    return ended.map(({ id }) => id);
  }

  /**
   * The first `limit` active ones, one of that id or all of a subscriber.
   * @param createdBy only those that this key made; undefined: any key
   */
  async activeOf(
    db: Kysely<Schema>,
    which: { id: string } | { subscriberId: string },
    createdBy: string | undefined,
    limit: number,
  ): Promise<string[]> {
    let query = db
      .selectFrom('push_subscriptions')
      .select('id')
      .where('ended_at', 'is', null)
      .where('expires_at', '>', this.database.now);
    query = 'id' in which ? query.where('id', '=', which.id) : query.where('subscriber_id', '=', which.subscriberId);
    if (createdBy !== undefined) query = query.where('created_by', '=', createdBy);
    return (await query.limit(limit).execute()).map(({ id }) => id);
  }

  /** Those whose time is over and that nobody has marked yet, oldest first. */
  async expired(limit: number): Promise<string[]> {
    const rows = await this.database.db
      .selectFrom('push_subscriptions')
      .select('id')
      .where('ended_at', 'is', null)
      .where('expires_at', '<=', this.database.now)
      .orderBy('expires_at')
      .limit(limit)
      .execute();
    return rows.map(({ id }) => id);
  }

  /** All that are not over, in the order in which they were made: the first `limit` after `mark`. */
  async activeAfter(mark: ChangeMark, limit: number): Promise<ChangedRow[]> {
    return this.after(this.database.db, mark, limit).where('ended_at', 'is', null).execute();
  }

  /** Rows that changed after `mark`, in the order of their changes. */
  async changedAfter(db: Kysely<Schema>, mark: ChangeMark, limit: number): Promise<ChangedRow[]> {
    return this.after(db, mark, limit).execute();
  }

  private after(db: Kysely<Schema>, { changeNo, id }: ChangeMark, limit: number) {
    const after =
      id === undefined ? sql<boolean>`change_no > ${changeNo}` : sql<boolean>`(change_no, id) > (${changeNo}, ${id})`;
    return db
      .selectFrom('push_subscriptions')
      .select(CHANGED_COLUMNS)
      .where(after)
      .orderBy('change_no')
      .orderBy('id')
      .limit(limit);
  }

  /** Active ones for operators, newest first. */
  async list({ limit, before, subscriberId }: SubscriptionQuery): Promise<PushSubscriptionRow[]> {
    let query = this.database.db
      .selectFrom('push_subscriptions')
      .selectAll()
      .where('ended_at', 'is', null)
      .where('expires_at', '>', this.database.now);
    if (subscriberId !== undefined) query = query.where('subscriber_id', '=', subscriberId);
    if (before) query = query.where(sql<boolean>`(created_at, id) < (${before.createdAt}, ${before.id})`);
    return query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
  }

  /** Removes up to `limit` that ended that long ago; returns how many. */
  async removeEnded(olderThanMs: number, limit: number): Promise<number> {
    const result = await sql`
      delete from push_subscriptions where id in (
        select id from push_subscriptions
        where ended_at is not null and ended_at < ${this.database.now} - ${sql.lit(olderThanMs)}
        order by ended_at limit ${limit})`.execute(this.database.db);
    return Number(result.numAffectedRows ?? 0n);
  }
}
