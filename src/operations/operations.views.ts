import type { DeliveryRow, GapRow } from '../storage/schema.js';

/** A record that was given up. The record itself is a customer's and is not shown. */
export interface DeadLetterView {
  recordId: string;
  interactionId: string;
  conversationId: string;
  state: string;
  attempts: number;
  crashes: number;
  reason: string | null;
  message: string | null;
  lastStatus: number | null;
  createdAt: string;
  deadAt: string | null;
}

export function deadLetterView(row: DeliveryRow): DeadLetterView {
  return {
    recordId: row.id,
    interactionId: row.subject_id,
    conversationId: row.order_key,
    state: row.state,
    attempts: row.attempts,
    crashes: row.crashes,
    reason: row.last_error_code,
    message: row.last_error_message,
    lastStatus: row.last_status,
    createdAt: new Date(row.created_at).toISOString(),
    deadAt: row.dead_at === null ? null : new Date(row.dead_at).toISOString(),
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
