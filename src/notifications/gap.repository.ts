import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../storage/database.js';
import type { GapRow } from '../storage/schema.js';

export interface NewGap {
  id: string;
  channelNo: number | undefined;
  reason: string;
  from: number;
  topics: number;
  owner: string;
}

/** Stretches of time in which topics were not covered; each is followed by look-ups. */
@Injectable()
export class GapRepository {
  constructor(private readonly database: Database) {}

  async open(gap: NewGap): Promise<void> {
    await this.database.db
      .insertInto('gaps')
      .values({
        id: gap.id,
        channel_no: gap.channelNo ?? null,
        reason: gap.reason,
        from_at: gap.from,
        to_at: null,
        topics: gap.topics,
        owner: gap.owner,
      })
      // The answer to an earlier try may have been lost.
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
  }

  async close(id: string, to: number): Promise<void> {
    await this.database.db
      .updateTable('gaps')
      .set({ to_at: to })
      .where('id', '=', id)
      .where('to_at', 'is', null)
      .execute();
  }

  /** Ends what a process that died had left open: a gap of the restart goes on from where its channel was last seen. */
  async closeAllOf(owner: string, to: number, except: readonly string[]): Promise<void> {
    await this.database.db
      .updateTable('gaps')
      .set({ to_at: to })
      .where('owner', '=', owner)
      .where('to_at', 'is', null)
      .$if(except.length > 0, (update) => update.where('id', 'not in', except))
      .execute();
  }

  async countLookedUp(id: string, looked: number, recovered: number): Promise<void> {
    await this.database.db
      .updateTable('gaps')
      .set((eb) => ({ looked_up: eb('looked_up', '+', looked), recovered: eb('recovered', '+', recovered) }))
      .where('id', '=', id)
      .execute();
  }

  /** Newest first. */
  async list(limit: number): Promise<GapRow[]> {
    return this.database.db
      .selectFrom('gaps')
      .selectAll()
      .orderBy('from_at', 'desc')
      .orderBy('id')
      .limit(limit)
      .execute();
  }

  /** Removes up to `limit` gaps that were closed so long ago; answers how many. */
  async removeClosed(ageMs: number, limit: number): Promise<number> {
    const { rows } = await sql`
      delete from gaps where id in (
        select id from gaps where to_at < ${this.database.now} - ${sql.lit(ageMs)} limit ${limit})
      returning id`.execute(this.database.db);
    return rows.length;
  }
}
