import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { recordIdOf } from '../history/record.js';
import { Database } from '../storage/database.js';
import { justCompared, oneOf } from '../storage/json-rows.js';

/** Removing what has been over for long. */
@Injectable()
export class RetentionRepository {
  constructor(private readonly database: Database) {}

  /**
   * Removes up to `limit` interactions that have been over for `ageMs`, with their records, in one transaction. Never the
   * dead ones, nor those that are still to be asked for once more. Answers how many.
   */
  async removeFinished(ageMs: number, limit: number): Promise<number> {
    return this.database.transaction(async (trx) => {
      // Locked while they are chosen: a result by hand may just be completing one that has expired.
      const lock = this.database.kind === 'postgres' ? sql`for update skip locked` : sql``;
      const { rows } = await sql<{ id: string }>`
        delete from interactions where id in (
          select id from interactions
          where status in ('delivered', 'discarded', 'expired', 'cancelled')
            and late_lookup_at is null
            and accepted_at < ${this.database.now} - ${sql.lit(ageMs)}
            and coalesce(delivered_at, discarded_at, expired_at, cancelled_at) < ${this.database.now} - ${sql.lit(ageMs)}
          limit ${limit} ${lock})
        returning id`.execute(trx);
      const ids = rows.map((row) => row.id);
      if (ids.length > 0) {
        // Should a record disagree with its interaction and not be over, it stays: the ledger's alarm is about it.
        await trx
          .deleteFrom('deliveries')
          .where(oneOf(this.database.kind, 'id', ids.map(recordIdOf)))
          .where(justCompared('state'), 'in', ['delivered', 'discarded'])
          .execute();
      }
      return ids.length;
    });
  }
}
