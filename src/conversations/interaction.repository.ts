import { Injectable } from '@nestjs/common';
import { sql, type Transaction } from 'kysely';
import { Database } from '../storage/database.js';
import { jsonRows, justCompared, oneOf } from '../storage/json-rows.js';
import type { InteractionRow, Schema } from '../storage/schema.js';
import {
  type InteractionDraft,
  insertInteractions,
  type InteractionTerms,
  renewInteractions,
} from './interaction-insert.js';
import { LATE_LOOKUP_MS } from './lookup-schedule.js';
import { heardNow, inGap } from './lookup-times.js';
import { least, STILL_WAITING, stillWaiting, WAITING } from './waiting-rows.js';

export interface DeliveryFacts {
  attempts: number;
  last_error_code: string | null;
  last_error_message: string | null;
  last_error_at: number | null;
}

/** The end of an attempt that failed. `v_`: names of no column. */
export interface DeliveryFailure {
  v_id: string;
  v_code: string;
  v_message: string;
}

export type InteractionDetails = InteractionRow & { delivery: DeliveryFacts | undefined };

/** The interactions table. Statements take many rows at once, because their callers commit together what comes together. */
@Injectable()
export class InteractionRepository {
  constructor(private readonly database: Database) {}

  /** Stores those that are new by conversation, customer and agent. Answers the ids really stored. */
  async insertNew(
    trx: Transaction<Schema>,
    drafts: readonly InteractionDraft[],
    terms: InteractionTerms,
  ): Promise<InteractionRow[]> {
    return insertInteractions(trx, this.database, drafts, terms);
  }

  /** All interactions of these conversations, whatever their status. */
  async ofConversations(trx: Transaction<Schema>, conversationIds: readonly string[]): Promise<InteractionRow[]> {
    return trx
      .selectFrom('interactions')
      .selectAll()
      .where(oneOf(this.database.kind, 'conversation_id', conversationIds))
      .execute();
  }

  /** Those that wait for after-call work on these conversations, the oldest first; nobody else changes them until the commit. */
  async waitingFor(trx: Transaction<Schema>, conversationIds: readonly string[]): Promise<InteractionRow[]> {
    const waiting = trx
      .selectFrom('interactions')
      .selectAll()
      .where(oneOf(this.database.kind, 'conversation_id', conversationIds))
      .where(STILL_WAITING)
      .orderBy('id');
    const rows = await (this.database.kind === 'postgres' ? waiting.forUpdate() : waiting).execute();
    return rows.sort((a, b) => a.accepted_at - b.accepted_at);
  }

  /**
   * Makes waiting ones captured. Answers the ids that really were waiting: the others were taken by somebody else.
   * @param heard by an event: it may overtake the note that we listen, and proves it
   */
  async capture(trx: Transaction<Schema>, ids: readonly string[], heard: boolean): Promise<Set<string>> {
    const { now } = this.database;
    const rows = await trx
      .updateTable('interactions')
      .set((eb) => ({
        status: 'captured',
        captured_at: now,
        lookup_at: null,
        ...(heard ? { listening_at: eb.fn.coalesce('listening_at', now) } : {}),
      }))
      .where(oneOf(this.database.kind, 'id', ids))
      .where(STILL_WAITING)
      .returning('id')
      .execute();
    return new Set(rows.map((row) => row.id));
  }

  /** Makes expired ones captured, whose work was found late. Answers the ids that really were expired. */
  async captureExpired(trx: Transaction<Schema>, ids: readonly string[]): Promise<Set<string>> {
    const rows = await trx
      .updateTable('interactions')
      .set({ status: 'captured', captured_at: this.database.now, late_lookup_at: null })
      .where(oneOf(this.database.kind, 'id', ids))
      .where(justCompared('status'), '=', 'expired')
      .returning('id')
      .execute();
    return new Set(rows.map((row) => row.id));
  }

  /** A result that was handed in completes an interaction that has none yet. False when it has got one meanwhile. */
  async captureByHand(trx: Transaction<Schema>, id: string, resultHash: string): Promise<boolean> {
    const rows = await trx
      .updateTable('interactions')
      .set({
        status: 'captured',
        captured_at: this.database.now,
        lookup_at: null,
        late_lookup_at: null,
        result_hash: resultHash,
      })
      .where('id', '=', id)
      .where('status', 'in', ['accepted', 'listening', 'expired', 'cancelled'])
      .returning('id')
      .execute();
    return rows.length > 0;
  }

  /**
   * Genesys confirmed the topics of these conversations, and look-ups begin: anew for all after a gap, otherwise for those that
   * were not listened for. Answers them.
   * @param gapId the gap that has ended by that
   */
  async listening(
    conversationIds: readonly string[],
    sweepMs: number,
    gapId: string | undefined,
  ): Promise<Pick<InteractionRow, 'id' | 'conversation_id' | 'correlation_id'>[]> {
    const { db, now } = this.database;
    const next = gapId === undefined ? heardNow(this.database, sweepMs) : inGap(this.database, sweepMs);
    return (
      db
        .updateTable('interactions')
        .set((eb) => ({
          status: 'listening',
          listening_at: eb.fn.coalesce('listening_at', now),
          ...next,
          ...(gapId === undefined ? {} : { gap_id: gapId }),
        }))
        .where(stillWaiting(this.database.kind, oneOf(this.database.kind, 'conversation_id', conversationIds)))
        // A second agent's interaction is no news for the first one's.
        .$if(gapId === undefined, (update) => update.where(justCompared('status'), '=', 'accepted'))
        .returning(['id', 'conversation_id', 'correlation_id'])
        .execute()
    );
  }

