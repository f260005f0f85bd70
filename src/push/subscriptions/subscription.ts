import type { PushSubscriptionRow } from '../../storage/push-tables.js';
import type { Device } from '../publishers/publisher.js';

/** Sinks of the outbox; stored with each delivery, so never renamed. */
export const PUSH_SINK = 'push';
/** Apart, because its deliveries wait for the instance that has the user's connection. */
export const COMET_SINK = 'comet';
export const PUSH_SINKS = [PUSH_SINK, COMET_SINK] as const;
export type PushSinkName = (typeof PUSH_SINKS)[number];

/** What matching and fan-out need of an active subscription; there may be 1,000,000 in memory. */
export interface ActiveSubscription {
  readonly id: string;
  readonly subscriberId: string;
  readonly filter: string;
  readonly providerName: string;
  readonly sink: PushSinkName;
  readonly destination: string;
  /** The change that made it, and nothing else: later ones have higher numbers. */
  readonly madeNo: number;
  /** Whether its filter can match events of the gateway's own, and it may hear them. */
  readonly ownEvents: boolean;
  /** Epoch ms of the database's clock. */
  expiresAt: number;
}

/** A subscription as it is stored for the first time. */
export interface SubscriptionDraft {
  id: string;
  subscriberId: string;
  filter: string;
  language: string | undefined;
  device: Device;
  destination: string;
  /** Sealed. */
  authorization: string | null;
  createdBy: string;
  ownEvents: boolean;
  expireMs: number;
}

/** Why a subscription is over; `end_reason` of its row. */
export type EndReason = 'deleted' | 'expired' | 'device-gone';

export function sinkOf(type: string): PushSinkName {
  return type === 'comet' ? COMET_SINK : PUSH_SINK;
}

/** The stored device, still without its `authorization`, which is sealed. */
export function deviceOfRow(row: PushSubscriptionRow): Device {
  return {
    type: row.type as Device['type'],
    deviceId: row.device_id,
    properties: JSON.parse(row.properties) as Device['properties'],
    debug: row.debug === 1,
    providerName: row.provider_name,
  };
}
