import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Kysely, RawBuilder, Transaction } from 'kysely';
import { Database } from '../storage/database.js';
import { jsonList, jsonRows, justCompared, named, oneOf } from '../storage/json-rows.js';
import type { DeliveryRow, Schema } from '../storage/schema.js';
import { ITS_TURN, type Claim, type Due, type Share } from './claim.js';
import { claimedOf, insertDeliveries } from './delivery-insert.js';
import { postpone, type Postponed, putOffThoseBehind } from './postponement.js';
import { claimByShares } from './share-claim.js';
import { dueAmong, dueDestinations } from './shares.js';
import type { DeliveryDraft } from './sink.js';

/** How one attempt is stored. `v_id` and `v_claim` are the fence. */
export interface StoredOutcome {
  v_id: string;
  v_claim: string;
  v_state: 'delivered' | 'dead' | 'pending' | 'cancelled';
  /** 1, or 0 when the receiver was not asked. */
  v_attempts: number;
  v_delay_ms: number;
  v_status: number | null;
  v_code: string | null;
  v_message: string | null;
  /** Only of a dead one: a page of 2 KiB for each attempt of an outage is not worth its write. */
  v_answer: string | null;
}

/** What was stored of an outcome whose claim still held. */
export interface Stored {
  id: string;
  attempts: number;
  at: number;
}

export interface Backlog {
  /** Deliveries not yet delivered and not dead. */
  waiting: number;
  /** Milliseconds since the event of the oldest of them was received; null when none waits. */
  oldestWaitingMs: number | null;
  dead: number;
}

/** The rows of the outbox. All times are the database's. */
@Injectable()
export class DeliveryRepository {
  constructor(private readonly database: Database) {}

  /**
   * Inserts those that are new to their sink, in order. With a claim, all of its sink, as many of the new ones as it has room for
   * are claimed at once, if it is their turn. Returns the ids, and those that are claimed.
   */
  async insert(
    trx: Transaction<Schema>,
    drafts: readonly DeliveryDraft[],
    claim?: Claim,
  ): Promise<{ ids: string[]; claimed: DeliveryRow[] }> {
    const rows = await insertDeliveries(trx, this.database, drafts, claim);
    return { ids: rows.map(({ id }) => id), claimed: claim ? claimedOf(rows, drafts, claim) : [] };
  }

  /** Claims up to `limit` due deliveries that no process has died with. */
  async claimDue(claim: Claim): Promise<DeliveryRow[]> {
    return this.claim(claim, claim.limit, sql<boolean>`candidate.crashes = 0`);
  }

  /**
   * Destinations after `after` for which something waits, `limit` of them at most: those with something due, and the last
   * that was looked at; that is undefined when there are no more.
   */
  dueDestinations(sink: string, after: string, limit: number): ReturnType<typeof dueDestinations> {
    return dueDestinations(this.database, sink, after, limit);
  }

  /** Those among `destinations` with something due. */
  dueAmong(sink: string, destinations: readonly string[]): Promise<Due> {
    return dueAmong(this.database, sink, destinations);
  }

  /**
   * Claims for each destination as much as its share says, its oldest first. Where what is due stands behind what is not, that
   * is put off, so that it hides nothing; where a `crowded` one has more that stands behind what is under way than is looked
   * at, its other keys are looked through.
   */
  claimShares(
    claim: Claim,
    shares: readonly Share[],
    crowded: ReadonlySet<string> = new Set(),
  ): Promise<DeliveryRow[]> {
    return claimByShares(this.database, claim, shares, crowded);
  }

  /**
   * Claims one delivery that processes died with, if none is in flight anywhere: should it be the cause, it takes
   * only itself along, and the innocent ones of that crash are cleared one after the other, the least suspected first.
   * @param spare leave those alone that so many processes died with
   */
  async claimSuspect(claim: Claim, spare?: number): Promise<DeliveryRow[]> {
    // Nearly always there is none, and looking costs a tenth of what a statement that may write costs.
    const { rows } = await sql`
      select 1 from deliveries where sink = ${claim.sink} and state = 'pending' and crashes > 0
        and crashes <> ${spare ?? 0} and due_at <= ${this.database.now} limit 1`.execute(this.database.db);
    if (rows.length === 0) return [];
    const alone = sql<boolean>`candidate.crashes > 0 and candidate.crashes <> ${spare ?? 0} and not exists (
      select 1 from deliveries as other
      where other.sink = candidate.sink and other.state = 'claimed' and other.crashes > 0)`;
    try {
      return await this.claim(claim, 1, alone, sql`crashes, due_at, seq`);
    } catch (error) {
      // Another replica took one at the same instant; the unique index lets one of us through.
      if (/deliveries_one_suspect|UNIQUE constraint failed: deliveries\.sink/.test(String(error))) return [];
      throw error;
    }
  }

