import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { Transaction } from 'kysely';
import { Database } from '../storage/database.js';
import { justCompared, oneOf } from '../storage/json-rows.js';
import type { DeliveryRow, Schema } from '../storage/schema.js';
import { CursorInvalidError, DeliveryNotDeadError, DeliveryNotFoundError } from './delivery.errors.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DeliveryService } from './delivery.service.js';

export interface DeadLetterQuery {
  limit: number;
  /** `nextCursor` of the page before. */
  cursor?: string | undefined;
  /** Only those with this error code. */
  reason?: string | undefined;
  /** Only those of this sink. */
  sink?: string | undefined;
}

export interface DeadLetterPage {
  items: DeliveryRow[];
  /** Absent on the last page. */
  nextCursor?: string;
}

/** Deliveries that were given up, and what operators decide about them: a second life, or none. */
@Injectable()
export class DeadLetters {
  constructor(
    private readonly database: Database,
    private readonly deliveries: DeliveryRepository,
    private readonly delivery: DeliveryService,
  ) {}

  /** Newest first. What dies or is replayed meanwhile moves no page. @throws CursorInvalidError */
  async list({ limit, cursor, reason, sink }: DeadLetterQuery): Promise<DeadLetterPage> {
    let query = this.database.db
      .selectFrom('deliveries')
      .selectAll()
      .where(sql<boolean>`state = 'dead'`);
    if (reason !== undefined) query = query.where('last_error_code', '=', reason);
    if (sink !== undefined) query = query.where('sink', '=', sink);
    if (cursor !== undefined) {
      const [deadAt, seq] = parseCursor(cursor);
      query = query.where(sql<boolean>`(dead_at, seq) < (${deadAt}, ${seq})`);
    }
    const rows = await query
      .orderBy('dead_at', 'desc')
      .orderBy('seq', 'desc')
      .limit(limit + 1)
      .execute();
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return rows.length > limit && last ? { items, nextCursor: `${last.dead_at}.${last.seq}` } : { items };
  }

  /**
   * Sends one again under the same key, as if never tried. @param also what else is to be in the same transaction.
   * @throws DeliveryNotFoundError, DeliveryNotDeadError
   */
  async replay(
    id: string,
    also: (trx: Transaction<Schema>, row: DeliveryRow) => Promise<void> = async () => undefined,
  ): Promise<DeliveryRow> {
    const revived = await this.database.transaction(async (trx) => {
      const [row] = await this.revive(trx, [id]);
      if (!row) return this.refuse(trx, id);
      await also(trx, row);
      return row;
    });
    this.delivery.wake();
    return revived;
  }

  /**
   * Makes those of `ids` that are dead pending again, as if never tried, and tells their sinks; returns them. The caller
   * wakes the outbox after the commit.
   */
  async revive(trx: Transaction<Schema>, ids: readonly string[]): Promise<DeliveryRow[]> {
    const rows = await this.deliveries.revive(trx, ids);
    for (const [name, ofSink] of Map.groupBy(rows, (row) => row.sink)) {
      await this.delivery.sink(name)?.replayed?.(trx, ofSink);
    }
    return rows;
  }

  /**
   * Decides that one is not sent. One that is discarded already stays as it is. @param also what else is to be in the same
   * transaction. @throws DeliveryNotFoundError, DeliveryNotDeadError
   */
  async discardOne(
    id: string,
    also: (trx: Transaction<Schema>, row: DeliveryRow) => Promise<void>,
  ): Promise<DeliveryRow> {
    return this.database.transaction(async (trx) => {
      const [row] = await this.discard(trx, [id]);
      if (row) await also(trx, row);
      return row ?? (await this.discarded(trx, id)) ?? this.refuse(trx, id);
    });
  }

  /** Ends those of `ids` that are dead for good, and tells their sinks; returns them. */
  async discard(trx: Transaction<Schema>, ids: readonly string[]): Promise<DeliveryRow[]> {
    const rows = await trx
      .updateTable('deliveries')
      .set({ state: 'discarded', discarded_at: this.database.now })
      .where(oneOf(this.database.kind, 'id', ids))
      .where(justCompared('state'), '=', 'dead')
      .returningAll()
      .execute();
    for (const [name, ofSink] of Map.groupBy(rows, (row) => row.sink)) {
      await this.delivery.sink(name)?.discarded?.(trx, ofSink);
    }
    return rows;
  }

  private async discarded(trx: Transaction<Schema>, id: string): Promise<DeliveryRow | undefined> {
    return trx
      .selectFrom('deliveries')
      .selectAll()
      .where('id', '=', id)
      .where(sql<boolean>`state = 'discarded'`)
      .executeTakeFirst();
  }

  private async refuse(trx: Transaction<Schema>, id: string): Promise<never> {
    const row = await trx.selectFrom('deliveries').select('state').where('id', '=', id).executeTakeFirst();
    throw row ? new DeliveryNotDeadError(id, row.state) : new DeliveryNotFoundError(id);
  }
}

function parseCursor(cursor: string): [deadAt: number, seq: number] {
  const [, deadAt, seq] = /^(\d{1,15})\.(\d{1,15})$/.exec(cursor) ?? [];
  if (deadAt === undefined || seq === undefined) throw new CursorInvalidError();
  return [Number(deadAt), Number(seq)];
}
