import { shortHash } from '../common/short-hash.js';
import type { PushSubscriptionRow } from '../storage/push-tables.js';
import type { PendingRow } from './push-pending.repository.js';

/** A subscription as operators see it. Its device's id can be all that is needed to reach the device and is not shown. */
export interface PushSubscriptionView {
  id: string;
  subscriberId: string;
  filter: string;
  type: string;
  /** The origin of a callback; otherwise a hash of the device's id. */
  device: string;
  debug: boolean;
  providerName: string;
  language: string | null;
  /** Whether it has one. */
  authorization: boolean;
  createdBy: string;
  createdAt: string;
  expiresAt: string;
}

export function pushSubscriptionView(row: PushSubscriptionRow): PushSubscriptionView {
  return {
    id: row.id,
    subscriberId: row.subscriber_id,
    filter: row.filter,
    type: row.type,
    device: row.type === 'httpcb' ? row.destination : shortHash(row.device_id),
    debug: row.debug === 1,
    providerName: row.provider_name,
    language: row.language,
    authorization: row.authorization !== null,
    createdBy: row.created_by,
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: new Date(row.expires_at).toISOString(),
  };
}

/** What waits for one destination, as operators see it. */
export interface PendingPushesView {
  destination: string;
  waiting: number;
  oldestWaitingMs: number;
  attempts: number;
  nextAttemptAt: string;
  /** Null while none of them failed. */
  lastError: { code: string; message: string | null; status: number | null; at: string } | null;
}

export function pendingPushesView(row: PendingRow): PendingPushesView {
  const { destination, waiting, oldestWaitingMs, attempts, dueAt, code, message, status, errorAt } = row;
  const failed = code !== null && errorAt !== null;
  return {
    destination,
    waiting,
    oldestWaitingMs,
    attempts,
    nextAttemptAt: new Date(dueAt).toISOString(),
    lastError: failed ? { code, message, status, at: new Date(errorAt).toISOString() } : null,
  };
}
