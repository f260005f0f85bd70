import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../storage/database.js';
import { justCompared, oneOf } from '../storage/json-rows.js';
import type { InteractionRow } from '../storage/schema.js';

/** One that waits, and its place in the order in which they are read. */
export type Waiting = Pick<InteractionRow, 'id' | 'conversation_id' | 'lookup_at'>;

/** What the comparison of waiting interactions and wanted topics asks the database. */
@Injectable()
export class ListeningCheckRepository {
  constructor(private readonly database: Database) {}

  /** This owner's waiting interactions after that place, up to `limit`, along the index by which look-ups find theirs. */
  async waitingAfter(place: Waiting | undefined, owner: string, limit: number): Promise<Waiting[]> {
    let waiting = this.database.db
      .selectFrom('interactions')
      .select(['id', 'conversation_id', 'lookup_at'])
      // To the letter the condition of the index.
      .where(sql<boolean>`status in ('accepted', 'listening')`)
      .where('owner', '=', owner);
    if (place) {
      const { lookup_at: at, id } = place;
      waiting = waiting.where(sql<boolean>`(lookup_at, id) > (${at}, ${id})`);
    }
    return waiting.orderBy('lookup_at').orderBy('id').limit(limit).execute();
  }

  /**
   * For which of these conversations nothing needs the topic: none of this owner's interactions waits, and none is
   * captured, whose topic goes with its first attempt.
   */
  async idleAmong(conversationIds: readonly string[], owner: string): Promise<string[]> {
    const status = justCompared('status');
    const needed = await this.database.db
      .selectFrom('interactions')
      .select('conversation_id')
      .where(oneOf(this.database.kind, 'conversation_id', conversationIds))
      .where(sql<boolean>`(${status} = 'captured' or (${status} in ('accepted', 'listening') and owner = ${owner}))`)
      .execute();
    const busy = new Set(needed.map((row) => row.conversation_id));
    return conversationIds.filter((id) => !busy.has(id));
  }
}
