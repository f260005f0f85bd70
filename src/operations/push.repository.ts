import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { PUSH_SINKS } from '../push/subscriptions/subscription.js';
import { Database } from '../storage/database.js';
import type { DeliveryState } from '../storage/schema.js';

/** Pushes by state, and all of them. Those under way count as pending. */
export interface PushLedger {
  pending: number;
  delivered: number;
  dead: number;
  discarded: number;
  cancelled: number;
  total: number;
}

// Literal, as the conditions of partial indexes are.
const sinks = sql.join(PUSH_SINKS.map((sink) => sql.lit(sink)));
const STATES = [
  'pending',
  'claimed',
  'delivered',
  'dead',
  'discarded',
  'cancelled',
] as const satisfies readonly DeliveryState[];

/** Counts of pushes. */
@Injectable()
export class PushLedgerRepository {
  constructor(private readonly database: Database) {}

  /** One statement: the numbers are of one moment, and add up to `total`. */
  async read(): Promise<PushLedger> {
    const { rows } = await sql<{ state: DeliveryState; count: number }>`
      select state, count(*) as count from deliveries where sink in (${sinks}) group by state`.execute(
      this.database.db,
    );
    const counts = Object.fromEntries(
      STATES.map((state) => [state, rows.find((row) => row.state === state)?.count ?? 0]),
    ) as Record<DeliveryState, number>;
    const { pending, claimed, ...over } = counts;
    return { pending: pending + claimed, ...over, total: Object.values(counts).reduce((sum, count) => sum + count, 0) };
  }
}
