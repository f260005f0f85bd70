import { Injectable } from '@nestjs/common';
import { sql, type RawBuilder } from 'kysely';
import { WAITS } from '../delivery/claim.js';
import { PUSH_SINK } from '../push/subscriptions/subscription.js';
import { Database } from '../storage/database.js';

/** Pushes of one destination that are looked at: a look costs the same however long its queue is. */
const WINDOW = 1_000;

/** What waits for one destination, those under way not counted. Times are epoch ms. */
export interface PendingRow {
  destination: string;
  /** At most 1,000. */
  waiting: number;
  oldestWaitingMs: number;
  /** The most that were made for one of them. */
  attempts: number;
  dueAt: number;
  code: string | null;
  message: string | null;
  status: number | null;
  errorAt: number | null;
}

/** Pushes that wait, by their destination. Comet users are none: what waits for them waits until they connect. */
@Injectable()
export class PushPendingRepository {
  constructor(private readonly database: Database) {}

  /** By name, those after `after`. One jump in an index for each. @throws StorageUnavailableError */
  async page(after: string, limit: number): Promise<PendingRow[]> {
    const names = await this.names(after, limit);
    const rows: PendingRow[] = [];
    for (const destination of names) rows.push(...(await this.waitingFor(destination)));
    return rows;
  }

  private async names(after: string, limit: number): Promise<string[]> {
    const next = (than: RawBuilder<unknown>) => sql`
      select destination from deliveries where sink = ${PUSH_SINK} and ${WAITS} and destination > ${than}
      order by destination limit 1`;
    const { rows } = await sql<{ destination: string }>`
      with recursive names(destination, no) as (
        select (${next(sql`${after}`)}), 1
        union all
        select (${next(sql.ref('names.destination'))}), no + 1 from names where destination is not null and no < ${limit})
      select destination from names where destination is not null`.execute(this.database.db);
    return rows.map(({ destination }) => destination);
  }

  /** None when the last one has just been claimed. */
  private async waitingFor(destination: string): Promise<PendingRow[]> {
    const { db, now } = this.database;
    const { rows } = await sql<PendingRow>`
      with waiting as (
        select received_at, attempts, due_at, last_error_code, last_error_message, last_status, last_error_at
        from deliveries where sink = ${PUSH_SINK} and ${WAITS} and destination = ${destination}
        order by due_at, seq limit ${sql.lit(WINDOW)}),
      last as (
        select last_error_code as code, last_error_message as message, last_status as status, last_error_at as "errorAt"
        from waiting where last_error_at is not null order by last_error_at desc limit 1),
      all_of_them as (
        select count(*) as waiting, ${now} - min(received_at) as "oldestWaitingMs", max(attempts) as attempts,
          min(due_at) as "dueAt" from waiting)
      select all_of_them.*, code, message, status, "errorAt" from all_of_them left join last on true
      where waiting > 0`.execute(db);
    return rows.map((row) => ({ ...row, destination }));
  }
}
