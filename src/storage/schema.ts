import type { ColumnType, Generated, Insertable, Selectable } from 'kysely';
import type { PushChangesTable, PushEventTable, PushSubscriptionTable } from './push-tables.js';

/**
 * One schema for SQLite and PostgreSQL. Times are epoch milliseconds of the database's clock (docs/architecture.md, Storage);
 * structured values are JSON text: both databases treat the two alike.
 */
export interface Schema {
  replicas: ReplicaTable;
  interactions: InteractionTable;
  deliveries: DeliveryTable;
  channels: ChannelTable;
  channel_slots: ChannelSlotTable;
  gaps: GapTable;
  replay_jobs: ReplayJobTable;
  audit: AuditTable;
  push_subscriptions: PushSubscriptionTable;
  push_changes: PushChangesTable;
  push_events: PushEventTable;
  ledger_counts: LedgerCountTable;
  ledger_changes: LedgerCountTable;
}

/** A running gateway process. Rows owned by a replica that is dead are taken over by a living one. */
export interface ReplicaTable {
  id: string;
  /** PostgreSQL advisory lock held by the process while it lives: free means dead, at once and without a timeout. */
  lock_key: Generated<number>;
  started_at: number;
  lease_until: number;
}

export const INTERACTION_STATUSES = [
  'accepted',
  'listening',
  'captured',
  'delivered',
  'dead',
  'discarded',
  'expired',
  'cancelled',
] as const;
export type InteractionStatus = (typeof INTERACTION_STATUSES)[number];

/** `heard`: events come; `gap`: some may have been missed. */
export type LookupSeries = 'heard' | 'gap';

/** What BOFE handed in, and where it stands. The table is the ledger: one row, one status. */
export interface InteractionTable {
  id: string;
  conversation_id: string;
  customer_id: string;
  /** Empty when the caller named no agent: part of the unique key, where SQL's nulls would not be equal. */
  agent_id: string;
  /** SHA-256 of the normalised request: tells "the same again" from "the same with another body". */
  request_hash: string;
  /** SHA-256 of a result that was handed in (`/customers/supportResult`); null when Genesys gave it. */
  result_hash: string | null;
  channel: string | null;
  subject: string | null;
  notes: string | null;
  attributes: string | null;
  /** What the caller calls the matter in its own logs. */
  correlation_id: ColumnType<string | null, string | null | undefined, string | null>;
  status: InteractionStatus;
  /** The replica that listens for it. */
  owner: string;
  accepted_at: number;
  expires_at: number;
  listening_at: number | null;
  captured_at: number | null;
  delivered_at: number | null;
  dead_at: number | null;
  discarded_at: number | null;
  expired_at: number | null;
  cancelled_at: number | null;
  /** Of what keeps Genesys from listening, or of its delivery: when the delivery failed again in the same way, it knows since when. */
  last_error_code: string | null;
  last_error_message: string | null;
  last_error_at: number | null;
  /** When Genesys is asked next; null when nothing waits. */
  lookup_at: number | null;
  /** From when on it goes along with a look-up that is made anyway; means nothing where `lookup_at` is null. */
  lookup_open_at: ColumnType<number | null, number | null | undefined, number | null>;
  /** Why Genesys is asked: see `lookup-schedule.ts`. */
  lookup_series: ColumnType<LookupSeries, LookupSeries | undefined, LookupSeries>;
  /** How many look-ups of the current series have been made. */
  lookup_step: ColumnType<number, number | undefined, number>;
  /** 1: its conversation spoilt a look-up in bulk, and is asked for alone. */
  lookup_alone: ColumnType<number, number | undefined, number>;
  /** How many look-ups in a row have failed, or found what could not be stored. */
  lookup_failures: ColumnType<number, number | undefined, number>;
  /** The gap that the current series of look-ups closes. */
  gap_id: string | null;
  /** When an expired one is asked for once more; null when that is over, or was never to be. */
  late_lookup_at: ColumnType<number | null, number | null | undefined, number | null>;
}

/** `discarded`: it was dead, and an operator decided that it is not sent. `cancelled`: nobody wants it any more. */
export type DeliveryState = 'pending' | 'claimed' | 'delivered' | 'dead' | 'discarded' | 'cancelled';

