import type { PushType } from '../../config/push-variables.js';

/** One event on its way to one device. */
export interface PushMessage {
  /** The same on every attempt, restart and replay: receivers recognise a repeat by it. */
  id: string;
  tag: string;
  /** The event's message in the subscriber's language; empty when the event has none. */
  text: string;
  /** Epoch ms. */
  publishedAt: number;
}

/** Where a message goes: `notificationDetails` of a subscription or of an event, with what belongs to it. */
export interface Device {
  type: PushType;
  /** A URL, a device token, a channel URI; for comet the `gms_user`. */
  deviceId: string;
  properties: Readonly<Record<string, string | number | boolean>>;
  /** Whether the provider's debug settings are used instead of its production ones. */
  debug: boolean;
  /** Name of the provider's settings; `default` unless the caller names another. */
  providerName: string;
  /** Value for the `Authorization` header of callbacks, in clear. Never logged. */
  authorization?: string;
}

/** What one attempt came to. `message` is for operators: no payload, no secret, no device token. */
export type PushOutcome =
  | { kind: 'sent'; status: number }
  /** The device is no more: its subscription ends. */
  | { kind: 'gone'; code: string; message: string; status?: number }
  /** It will never be taken. */
  | { kind: 'refused'; code: string; message: string; status?: number; answer?: string }
  /** Try again later. `retryAfterMs` is the receiver's own wish and is a minimum. */
  | { kind: 'retry'; code: string; message: string; status?: number; retryAfterMs?: number; answer?: string };

/** A way to push. One file each; `PushPublishers` knows them all. */
export interface Publisher {
  /** The types that it serves (FCM serves three). */
  readonly types: readonly PushType[];
  /**
   * Checks at the time of subscribing, or before a direct publication, that a device can be pushed to: its id's form, the
   * properties and provider settings that are needed. @throws PushDeviceError (400) that names the field
   */
  check(device: Device): void | Promise<void>;
  /** Groups devices that fail together: the origin of a callback, the provider of a phone. Never a secret. */
  destinationOf(device: Device): string;
  /** One attempt within `PUSH_TIMEOUT_MS`; never rejects for reasons of the receiver or the network. */
  publish(message: PushMessage, device: Device, signal: AbortSignal): Promise<PushOutcome>;
  /** Closes connections. */
  close?(): Promise<void>;
}
