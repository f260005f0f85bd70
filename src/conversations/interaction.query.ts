import { Injectable } from '@nestjs/common';
import { recordIdOf } from '../history/record.js';
import { Database } from '../storage/database.js';
import { justCompared } from '../storage/json-rows.js';
import type { InteractionRow } from '../storage/schema.js';
import { BadCursorError } from './interaction.errors.js';
import { HISTORY_SINK } from '../history/history.sink.js';
import type { DeliveryFacts, InteractionDetails } from './interaction.repository.js';
import type { InteractionFilter } from './interaction.schemas.js';

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
    if (query.conversationId !== undefined) select = select.where('conversation_id', '=', query.conversationId);
    if (query.customerId !== undefined) select = select.where('customer_id', '=', query.customerId);
    // A conversation and a customer have few interactions, a status may have them all.
    const few = query.conversationId !== undefined || query.customerId !== undefined;
    if (query.status !== undefined) select = select.where(few ? justCompared('status') : 'status', '=', query.status);
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