/** The outbox: one row per thing to send, unique by its sink and its id, which is also the idempotency key that the receiver sees. */
export interface DeliveryTable {
  /** Order of insertion; deliveries of a sink with the same order key go out in this order. */
  seq: Generated<number>;
  id: string;
  sink: string;
  order_key: string;
  /** What it is about (for history: the interaction's id). */
  subject_id: string;
  payload: string;
  state: DeliveryState;
  attempts: ColumnType<number, number | undefined, number>;
  /** How often a process died while it held the claim. */
  crashes: ColumnType<number, number | undefined, number>;
  due_at: number;
  first_attempt_at: number | null;
  /** The fence: only the holder of this token may change the row's outcome. */
  claim: string | null;
  claimed_by: string | null;
  claimed_until: number | null;
  last_status: number | null;
  last_error_code: string | null;
  last_error_message: string | null;
  last_error_at: number | null;
  /** When the event behind it was received, for the latency histogram. */
  received_at: number;
  created_at: number;
  delivered_at: number | null;
  dead_at: number | null;
  /** What fails together with it, e.g. the origin of a callback; null where a sink has one receiver. */
  destination: ColumnType<string | null, string | null | undefined, string | null>;
  cancelled_at: ColumnType<number | null, number | null | undefined, number | null>;
  discarded_at: ColumnType<number | null, number | null | undefined, number | null>;
  /** The start of what the receiver answered last, without secrets; null when it did not say anything. */
  answer: ColumnType<string | null, string | null | undefined, string | null>;
  /** Sent along; null: the id of what it is about. */
  correlation_id: ColumnType<string | null, string | null | undefined, string | null>;
}

/** A Genesys channel that we made and may still use. `connect_uri` and `genesys_id` are secrets. */
export interface ChannelTable {
  /** Our own number, shown to people. */
  no: Generated<number>;
  genesys_id: string;
  connect_uri: string;
  expires_at: number | null;
  /** The OAuth client that it is of and whose budget it uses; null for those that were made before it was noted. */
  client: ColumnType<string | null, string | null | undefined, string | null>;
  owner: string;
  created_at: number;
  /** Last time a frame was known to have arrived: after a crash the gap begins here. */
  last_seen_at: number;
}

/** A place in the budget of channels, taken before Genesys is asked for one. */
export interface ChannelSlotTable {
  id: string;
  client: string;
  /** The replica that makes the channel. */
  owner: string;
  /** Last time the owner was known to be at it. */
  seen_at: number;
}

/** A stretch of time in which topics were not covered by an open, confirmed subscription. */
export interface GapTable {
  id: string;
  channel_no: number | null;
  reason: string;
  from_at: number;
  to_at: number | null;
  topics: number;
  looked_up: ColumnType<number, number | undefined, number>;
  recovered: ColumnType<number, number | undefined, number>;
  owner: string;
}

export type ReplayStatus = 'running' | 'done' | 'stopped';
/** What a job does with dead letters: sends them again, or discards them. */
export type ReplayAction = 'replay' | 'discard';

/** Dead letters that are sent again, or discarded, a few at a time. */
export interface ReplayJobTable {
  id: string;
  action: ColumnType<ReplayAction, ReplayAction | undefined, never>;
  /** Of a discard: why. */
  reason: ColumnType<string | null, string | null | undefined, never>;
  /** Canonical JSON, so that equal filters are equal texts: at most one running job of an action each. */
  filter: string;
  /** Letters a second. */
  rate: number;
  status: ReplayStatus;
  /** The replica that works on it; null when nobody does. */
  owner: string | null;
  /** Name of the API key. */
  requested_by: string;
  /** The caller's own token: the same again gives the same job. */
  request_id: string | null;
  /** Dead letters that fitted when it was made. */
  total: number;
  replayed: ColumnType<number, number | undefined, number>;
  /** Known at the end: those of `total` that were no longer dead when it was their turn. */
  skipped: ColumnType<number, number | undefined, number>;
  /** How far it has come: `deliveries.seq` of the last one looked at. */
  last_seq: ColumnType<number, number | undefined, number>;
  /** Only what was dead by then is replayed. */
  created_at: number;
  updated_at: number;
  finished_at: number | null;
}

/** What operators did. Rows are only ever added. */
export interface AuditTable {
  seq: Generated<number>;
  at: number;
  /** Name of the API key. */
  actor: string;
  action: string;
  /** Id of what it was done to. */
  target: string;
  /** JSON; never a secret or a customer's data. */
  details: string;
}

/**
 * How many interactions (`scope` `interactions`) or deliveries of a sink (`deliveries.<sink>`) have a status. Triggers write
 * it; `ledger_changes` has what is not summed up yet, under PostgreSQL only.
 */
export interface LedgerCountTable {
  scope: string;
  status: string;
  n: number;
}

export type InteractionRow = Selectable<InteractionTable>;
export type NewInteraction = Insertable<InteractionTable>;
export type DeliveryRow = Selectable<DeliveryTable>;
export type NewDelivery = Insertable<DeliveryTable>;
export type ChannelRow = Selectable<ChannelTable>;
export type GapRow = Selectable<GapTable>;
export type ReplayJobRow = Selectable<ReplayJobTable>;
export type AuditRow = Selectable<AuditTable>;
