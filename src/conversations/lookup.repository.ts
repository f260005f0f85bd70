import { Injectable } from '@nestjs/common';
import { type Expression, type ExpressionBuilder, type RawBuilder, type Transaction } from 'kysely';
import { Database } from '../storage/database.js';
import { oneOf } from '../storage/json-rows.js';
import type { InteractionRow, Schema } from '../storage/schema.js';
import { least, stillWaiting, WAITING } from './waiting-rows.js';

export interface DueWanted {
  owner: string;
  /** Those whose time is over and who are asked for the last time, or the others. */
  last: boolean;
  limit: number;
  /** How long nobody else takes them. */
  putOffMs: number;
}

/** Look-ups that are due now, and the database's time at that moment, in epoch ms. */
export interface DueLookups {
  rows: InteractionRow[];
  now: number;
}

/** Why an interaction's look-up came to nothing. */
export interface LookupFailure {
  code: string;
  message: string;
}

/** When each waiting interaction is looked up next, and how its look-ups went. */
@Injectable()
export class LookupRepository {
  constructor(private readonly database: Database) {}

  /** Waiting ones that are due for a look-up, the longest due first; each is put off, so that nobody else takes it. */
  async take({ owner, last, limit, putOffMs }: DueWanted): Promise<DueLookups> {
    const { now } = this.database;
    const rows = await this.database.db
      .updateTable('interactions')
      .set((eb) => ({ lookup_at: eb(now, '+', putOffMs) }))
      .where('id', 'in', (eb) => {
        const due = eb
          .selectFrom('interactions')
          .select('id')
          .where(WAITING)
          .where('owner', '=', owner)
          .where('lookup_at', '<=', now)
          .where('expires_at', last ? '<=' : '>', now)
          .orderBy('lookup_at')
          .limit(limit);
        // Those that are just being captured need no look-up.
        return this.database.kind === 'postgres' ? due.forUpdate().skipLocked() : due;
      })
      .returningAll()
      .execute();
    return { rows, now: (rows[0]?.lookup_at ?? 0) - putOffMs };
  }

  /** Genesys answered, and they go on waiting: look-up number `step` is in `inMs`. */
  async schedule(ids: readonly string[], step: number, inMs: number): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set((eb) => ({ lookup_step: step, lookup_failures: 0, lookup_at: this.notPastExpiry(eb, inMs) }))
      .where(this.waitingAmong(ids))
      .execute();
  }

  /** They could not be asked for: again in `inMs`. @param failed whether that counts as a failure of theirs */
  async putOff(ids: readonly string[], inMs: number, failed: boolean): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set((eb) => ({
        lookup_at: this.notPastExpiry(eb, inMs),
        ...(failed ? { lookup_failures: eb('lookup_failures', '+', 1) } : {}),
      }))
      .where(this.waitingAmong(ids))
      .execute();
  }

  /** Their own look-up failed: again in `inMs`, and they say so. */
  async fail(ids: readonly string[], { code, message }: LookupFailure, inMs: number): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set((eb) => ({
        lookup_at: this.notPastExpiry(eb, inMs),
        lookup_failures: eb('lookup_failures', '+', 1),
        last_error_code: code,
        last_error_message: message,
        last_error_at: this.database.now,
      }))
      .where(this.waitingAmong(ids))
      .execute();
  }

  /** Their conversations spoil look-ups in bulk: they are asked for alone from now on. */
  async setApart(ids: readonly string[]): Promise<void> {
    await this.database.db.updateTable('interactions').set({ lookup_alone: 1 }).where(this.waitingAmong(ids)).execute();
  }

  /** Something was heard of them: their look-ups begin anew, in `inMs` at the latest. */
  async beginAnew(trx: Transaction<Schema>, ids: readonly string[], inMs: number): Promise<void> {
    const { kind, now } = this.database;
    await trx
      .updateTable('interactions')
      .set((eb) => ({ lookup_step: 0, lookup_at: eb.fn<number>(least(kind), [eb(now, '+', inMs), 'lookup_at']) }))
      .where(this.waitingAmong(ids))
      .execute();
  }

  private waitingAmong(ids: readonly string[]): RawBuilder<boolean> {
    const { kind } = this.database;
    return stillWaiting(kind, oneOf(kind, 'id', ids));
  }

  /** Never later than they expire, since a last look-up comes before that. */
  private notPastExpiry(eb: ExpressionBuilder<Schema, 'interactions'>, inMs: number): Expression<number> {
    const { kind, now } = this.database;
    return eb
      .case()
      .when('expires_at', '>', now)
      .then(eb.fn<number>(least(kind), [eb(now, '+', inMs), 'expires_at']))
      .else(eb(now, '+', inMs))
      .end();
  }
}