  /** No channel has room for the topics of these conversations: they only wait, and are asked for as in a gap. */
  async uncovered(conversationIds: readonly string[], sweepMs: number): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set({ status: 'accepted', ...inGap(this.database, sweepMs) })
      .where(stillWaiting(this.database.kind, oneOf(this.database.kind, 'conversation_id', conversationIds)))
      .execute();
  }

  /** Genesys refuses the topic of this conversation: it only waits, and is asked for as in a gap, which goes on when it is refused again. */
  async rejected(conversationId: string, code: string, message: string, sweepMs: number): Promise<void> {
    const { kind, db, now } = this.database;
    const next = inGap(this.database, sweepMs);
    await db
      .updateTable('interactions')
      .set((eb) => ({
        status: 'accepted',
        last_error_code: code,
        last_error_message: message,
        last_error_at: now,
        ...next,
        lookup_step: sql<number>`case when lookup_series = 'gap' then lookup_step else 0 end`,
        lookup_at: eb.fn<number>(least(kind), [next.lookup_at, 'lookup_at']),
        lookup_open_at: eb.fn<number>(least(kind), [next.lookup_open_at, 'lookup_open_at']),
      }))
      .where('conversation_id', '=', conversationId)
      .where(STILL_WAITING)
      .execute();
  }

  /**
   * For which of these conversations none of this owner's interactions waits any more. Others may: they listen for
   * themselves, and two that listened for one interaction would hold its topic twice.
   */
  async idleAmong(conversationIds: readonly string[], owner: string): Promise<string[]> {
    const waiting = await this.database.db
      .selectFrom('interactions')
      .select('conversation_id')
      .distinct()
      .where(oneOf(this.database.kind, 'conversation_id', conversationIds))
      .where(STILL_WAITING)
      .where('owner', '=', owner)
      .execute();
    const busy = new Set(waiting.map((row) => row.conversation_id));
    return conversationIds.filter((id) => !busy.has(id));
  }

  /** Conversations that this owner's interactions wait for. */
  async waitedForBy(owner: string): Promise<string[]> {
    const rows = await this.database.db
      .selectFrom('interactions')
      .select('conversation_id')
      .distinct()
      .where(WAITING)
      .where('owner', '=', owner)
      .execute();
    return rows.map((row) => row.conversation_id);
  }

  /** Ends the waiting of those whose time is over, until they are asked for once more. Answers them. */
  async expire(trx: Transaction<Schema>, ids: readonly string[]): Promise<InteractionRow[]> {
    const late = sql`accepted_at + ${sql.lit(LATE_LOOKUP_MS)}`;
    return trx
      .updateTable('interactions')
      .set({
        status: 'expired',
        expired_at: this.database.now,
        lookup_at: null,
        // Whoever waited for longer was asked for by then.
        late_lookup_at: sql<number | null>`case when expires_at < ${late} then ${late} end`,
      })
      .where(oneOf(this.database.kind, 'id', ids))
      .where(STILL_WAITING)
      .where('expires_at', '<=', this.database.now)
      .returningAll()
      .execute();
  }

  /**
   * Begins these anew, under their ids and with these contents, as far as they are cancelled or expired: nothing of their
   * earlier lives stays. Answers those that were.
   */
  async renew(
    trx: Transaction<Schema>,
    drafts: readonly InteractionDraft[],
    terms: InteractionTerms,
  ): Promise<InteractionRow[]> {
    return renewInteractions(trx, this.database, drafts, terms);
  }

  /** False when it was not waiting any more. */
  async cancel(trx: Transaction<Schema>, id: string): Promise<boolean> {
    const rows = await trx
      .updateTable('interactions')
      .set({ status: 'cancelled', cancelled_at: this.database.now, lookup_at: null })
      .where('id', '=', id)
      .where(STILL_WAITING)
      .returning('id')
      .execute();
    return rows.length > 0;
  }

  /** The end of their deliveries, in the transaction that stores it. */
  async settle(trx: Transaction<Schema>, ids: readonly string[], status: 'delivered' | 'dead'): Promise<void> {
    const at = status === 'delivered' ? 'delivered_at' : 'dead_at';
    await trx
      .updateTable('interactions')
      .set({ status, [at]: this.database.now })
      .where(oneOf(this.database.kind, 'id', ids))
      .where(justCompared('status'), '=', 'captured')
      .execute();
  }

  /** The last errors of their deliveries, in the transaction that stores them. An error of the same kind is no news. */
  async failed(trx: Transaction<Schema>, failures: readonly DeliveryFailure[]): Promise<void> {
    const { kind, now } = this.database;
    const ids = failures.map(({ v_id: id }) => id);
    const table = jsonRows(kind, failures, { v_id: 'text', v_code: 'text', v_message: 'text' });
    // PostgreSQL guesses badly how many rows come from JSON; SQLite looks each of them up.
    const named = kind === 'postgres' ? oneOf(kind, 'id', ids) : sql<boolean>`true`;
    await sql`
      update interactions set last_error_code = v_code, last_error_message = v_message, last_error_at = ${now}
      from ${table} as failures
      where ${named} and id = v_id and ${justCompared('last_error_code')} <> v_code`.execute(trx);
  }

  /** An operator has decided about their dead letters: they are sent again (`captured`), or never. */
  async decide(trx: Transaction<Schema>, ids: readonly string[], to: 'captured' | 'discarded'): Promise<void> {
    await trx
      .updateTable('interactions')
      .set({ status: to, ...(to === 'captured' ? { dead_at: null } : { discarded_at: this.database.now }) })
      .where(oneOf(this.database.kind, 'id', ids))
      .where(justCompared('status'), '=', 'dead')
      .execute();
  }
}
