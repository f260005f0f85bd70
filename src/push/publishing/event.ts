import { createHash } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import { nameUuids } from '../../common/name-uuid.js';

/**
 * Namespaces of ids that must come out the same again. NEVER change them: receivers know what they have had by these ids.
 */
const KEYED_NAMESPACE = '0d0e6c0a-53c5-4a47-8b5e-2f7b2a1a9d31';
const OWN_NAMESPACE = '7c5a2f0e-9f0b-4f7e-bb0e-6a8f5a0f4c12';
const ownUuid = nameUuids(OWN_NAMESPACE);

/** An event as it is matched and stored. */
export interface NewEvent {
  /** UUID. */
  id: string;
  tag: string;
  message: string;
  /** `string` or `localizestring`. */
  mediaType: string;
  /** Only subscriptions of this provider; undefined: of any. */
  providerName: string | undefined;
  /** Name of the API key; empty for the gateway's own events. */
  publishedBy: string;
  /** What must reach a subscription in order. */
  orderKey: string;
  once?: OnceKey | undefined;
}

/** The caller's `Idempotency-Key`, and what it stands for. */
export interface OnceKey {
  key: string;
  /** SHA-256 of the event. */
  bodyHash: string;
}

/** The id of an event with an `Idempotency-Key`: the same when it is published again after a failure. */
export function keyedEventId(publishedBy: string, key: string): string {
  return uuidv5(JSON.stringify([publishedBy, key]), KEYED_NAMESPACE);
}

export function ownEventId(id: string): string {
  return ownUuid(id);
}

/** The stable key of one event's delivery to one subscription. */
export function deliveryIdOf(eventId: string, subscriptionId: string): string {
  return uuidv5(subscriptionId, eventId);
}

/** SHA-256 of a value's JSON with its keys in order; absent fields do not count. */
export function bodyHashOf(body: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(body, (_, value: unknown) => (isPlain(value) ? sorted(value) : value)))
    .digest('hex');
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
