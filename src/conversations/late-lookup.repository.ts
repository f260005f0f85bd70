import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../storage/database.js';
import { oneOf } from '../storage/json-rows.js';
import type { InteractionRow } from '../storage/schema.js';

export interface LateWanted {
  /** Most of them; as many as this are not waited for. */
  limit: number;
  /** How long the first one waits until others are due, ms. */
  gatherMs: number;
  /** How long nobody else takes them, and when those that could not be asked for come again, ms. */
  putOffMs: number;
}

/** Which expired interactions Genesys is asked for once more, and when. */
@Injectable()
export class LateLookupRepository {
  constructor(private readonly database: Database) {}

  /** Those that are due, once they fill a request or the first has waited for long enough; each is put off. Any replica takes any. */
  async take({ limit, gatherMs, putOffMs }: LateWanted): Promise<InteractionRow[]> {
    const { db, kind } = this.database;
    // Asked once in a statement, as an index needs it.
    const now = sql<number>`(select ${this.database.now})`;
    return db
      .with(
        (name) => name('batch').materialized(),
        (creator) => {
          const due = creator
            .selectFrom('interactions')
            .select(['id', 'late_lookup_at'])
            .where('late_lookup_at', '<=', now)
            .orderBy('late_lookup_at')
            .limit(limit);
          return kind === 'postgres' ? due.forUpdate().skipLocked() : due;
        },
      )
      .updateTable('interactions')
      .set((eb) => ({ late_lookup_at: eb(now, '+', putOffMs) }))
      .where('id', 'in', (eb) => eb.selectFrom('batch').select('batch.id'))
      .where((eb) =>
        eb.or([
          eb(eb.selectFrom('batch').select(eb.fn.countAll<number>().as('n')), '>=', limit),
          eb(
            eb.selectFrom('batch').select((row) => row.fn.min('batch.late_lookup_at').as('first')),
            '<=',
            eb(now, '-', gatherMs),
          ),
        ]),
      )
      .returningAll()
      .execute();
  }

  /** They are not asked for any more. */
  async done(ids: readonly string[]): Promise<void> {
    await this.database.db
      .updateTable('interactions')
      .set({ late_lookup_at: null })
      .where(oneOf(this.database.kind, 'id', ids))
      .execute();
  }
}
