import { Injectable } from '@nestjs/common';
import { type Kysely, sql } from 'kysely';
import { Database } from '../storage/database.js';
import type { AuditRow, Schema } from '../storage/schema.js';

export const AUDIT_ACTIONS = [
  'interaction.cancel',
  'dead-letter.replay',
  'replay.start',
  'replay.stop',
  'dead-letter.discard',
  'discard.start',
  'discard.stop',
  'reveal',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export interface AuditEntry {
  /** Name of the API key, never the key. */
  actor: string;
  action: AuditAction;
  /** Id of what it was done to. */
  target: string;
  /** Ids, counts and settings; never a secret or a customer's data. */
  details: Record<string, unknown>;
}

export interface AuditPage {
  items: AuditRow[];
  /** Absent on the last page. */
  nextCursor?: string;
}

/** Who did what, and when. Written in the transaction that does it, so that there is never one without the other. */
@Injectable()
export class AuditLog {
  constructor(private readonly database: Database) {}

  async record(trx: Kysely<Schema>, { details, ...entry }: AuditEntry): Promise<void> {
    await trx
      .insertInto('audit')
      .values({ ...entry, at: this.database.now, details: JSON.stringify(details) })
      .execute();
  }

  /** Somebody was shown what speaks of a customer. Stored before he sees it. */
  async reveal(actor: string, target: string, details: Record<string, unknown>): Promise<void> {
    await this.record(this.database.db, { actor, action: 'reveal', target, details });
  }

  /**
   * Removes those of the `limit` oldest rows that are this old; answers how many. It looks at no others: rows come in the
   * order of their time, and there are many that are not old yet.
   */
  async removeOld(ageMs: number, limit: number): Promise<number> {
    const { rows } = await sql`
      delete from audit
      where seq in (select seq from audit order by seq limit ${limit})
        and at < ${this.database.now} - ${sql.lit(ageMs)}
      returning seq`.execute(this.database.db);
    return rows.length;
  }

  /** Newest first. @param cursor `nextCursor` of the page before. */
  async list(limit: number, cursor?: string): Promise<AuditPage> {
    let query = this.database.db.selectFrom('audit').selectAll();
    if (cursor !== undefined) query = query.where('seq', '<', Number(cursor));
    const rows = await query
      .orderBy('seq', 'desc')
      .limit(limit + 1)
      .execute();
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return rows.length > limit && last ? { items, nextCursor: String(last.seq) } : { items };
  }
}
