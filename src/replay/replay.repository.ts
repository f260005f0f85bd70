import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import { DeadLetters } from '../delivery/dead-letters.js';
import { Database } from '../storage/database.js';
import type { ReplayAction, ReplayJobRow, Schema } from '../storage/schema.js';
import { deadMatching, parseFilter } from './replay-filter.js';
import type { ReplayFilter } from './replay-filter.js';

export interface NewReplay {
  id: string;
  action: ReplayAction;
  /** Of a discard: why. */
  reason: string | null;
  /** Canonical. */
  filter: string;
  rate: number;
  owner: string;
  requestedBy: string;
  requestId: string | null;
}

export interface DeadCount {
  reason: string | null;
  count: number;
  oldest: number;
  newest: number;
}

/** What one step of a job came to: `revived` letters, or discarded ones, or the job is not this replica's any more. */
export type Step = { kind: 'more' | 'done'; revived: number } | { kind: 'not-ours' };

/** The rows of jobs that replay or discard, and the steps by which they get on. */
@Injectable()
export class ReplayRepository {
  constructor(
    private readonly database: Database,
    private readonly deadLetters: DeadLetters,
  ) {}

  /** Dead letters that fit, by what they died of. */
  async countDead(filter: ReplayFilter): Promise<DeadCount[]> {
    const { rows } = await sql<DeadCount>`
      select last_error_code as reason, count(*) as count, min(dead_at) as oldest, max(dead_at) as newest
      from deliveries where ${deadMatching(filter)} group by last_error_code order by count(*) desc`.execute(
      this.database.db,
    );
    return rows;
  }