  /**
   * Milliseconds until the next delivery of `sink` becomes due, null when none is going to; and whether one is due that
   * nobody has claimed: it stands behind another of its key.
   */
  async nextDue(sink: string): Promise<{ waitMs: number | null; blocked: boolean }> {
    const { db, now } = this.database;
    const mine = sql`from deliveries where sink = ${sink} and state = 'pending'`;
    // The first of its index, and not "exists": that PostgreSQL may answer by a walk through the table.
    const first = sql`and due_at <= ${now} order by due_at, seq limit 1`;
    const { rows } = await sql<{ wait: number | null; blocked: number }>`
      select min(due_at) - ${now} as wait,
        case when (select 1 ${mine} and crashes = 0 ${first}) is not null
          or (select 1 ${mine} and crashes > 0 ${first}) is not null then 1 else 0 end as blocked
      from (
        select min(due_at) as due_at ${mine} and crashes = 0 and due_at > ${now}
        union all select min(due_at) ${mine} and crashes > 0 and due_at > ${now}
      ) as next`.execute(db);
    const { wait = null, blocked = 0 } = rows[0] ?? {};
    return { waitMs: wait === null ? null : Math.max(0, wait), blocked: blocked === 1 };
  }

  /** Stores the outcomes whose claim still holds, and tells which those were. */
  async settle(trx: Transaction<Schema>, outcomes: readonly StoredOutcome[]): Promise<Stored[]> {
    const { kind, now } = this.database;
    const table = jsonRows(kind, outcomes, {
      v_id: 'text',
      v_claim: 'text',
      v_state: 'text',
      v_attempts: 'bigint',
      v_delay_ms: 'bigint',
      v_status: 'bigint',
      v_code: 'text',
      v_message: 'text',
      v_answer: 'text',
    });
    const { rows } = await sql<Stored>`
      update deliveries set
        state = v_state,
        attempts = attempts + v_attempts,
        crashes = case when v_attempts = 1 then 0 else crashes end,
        first_attempt_at = coalesce(first_attempt_at, ${now}),
        due_at = ${now} + v_delay_ms,
        claim = null, claimed_by = null, claimed_until = null,
        last_status = coalesce(v_status, last_status),
        last_error_code = coalesce(v_code, last_error_code),
        last_error_message = coalesce(v_message, last_error_message),
        answer = v_answer,
        last_error_at = case when v_code is null then last_error_at else ${now} end,
        delivered_at = case when v_state = 'delivered' then ${now} end,
        dead_at = case when v_state = 'dead' then ${now} end,
        cancelled_at = case when v_state = 'cancelled' then ${now} end
      from ${table} as outcomes
      where ${named(kind, outcomes)} and id = v_id and claim = v_claim and ${justCompared('state')} = 'claimed'
      returning id, attempts, coalesce(delivered_at, dead_at, cancelled_at, last_error_at) as at`.execute(trx);
    return rows;
  }

  /** A suspect has shown that it is none: whatever the process may die of from now on. */
  async clearOfSuspicion({ id, claim }: DeliveryRow): Promise<void> {
    await sql`update deliveries set crashes = 0 where id = ${id} and claim = ${claim} and state = 'claimed'`.execute(
      this.database.db,
    );
  }

  /** Gives claims back unused: the deliveries are due as before and no attempt is counted. */
  async release(claims: readonly { id: string; claim: string | null }[]): Promise<void> {
    if (claims.length === 0) return;
    const rows = claims.map(({ id, claim }) => ({ v_id: id, v_claim: claim ?? '' }));
    const { db, kind } = this.database;
    const table = jsonRows(kind, rows, { v_id: 'text', v_claim: 'text' });
    await sql`
      update deliveries set state = 'pending', claim = null, claimed_by = null, claimed_until = null
      from ${table} as claims
      where ${named(kind, rows)} and id = v_id and claim = v_claim and ${justCompared('state')} = 'claimed'`.execute(
      db,
    );
  }

