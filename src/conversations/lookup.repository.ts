import { Injectable } from '@nestjs/common';
import { type Expression, type ExpressionBuilder, type RawBuilder, type SqlBool, type Transaction } from 'kysely';
import { Database } from '../storage/database.js';
import { oneOf } from '../storage/json-rows.js';
import type { InteractionRow, Schema } from '../storage/schema.js';
import { least, stillWaiting, WAITING } from './waiting-rows.js';

/**
 * Whoever is due stands in one of these. `usual`: nothing is known against them. `suspects`: their look-ups failed, their own or one that
 * was for others too. `apart`: their conversations spoil look-ups in bulk. `last`: the time of others than these last is over.
 */
export type LookupLane = 'usual' | 'suspects' | 'apart' | 'last';

export interface DueWanted {
  owner: string;
  lane: LookupLane;
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
  async take({ owner, lane, limit, putOffMs }: DueWanted): Promise<DueLookups> {
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
          .where((row) => standsIn(lane, row, now))
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

  /** They could not be asked for: again in `inMs`. */
  async putOff(ids: readonly string[], inMs: number): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set((eb) => ({ lookup_at: this.notPastExpiry(eb, inMs) }))
      .where(this.waitingAmong(ids))
      .execute();
  }

  /** One of them kept a request from being answered in time: asked again at once, among the suspects. */
  async suspect(ids: readonly string[]): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set((eb) => ({ lookup_at: this.database.now, lookup_failures: eb('lookup_failures', '+', 1) }))
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

  /** Their conversations spoil look-ups in bulk: asked for alone, at once and from now on. */
  async setApart(ids: readonly string[]): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set({ lookup_at: this.database.now, lookup_alone: 1, lookup_failures: 0 })
      .where(this.waitingAmong(ids))
      .execute();
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

function standsIn(
  lane: LookupLane,
  eb: ExpressionBuilder<Schema, 'interactions'>,
  now: Database['now'],
): Expression<SqlBool> {
  const apart = eb('lookup_alone', '=', 1);
  const over = eb('expires_at', '<=', now);
  const failed = eb('lookup_failures', '>', 0);
  switch (lane) {
    case 'apart':
      return apart;
    case 'last':
      return eb.and([eb.not(apart), over]);
    case 'suspects':
      return eb.and([eb.not(apart), eb.not(over), failed]);
    case 'usual':
      return eb.and([eb.not(apart), eb.not(over), eb.not(failed)]);
  }
}
