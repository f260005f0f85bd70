import { type Kysely, sql } from 'kysely';
import type { Database } from '../storage/database.js';
import { jsonRows, justCompared, named, oneOf } from '../storage/json-rows.js';
import type { DeliveryRow, Schema } from '../storage/schema.js';

/** One that is given back with a later time. */
export interface Postponed {
  delivery: DeliveryRow;
  delayMs: number;
  /** What stands behind it comes so much later each; absent: at the same time. */
  apartMs?: number | undefined;
}

/**
 * Gives claims back with a later time. What stands behind one of them comes later, too, `apartMs` apart: it is written
 * once, and not again with each of them whose time comes.
 */
export async function postpone(
  { db, kind, now }: Pick<Database, 'db' | 'kind' | 'now'>,
  postponed: readonly Postponed[],
): Promise<void> {
  if (postponed.length === 0) return;
  const rows = postponed.map(({ delivery, delayMs, apartMs = 0 }) => ({
    v_id: delivery.id,
    v_claim: delivery.claim ?? '',
    v_delay_ms: Math.ceil(delayMs),
    v_apart_ms: Math.ceil(apartMs),
  }));
  const types = { v_id: 'text', v_claim: 'text', v_delay_ms: 'bigint', v_apart_ms: 'bigint' } as const;
  const table = jsonRows(kind, rows, types);
  await sql`
    update deliveries set state = 'pending', claim = null, claimed_by = null, claimed_until = null, due_at = ${now} + v_delay_ms
    from ${table} as claims
    where ${named(kind, rows)} and id = v_id and claim = v_claim and ${justCompared('state')} = 'claimed'`.execute(db);
  await sql`
    with heads as materialized (
      select seq, sink, order_key, due_at, v_apart_ms from ${table} as claims cross join deliveries
      where ${named(kind, rows)} and id = v_id and ${justCompared('state')} = 'pending')
    update deliveries set due_at = behind.due_at from (
      select each.seq, head.due_at + v_apart_ms * row_number() over (partition by head.seq order by each.seq) as due_at
      from heads as head cross join deliveries as each
      where each.sink = head.sink and each.order_key = head.order_key
        and each.seq > head.seq and each.state = 'pending' and each.state in ('pending', 'claimed')) as behind
    where deliveries.seq = behind.seq and deliveries.due_at < behind.due_at and ${justCompared('state')} = 'pending'`.execute(
    db,
  );
}

/**
 * What stands behind a delivery that waits need not be looked at before its time: a dead destination's queue is not
 * walked by each claim. In one statement for all; `ids` that do not wait are ignored.
 */
export async function putOffThoseBehind(
  db: Kysely<Schema>,
  kind: Database['kind'],
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    update deliveries set due_at = head.due_at from deliveries as head
    where ${oneOf(kind, 'head.id', ids)} and ${justCompared('head.state')} = 'pending'
      and deliveries.sink = head.sink and deliveries.order_key = head.order_key and deliveries.seq > head.seq and deliveries.due_at < head.due_at
      and deliveries.state = 'pending' and deliveries.state in ('pending', 'claimed')`.execute(db);
}
