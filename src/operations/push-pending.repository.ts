import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { WAITS } from '../delivery/claim.js';
import { waitingDestinations } from '../delivery/waiting-destinations.js';
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

export interface PendingPage {
  rows: PendingRow[];
  /** After which name the next page begins; undefined on the last one. */
  next: string | undefined;
}

/** Pushes that wait, by their destination. Comet users are none: what waits for them waits until they connect. */
@Injectable()
export class PushPendingRepository {
  constructor(private readonly database: Database) {}

  /** By name, those after `after`. @throws StorageUnavailableError */
  async page(after: string, limit: number): Promise<PendingPage> {
    const names = await this.names(after, limit + 1);
    const rows: PendingRow[] = [];
    for (const destination of names.slice(0, limit)) rows.push(...(await this.waitingFor(destination)));
    return { rows, next: names.length > limit ? names[limit - 1] : undefined };
  }

  private async names(after: string, limit: number): Promise<string[]> {
    const { rows } = await sql<{ destination: string }>`
      with recursive ${waitingDestinations(PUSH_SINK, after, limit)}
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