  /** Stores a running job with the number of letters that are dead now; undefined when one like it is running already. */
  async insert(trx: Transaction<Schema>, replay: NewReplay): Promise<ReplayJobRow | undefined> {
    const { now } = this.database;
    const inserted = await trx
      .insertInto('replay_jobs')
      .values({
        id: replay.id,
        action: replay.action,
        reason: replay.reason,
        filter: replay.filter,
        rate: replay.rate,
        status: 'running',
        owner: replay.owner,
        requested_by: replay.requestedBy,
        request_id: replay.requestId,
        total: 0,
        created_at: now,
        updated_at: now,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('created_at')
      .executeTakeFirst();
    if (!inserted) return undefined;
    const { rows } = await sql<{ total: number }>`
      select count(*) as total from deliveries
      where ${deadMatching(parseFilter(replay.filter))} and +dead_at <= ${sql.lit(inserted.created_at)}`.execute(trx);
    return trx
      .updateTable('replay_jobs')
      .set({ total: rows[0]?.total ?? 0 })
      .where('id', '=', replay.id)
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  async byRequest(trx: Transaction<Schema>, requestedBy: string, requestId: string): Promise<ReplayJobRow | undefined> {
    return trx
      .selectFrom('replay_jobs')
      .selectAll()
      .where('requested_by', '=', requestedBy)
      .where('request_id', '=', requestId)
      .executeTakeFirst();
  }

  async running(db = this.database.db): Promise<ReplayJobRow[]> {
    return db
      .selectFrom('replay_jobs')
      .selectAll()
      .where(sql<boolean>`status = 'running'`)
      .orderBy('created_at')
      .orderBy('id')
      .execute();
  }

  async byId(id: string, action: ReplayAction): Promise<ReplayJobRow | undefined> {
    return this.database.db
      .selectFrom('replay_jobs')
      .selectAll()
      .where('id', '=', id)
      .where('action', '=', action)
      .executeTakeFirst();
  }

  /** Newest first. */
  async list(limit: number, action: ReplayAction): Promise<ReplayJobRow[]> {
    return this.database.db
      .selectFrom('replay_jobs')
      .selectAll()
      .where('action', '=', action)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
  }

  /** Undefined when it was not running any more. */
  async stop(trx: Transaction<Schema>, id: string, action: ReplayAction): Promise<ReplayJobRow | undefined> {
    return trx
      .updateTable('replay_jobs')
      .set({ status: 'stopped', owner: null, finished_at: this.database.now, updated_at: this.database.now })
      .where('id', '=', id)
      .where('action', '=', action)
      .where(sql<boolean>`status = 'running'`)
      .returningAll()
      .executeTakeFirst();
  }

  /** Removes up to `limit` jobs that have been over for `ageMs`; answers how many. */
  async removeFinished(ageMs: number, limit: number): Promise<number> {
    const longAgo = sql<number>`${this.database.now} - ${sql.lit(ageMs)}`;
    // A job is made before it is over: the time of its making has an index.
    const { rows } = await sql`
      delete from replay_jobs where id in (
        select id from replay_jobs
        where created_at < ${longAgo} and finished_at < ${longAgo} and status <> 'running'
        order by created_at limit ${limit})
      returning id`.execute(this.database.db);
    return rows.length;
  }

  /** Takes running jobs that nobody works on. */
  async adopt(owner: string, ids: readonly string[]): Promise<void> {
    await this.database.db
      .updateTable('replay_jobs')
      .set({ owner })
      .where('id', 'in', ids)
      .where('owner', 'is', null)
      .where(sql<boolean>`status = 'running'`)
      .execute();
  }

  /** Leaves this owner's running jobs to whoever is there. */
  async release(owner: string): Promise<void> {
    await this.database.db
      .updateTable('replay_jobs')
      .set({ owner: null })
      .where('owner', '=', owner)
      .where(sql<boolean>`status = 'running'`)
      .execute();
  }

  /**
   * Revives or discards the next letters, up to `limit`, and stores how far the job has come: both or nothing. Letters that
   * died after the job was made are left, so one that dies again is not replayed again by the same job.
   */
  async advance(id: string, owner: string, limit: number): Promise<Step> {
    return this.database.transaction(async (trx) => {
      const job = await this.hold(trx, id, owner);
      if (!job) return { kind: 'not-ours' };
      const { rows } = await sql<{ id: string; seq: number }>`
        select id, seq from deliveries
        where ${deadMatching(parseFilter(job.filter))} and +dead_at <= ${sql.lit(job.created_at)}
          and seq > ${job.last_seq} order by seq limit ${limit}`.execute(trx);
      const ids = rows.map((row) => row.id);
      const revived = await (job.action === 'discard'
        ? this.deadLetters.discard(trx, ids)
        : this.deadLetters.revive(trx, ids));
      const done = rows.length < limit;
      await this.note(trx, job, rows.at(-1)?.seq ?? job.last_seq, revived.length, done);
      return { kind: done ? 'done' : 'more', revived: revived.length };
    });
  }

  /** Keeps everybody else from the row until the transaction ends; undefined when it is not this owner's to work on. */
  private async hold(trx: Transaction<Schema>, id: string, owner: string): Promise<ReplayJobRow | undefined> {
    return trx
      .updateTable('replay_jobs')
      .set({ updated_at: this.database.now })
      .where('id', '=', id)
      .where('owner', '=', owner)
      .where(sql<boolean>`status = 'running'`)
      .returningAll()
      .executeTakeFirst();
  }

  private async note(
    trx: Transaction<Schema>,
    job: ReplayJobRow,
    lastSeq: number,
    revived: number,
    done: boolean,
  ): Promise<void> {
    const replayed = job.replayed + revived;
    // One that was just dying when the others were counted may come on top.
    const total = Math.max(job.total, replayed);
    await trx
      .updateTable('replay_jobs')
      .set({
        last_seq: lastSeq,
        replayed,
        total,
        ...(done
          ? { status: 'done' as const, owner: null, skipped: total - replayed, finished_at: this.database.now }
          : {}),
      })
      .where('id', '=', job.id)
      .execute();
  }
}
