import { Injectable } from '@nestjs/common';
import { DeliveryNotFoundError } from '../delivery/delivery.errors.js';
import { HISTORY_SINK } from '../history/history.sink.js';
import { Database } from '../storage/database.js';
import type { PushEventRow, PushSubscriptionRow } from '../storage/push-tables.js';
import type { DeliveryRow } from '../storage/schema.js';

/** A delivery with what it refers to. */
export interface DeadLetter {
  row: DeliveryRow;
  /** Of a push; undefined when it was removed. */
  event: PushEventRow | undefined;
  subscription: PushSubscriptionRow | undefined;
}

/** One dead letter with all that is known of it. */
@Injectable()
export class DeadLetterQuery {
  constructor(private readonly database: Database) {}

  /** Whatever has become of it since. @throws DeliveryNotFoundError */
  async get(id: string): Promise<DeadLetter> {
    const { db } = this.database;
    const row = await db.selectFrom('deliveries').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw new DeliveryNotFoundError(id);
    if (row.sink === HISTORY_SINK) return { row, event: undefined, subscription: undefined };
    const event = await db.selectFrom('push_events').selectAll().where('id', '=', row.payload).executeTakeFirst();
    const subscription = await db
      .selectFrom('push_subscriptions')
      .selectAll()
      .where('id', '=', row.subject_id)
      .executeTakeFirst();
    return { row, event, subscription };
  }
}
