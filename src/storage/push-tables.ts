import type { ColumnType, Selectable } from 'kysely';

/** Who is to be pushed which events, and how. Ended ones stay for a while, for operators and for other replicas. */
export interface PushSubscriptionTable {
  id: string;
  subscriber_id: string;
  filter: string;
  provider_name: string;
  language: string | null;
  type: string;
  /** URL, token or user. Not to be shown: it can be all that is needed to reach a device. */
  device_id: string;
  /** JSON, string to string, number or boolean. */
  properties: string;
  /** 1: the provider's debug settings. */
  debug: number;
  /** Sealed (`SecretBox`). */
  authorization: string | null;
  /** `Publisher.destinationOf` at the time of subscribing. */
  destination: string;
  /** Name of the API key. */
  created_by: string;
  /** 1: made with a role that hears the gateway's own events. */
  own_events: ColumnType<number, number | undefined, number>;
  created_at: number;
  expires_at: number;
  ended_at: number | null;
  end_reason: string | null;
  /** The change that wrote the row last, so of an active one the change that made it: see `PushChangesTable`. */
  change_no: number;
}

/** One row. Each transaction that changes subscriptions takes the next number, so numbers are given in the order of commits. */
export interface PushChangesTable {
  id: number;
  change_no: number;
}

/** A published event; its deliveries refer to it. */
export interface PushEventTable {
  id: string;
  tag: string;
  message: string;
  media_type: string;
  provider_name: string;
  /** How many subscriptions matched. */
  matched: number;
  /** Name of the API key; empty for the gateway's own events. */
  published_by: string;
  published_at: number;
  idempotency_key: string | null;
  /** SHA-256 of the normalised body: tells "the same again" from "the same key with another body". */
  body_hash: string | null;
  /** JSON of what the publisher was answered; null while a direct publication is under way. */
  answer: string | null;
  /** Its place among the events whose deliveries are still to be made; null when they are. */
  fan_out_no: ColumnType<number | null, number | null | undefined, number | null>;
  /** Pages of deliveries made so far: the event with the fewest comes next. */
  fan_out_pages: ColumnType<number, number | undefined, number>;
  /** Subscriptions made by changes up to this one have their deliveries. */
  fan_out_after: ColumnType<number | null, number | null | undefined, number | null>;
  /** It goes to subscriptions made by changes up to this one: those that were there when it was published. */
  seen_change: ColumnType<number | null, number | null | undefined, number | null>;
  /** Events of one key reach each subscription in their order; null when the deliveries were made with the event. */
  order_key: ColumnType<string | null, string | null | undefined, string | null>;
}

export type PushSubscriptionRow = Selectable<PushSubscriptionTable>;
export type PushEventRow = Selectable<PushEventTable>;
