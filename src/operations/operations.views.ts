import { HISTORY_SINK } from '../history/history.sink.js';
import type { DeliveryRow, GapRow } from '../storage/schema.js';

/** A record or a push that was given up. What it carries is a customer's and is not shown. */
export interface DeadLetterView {
  /** What replays it: the record's id, or the push's. */
  recordId: string;
  /** `history`, `push` or `comet`. */
  sink: string;
  /** Of a record. */
  interactionId?: string;
  /** Of a record. */
  conversationId?: string;
  /** Of a push. */
  subscriptionId?: string;
  state: string;
  attempts: number;
  crashes: number;
  reason: string | null;
  message: string | null;
  lastStatus: number | null;
  createdAt: string;
  deadAt: string | null;
  /** Only of one that was discarded. */
  discardedAt?: string;
}

export function deadLetterView(row: DeliveryRow): DeadLetterView {
  return {
    recordId: row.id,
    sink: row.sink,
    ...(row.sink === HISTORY_SINK
      ? { interactionId: row.subject_id, conversationId: row.order_key }
      : { subscriptionId: row.subject_id }),
    state: row.state,
    attempts: row.attempts,
    crashes: row.crashes,
    reason: row.last_error_code,
    message: row.last_error_message,
    lastStatus: row.last_status,
    createdAt: new Date(row.created_at).toISOString(),
    deadAt: row.dead_at === null ? null : new Date(row.dead_at).toISOString(),
    ...(row.discarded_at === null ? {} : { discardedAt: new Date(row.discarded_at).toISOString() }),
  };
}

export interface GapView {
  id: string;
  channel: number | null;
  reason: string;
  from: string;
  /** Null while it is open. */
  to: string | null;
  seconds: number | null;
  topics: number;
  lookedUp: number;
  recovered: number;
  /** Interactions that still wait for their work although the gap is closed; null while it is open. */
  unresolved: number | null;
}

export function gapView(row: GapRow, waiting: number): GapView {
  return {
    id: row.id,
    channel: row.channel_no,
    reason: row.reason,
    from: new Date(row.from_at).toISOString(),
    to: row.to_at === null ? null : new Date(row.to_at).toISOString(),
    seconds: row.to_at === null ? null : (row.to_at - row.from_at) / 1000,
    topics: row.topics,
    lookedUp: row.looked_up,
    recovered: row.recovered,
    unresolved: row.to_at === null ? null : waiting,
  };
}
