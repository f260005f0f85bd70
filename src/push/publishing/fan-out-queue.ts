import { Injectable } from '@nestjs/common';
import { type Kysely, sql, type Transaction } from 'kysely';
import { Database } from '../../storage/database.js';
import { jsonList, jsonRows } from '../../storage/json-rows.js';
import type { PushEventRow } from '../../storage/push-tables.js';
import type { Schema } from '../../storage/schema.js';

/** Advisory lock of whoever makes deliveries ("gwfo"). */
const FAN_OUT_LOCK = 0x6777666f;

/** Most events that are counted: some 0.1 ms under SQLite. */
const MAX_COUNTED = 10_000;

/** An event whose deliveries are to be made, or some of them. */
export type QueuedEvent = Pick<
  PushEventRow,
  'id' | 'tag' | 'provider_name' | 'published_by' | 'published_at' | 'fan_out_after' | 'seen_change' | 'order_key'
>;

/** How far one page has brought an event. */
export interface Progress {
  id: string;
  /** Subscriptions made by changes up to this one have their deliveries. */
  after: number;
  /** 1: all of them have. */
  done: 0 | 1;
  /** Deliveries made in this page. */
  made: number;
}

/** Events that are stored and whose deliveries are still to be made. */
@Injectable()
export class FanOutQueue {
  constructor(private readonly database: Database) {}

  /**
   * Up to `limit` events whose turn it is: nothing earlier with the same key waits, and those with the fewest pages come
   * first, so that a small one need not wait for a large one's end. Until `trx` ends nobody else makes deliveries, so
   * that the order of one key holds over all replicas; a process that dies frees its place with its connection.
   */
  async next(trx: Transaction<Schema>, limit: number): Promise<QueuedEvent[]> {
    if (this.database.kind === 'postgres') await sql`select pg_advisory_xact_lock(${FAN_OUT_LOCK})`.execute(trx);
    // The conditions are literal, as those of the indexes are; "not exists" would have PostgreSQL list all that wait.
    const { rows } = await sql<QueuedEvent>`
      select id, tag, provider_name, published_by, published_at, fan_out_after, seen_change, order_key
      from push_events as event
      where fan_out_no is not null and (
        select 1 from push_events as earlier
        where earlier.fan_out_no is not null and earlier.order_key = event.order_key
          and earlier.fan_out_no < event.fan_out_no limit 1) is null
      order by fan_out_pages, fan_out_no limit ${limit}`.execute(trx);
    return rows;
  }

  async advance(trx: Transaction<Schema>, progress: readonly Progress[]): Promise<void> {
    const table = jsonRows(this.database.kind, progress, {
      id: 'text',
      after: 'bigint',
      done: 'bigint',
      made: 'bigint',
    });
    await sql`
      update push_events set
        fan_out_no = case when page.done = 1 then null else push_events.fan_out_no end,
        fan_out_pages = push_events.fan_out_pages + 1,
        fan_out_after = page.after,
        matched = push_events.matched + page.made
      from ${table} as page where push_events.id = page.id`.execute(trx);
  }

  /** Which of these keys have events waiting: what follows must wait behind them. */
  async waitingOf(db: Kysely<Schema>, orderKeys: readonly string[]): Promise<Set<string>> {
    const { rows } = await sql<{ order_key: string }>`
      select distinct order_key from push_events
      where fan_out_no is not null and order_key in ${jsonList(this.database.kind, orderKeys)}`.execute(db);
    return new Set(rows.map((row) => row.order_key));
  }

  /** How many events wait, up to 10,000. */
  async count(): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from (
        select 1 from push_events where fan_out_no is not null limit ${sql.lit(MAX_COUNTED)}) as waiting`.execute(
      this.database.db,
    );
    return rows[0]?.count ?? 0;
  }
}