  /** Gives claims back with a later time; no attempt is counted. */
  postpone(postponed: readonly Postponed[]): Promise<void> {
    return postpone(this.database, postponed);
  }

  /** Puts off what stands behind a delivery that waits, until then. `ids` that do not wait are ignored. */
  putOffThoseBehind(db: Kysely<Schema>, ids: readonly string[]): Promise<void> {
    return putOffThoseBehind(db, this.database.kind, ids);
  }

  /** Gives back whatever of one claim is still held. */
  async releaseClaim({ replica, token }: Claim): Promise<void> {
    await this.releaseWhere(sql<boolean>`claimed_by = ${replica} and claim = ${token}`);
  }

  /** Gives back every claim of this replica. */
  async releaseAll(replica: string): Promise<void> {
    await this.releaseWhere(sql<boolean>`claimed_by = ${replica}`);
  }

  /**
   * Gives back this replica's claims whose lease has run out: a worker that stalled is fenced by it. Those of other
   * replicas are theirs, or of whoever proves them dead; only then a crash is counted.
   */
  async releaseExpired(replica: string): Promise<void> {
    await this.releaseWhere(sql<boolean>`claimed_by = ${replica} and claimed_until < ${this.database.now}`);
  }

  async backlog(sink: string): Promise<Backlog> {
    const { db, now } = this.database;
    // Kept counts: a backlog is longest when there is trouble enough already.
    const kept = (status: string) => sql<number>`(
      select coalesce(sum(n), 0) from (
        select scope, status, n from ledger_counts union all select scope, status, n from ledger_changes
      ) as kept where scope = ${`deliveries.${sink}`} and status = ${status})`;
    const { rows } = await sql<Backlog>`
      select ${kept('waiting')} as waiting, ${kept('dead')} as dead, ${now} - (
        select min(received_at) from deliveries where sink = ${sink} and state in ('pending', 'claimed')
      ) as "oldestWaitingMs"`.execute(db);
    return rows[0] ?? { waiting: 0, oldestWaitingMs: null, dead: 0 };
  }

  /** Makes dead deliveries pending again, as if they had never been tried; returns them as they are now. */
  async revive(trx: Transaction<Schema>, ids: readonly string[]): Promise<DeliveryRow[]> {
    return trx
      .updateTable('deliveries')
      .set({
        state: 'pending',
        attempts: 0,
        crashes: 0,
        first_attempt_at: null,
        due_at: this.database.now,
        dead_at: null,
        answer: null,
      })
      .where(oneOf(this.database.kind, 'id', ids))
      .where(justCompared('state'), '=', 'dead')
      .returningAll()
      .execute();
  }

  private async claim(
    claim: Claim,
    limit: number,
    which: RawBuilder<boolean>,
    order: RawBuilder<unknown> = sql`due_at, seq`,
  ): Promise<DeliveryRow[]> {
    const { db, kind, now } = this.database;
    const skipOthers = kind === 'postgres' ? sql`for update skip locked` : sql``;
    const { rows } = await sql<DeliveryRow>`
      with picked as materialized (
        select seq from deliveries as candidate
        where sink = ${claim.sink} and state = 'pending' and due_at <= ${now} and ${which} and ${ITS_TURN}
          ${this.isFor(claim)}
        order by ${order} limit ${limit} ${skipOthers})
      update deliveries set state = 'claimed', claim = ${claim.token}, claimed_by = ${claim.replica},
        claimed_until = ${now} + ${sql.lit(claim.leaseMs)}
      where seq in (select seq from picked) returning *`.execute(db);
    return rows.sort((a, b) => a.seq - b.seq);
  }

  private isFor({ destinations }: Claim): RawBuilder<unknown> {
    if (destinations === undefined) return sql``;
    return sql`and destination is not null and destination in ${jsonList(this.database.kind, destinations)}`;
  }

  private async releaseWhere(condition: RawBuilder<boolean>): Promise<void> {
    await sql`
      update deliveries set state = 'pending', claim = null, claimed_by = null, claimed_until = null
      where state = 'claimed' and ${condition}`.execute(this.database.db);
  }
}
