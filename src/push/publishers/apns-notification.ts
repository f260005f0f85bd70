import { v5, validate } from 'uuid';
import type { ApnsSettings } from '../providers/settings.js';
import { Properties } from './properties.js';
import type { Device, PushMessage } from './publisher.js';

/** Apple refuses larger ones (413 PayloadTooLarge): 4 KB, 5 KB for calls only. */
export const MAX_APNS_BYTES = 4_096;

/** Of ids that are no UUID, which Apple would refuse (400 BadMessageId); drawn at random once. */
const ID_NAMESPACE = '1c0f4e5b-6a52-4d0e-9f43-8f6f0a9c3e27';

/** Keys of Apple's alert dictionary that `apple.alertMessage.…` may set, beside those that take a list. */
const ALERT_TEXTS = [
  ...['title', 'subtitle', 'body', 'launch-image'],
  ...['title-loc-key', 'subtitle-loc-key', 'loc-key', 'action-loc-key'],
];
const ALERT_LISTS = ['title-loc-args', 'subtitle-loc-args', 'loc-args'];

export interface ApnsNotification {
  headers: Record<string, string>;
  body: Buffer;
}

/**
 * What Apple gets: `aps` from the device's properties, and the message itself, its tag and its id beside it. An alert that
 * names neither `body` nor `loc-key` has the message as its body. A message that is to show, sound and count nothing only
 * wakes the app (a background push).
 *
 * @throws PushDeviceError when a property cannot be used
 */
export function apnsNotification(
  message: PushMessage,
  device: Device,
  settings: Pick<ApnsSettings, 'topic' | 'expireS'>,
): ApnsNotification {
  const aps = apsOf(message.text, new Properties(device.properties));
  const visible = 'alert' in aps || 'badge' in aps || 'sound' in aps;
  if (!visible) aps['content-available'] = 1;
  const body = { aps, message: message.text, tag: message.tag, id: message.id };
  return {
    headers: {
      'content-type': 'application/json',
      'apns-topic': settings.topic,
      'apns-id': validate(message.id) ? message.id : v5(message.id, ID_NAMESPACE),
      'apns-push-type': visible ? 'alert' : 'background',
      // Apple takes background pushes with 5 only.
      'apns-priority': visible ? '10' : '5',
      'apns-expiration': String(settings.expireS && Math.floor(message.publishedAt / 1_000) + settings.expireS),
    },
    body: Buffer.from(JSON.stringify(body), 'utf8'),
  };
}

function apsOf(text: string, properties: Properties): Record<string, unknown> {
  const aps: Record<string, unknown> = {};
  const set = (key: string, value: unknown): void => {
    if (value !== undefined) aps[key] = value;
  };
  set('alert', alertOf(text, properties));
  set('badge', properties.integer('apple.badge', 2 ** 31 - 1));
  set('sound', properties.text('apple.sound'));
  set('category', properties.text('apple.category'));
  set('thread-id', properties.text('apple.thread-id'));
  if (properties.flag('apple.content-available')) set('content-available', 1);
  if (properties.flag('apple.mutable-content')) set('mutable-content', 1);
  return aps;
}

function alertOf(text: string, properties: Properties): Record<string, unknown> | undefined {
  const alert: Record<string, unknown> = {};
  for (const key of ALERT_TEXTS) {
    const value = properties.text(`apple.alertMessage.${key}`);
    if (value !== undefined) alert[key] = value;
  }
  for (const key of ALERT_LISTS) {
    const value = properties.texts(`apple.alertMessage.${key}`);
    if (value !== undefined) alert[key] = value;
  }
  if (!('body' in alert) && !('loc-key' in alert) && text !== '') alert.body = text;
  return Object.keys(alert).length === 0 ? undefined : alert;
}
