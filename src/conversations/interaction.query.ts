import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { recordIdOf } from '../history/record.js';
import { Database } from '../storage/database.js';
import { justCompared } from '../storage/json-rows.js';
import type { InteractionRow } from '../storage/schema.js';
import { BadCursorError } from './interaction.errors.js';
import { HISTORY_SINK } from '../history/history.sink.js';
import type { DeliveryFacts, InteractionDetails } from './interaction.repository.js';
import type { InteractionFilter } from './interaction.schemas.js';

/**
 * What rows are found by, the narrowest first; the rest is only compared with what that gives. A conversation, a customer and
 * an agent have few interactions, an error code may have many, a status all of them.
 */
const FOUND_BY = [
  { field: 'conversationId', column: 'conversation_id' },
  { field: 'customerId', column: 'customer_id' },
  { field: 'agentId', column: 'agent_id' },
  { field: 'errorCode', column: 'last_error_code' },
  { field: 'status', column: 'status' },
] as const;

export interface InteractionPage {
  rows: InteractionDetails[];
  /** Absent on the last page. */
  nextCursor?: string;
}

/** Reading interactions, for those who ask about them. */
@Injectable()
export class InteractionQuery {
  constructor(private readonly database: Database) {}

  async byId(id: string): Promise<InteractionDetails | undefined> {
    const row = await this.database.db.selectFrom('interactions').selectAll().where('id', '=', id).executeTakeFirst();
    return row && (await this.withDeliveries([row]))[0];
  }

  /** Newest first. The cursor names the last row given, so that rows which come meanwhile shift nothing. */
  async list(query: InteractionFilter): Promise<InteractionPage> {
    let select = this.database.db.selectFrom('interactions').selectAll();
    const [foundBy, ...compared] = FOUND_BY.filter(({ field }) => query[field] !== undefined);
    if (foundBy) select = select.where(foundBy.column, '=', query[foundBy.field] as string);
    // The index of agents knows only those that are named, and must be told that this one is.
    if (foundBy?.field === 'agentId') select = select.where(sql<boolean>`agent_id <> ''`);
    for (const { field, column } of compared) select = select.where(justCompared(column), '=', query[field] as string);
    // Never what the rows are found by: the indexes of age and status have it too.
    if (query.channel !== undefined) select = select.where('channel', '=', query.channel);
    if (query.acceptedAfter !== undefined) select = select.where('accepted_at', '>=', query.acceptedAfter);
    if (query.acceptedBefore !== undefined) select = select.where('accepted_at', '<', query.acceptedBefore);
    if (query.cursor !== undefined) {
      const { at, id } = readCursor(query.cursor);
      select = select.where((eb) =>
        eb.or([eb('accepted_at', '<', at), eb.and([eb('accepted_at', '=', at), eb('id', '<', id)])]),
      );
    }
    const rows = await select
      .orderBy('accepted_at', 'desc')
      .orderBy('id', 'desc')
      .limit(query.limit + 1)
      .execute();
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    return {
      rows: await this.withDeliveries(page),
      ...(rows.length > query.limit && last ? { nextCursor: cursorOf(last) } : {}),
    };
  }

  private async withDeliveries(rows: InteractionRow[]): Promise<InteractionDetails[]> {
    if (rows.length === 0) return [];
    const deliveries = await this.database.db
      .selectFrom('deliveries')
      .select(['subject_id', 'attempts', 'last_error_code', 'last_error_message', 'last_error_at'])
      .where(
        'id',
        'in',
        rows.map((row) => recordIdOf(row.id)),
      )
      .where('sink', '=', HISTORY_SINK)
      .execute();
    const bySubject = new Map<string, DeliveryFacts>(deliveries.map((delivery) => [delivery.subject_id, delivery]));
    return rows.map((row) => ({ ...row, delivery: bySubject.get(row.id) }));
  }
}

function cursorOf(row: InteractionRow): string {
  return Buffer.from(`${row.accepted_at}:${row.id}`).toString('base64url');
}

function readCursor(cursor: string): { at: number; id: string } {
  const match = /^(\d{1,16}):([0-9a-f-]{36})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!match) throw new BadCursorError();
  return { at: Number(match[1]), id: match[2] as string };
}
