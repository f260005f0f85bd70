import { Injectable } from '@nestjs/common';
import { type Expression, type ExpressionBuilder, type RawBuilder, sql, type SqlBool, type Transaction } from 'kysely';
import { Database } from '../storage/database.js';
import { oneOf } from '../storage/json-rows.js';
import type { InteractionRow, Schema } from '../storage/schema.js';
import type { LookupWait } from './lookup-schedule.js';
import { afterWait, inGap } from './lookup-times.js';
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

  /**
   * Waiting ones that are due for a look-up, the longest due first; each is put off, so that nobody else takes it. A usual batch
   * is filled up with those that may go along. Nobody is taken while nobody is due.
   */
  async take({ owner, lane, limit, putOffMs }: DueWanted): Promise<DueLookups> {
    const { db, kind } = this.database;
    // Asked once in a statement: PostgreSQL could not look into an index with a time that goes on.
    const now = sql<number>`(select ${this.database.now})`;
    const inLane = (eb: ExpressionBuilder<Schema, 'interactions'>): Expression<SqlBool> =>
      eb.and([WAITING, eb('owner', '=', owner), standsIn(lane, eb, now)]);
    const rows = await db
      .with(
        (name) => name('batch').materialized(),
        (creator) => {
          const batch = creator
            .selectFrom('interactions')
            .select(['id', 'lookup_at'])
            .where(inLane)
            .where(lane === 'usual' ? 'lookup_open_at' : 'lookup_at', '<=', now)
            .where((eb) => {
              const due = eb.selectFrom('interactions').select('id').where(inLane).where('lookup_at', '<=', now);
              // In their order, and not `exists`, for which PostgreSQL walks through all.
              return eb(due.orderBy('lookup_at').limit(1), 'is not', null);
            })
            .orderBy('lookup_at')
            .limit(limit);
          // Those that are just being captured need no look-up.
          return kind === 'postgres' ? batch.forUpdate().skipLocked() : batch;
        },
      )
      .updateTable('interactions')
      .set((eb) => ({ lookup_at: eb(now, '+', putOffMs), lookup_open_at: eb(now, '+', putOffMs) }))
      .where('id', 'in', (eb) => eb.selectFrom('batch').select('id'))
      // Another round may have taken whoever was due.
      .where((eb) => eb.exists(eb.selectFrom('batch').select('batch.id').where('batch.lookup_at', '<=', now)))
      .returningAll()
      .execute();
    return { rows, now: (rows[0]?.lookup_at ?? 0) - putOffMs };
  }

  /** Genesys answered, and they go on waiting: `step` look-ups of their series have been made, and the next comes after this wait. */
  async schedule(taken: readonly InteractionRow[], step: number, wait: LookupWait): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set({ lookup_step: step, lookup_failures: 0, ...afterWait(this.database, wait) })
      .where(this.notBegunAnew(taken))
      .execute();
  }

  /** They could not be asked for: again in `inMs`. */
  async putOff(taken: readonly InteractionRow[], inMs: number): Promise<void> {
    await this.database.db.updateTable('interactions').set(this.again(inMs)).where(this.notBegunAnew(taken)).execute();
  }

  /** One of them kept a request from being answered in time: asked again at once, among the suspects. */
  async suspect(ids: readonly string[]): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set((eb) => ({ ...this.atOnce(), lookup_failures: eb('lookup_failures', '+', 1) }))
      .where(this.waitingAmong(ids))
      .execute();
  }

  /** Their own look-up failed: again in `inMs`, and they say so. */
  async fail(ids: readonly string[], { code, message }: LookupFailure, inMs: number): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set((eb) => ({
        ...this.again(inMs),
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
      .set({ ...this.atOnce(), lookup_alone: 1, lookup_failures: 0 })
      .where(this.waitingAmong(ids))
      .execute();
  }

  /** Something was heard of them that does not fit: their look-ups begin anew, as in a gap, and no later than they would have come. */
  async beginAnew(trx: Transaction<Schema>, ids: readonly string[], sweepMs: number): Promise<void> {
    const { kind } = this.database;
    const next = inGap(this.database, sweepMs);
    await trx
      .updateTable('interactions')
      .set((eb) => ({ ...next, lookup_at: eb.fn<number>(least(kind), [next.lookup_at, 'lookup_at']) }))
      .where(this.waitingAmong(ids))
      .execute();
  }

  private again(inMs: number): ReturnType<typeof afterWait> {
    return afterWait(this.database, { inMs, openInMs: inMs });
  }

  private atOnce(): ReturnType<typeof afterWait> {
    return { lookup_at: this.database.now, lookup_open_at: this.database.now };
  }

  /** Those of them that still stand where `take` has put them: whoever was missed meanwhile has an earlier time, which stays. */
  private notBegunAnew(taken: readonly InteractionRow[]): RawBuilder<boolean> {
    const putOffTo = Math.min(...taken.map((row) => row.lookup_at ?? 0));
    return sql<boolean>`${this.waitingAmong(taken.map((row) => row.id))} and lookup_at >= ${putOffTo}`;
  }

  private waitingAmong(ids: readonly string[]): RawBuilder<boolean> {
    const { kind } = this.database;
    return stillWaiting(kind, oneOf(kind, 'id', ids));
  }
}

function standsIn(
  lane: LookupLane,
  eb: ExpressionBuilder<Schema, 'interactions'>,
  now: RawBuilder<number>,
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
