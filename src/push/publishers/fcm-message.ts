import type { FcmSettings } from '../providers/settings.js';
import { Properties } from './properties.js';
import type { Device, PushMessage } from './publisher.js';

/** Firebase refuses more in `data` and `notification` together. */
export const MAX_FCM_BYTES = 4_096;

/**
 * The request of `projects.messages:send`. The message, its tag and its id are `data`, which the app reads. A notification
 * that the system shows by itself is added when the device or the provider names a title or a body, by the names of today
 * (`fcm.title`) or of the former services (`gcm.title`, `android.title`).
 */
export function fcmRequest(
  message: PushMessage,
  device: Device,
  settings: Pick<FcmSettings, 'title' | 'body' | 'expireS'>,
): { text: string; bytes: number } {
  const data = { message: message.text, tag: message.tag, id: message.id };
  const notification = notificationOf(message, device, settings);
  const content = {
    message: {
      token: device.deviceId,
      data,
      ...(notification && { notification }),
      // Without it Android holds messages back while the phone sleeps.
      android: { priority: 'HIGH', ttl: `${String(settings.expireS)}s` },
    },
  };
  const bytes = sizeOf(data) + sizeOf(notification ?? {});
  return { text: JSON.stringify(content), bytes };
}

function notificationOf(
  message: PushMessage,
  device: Device,
  settings: Pick<FcmSettings, 'title' | 'body'>,
): Record<string, string> | undefined {
  const properties = new Properties(device.properties);
  const of = (name: string): string | undefined =>
    properties.firstText(`fcm.${name}`, `gcm.${name}`, `android.${name}`);
  const title = of('title') ?? settings.title;
  const body = of('body') ?? settings.body;
  if (title === undefined && body === undefined) return undefined;
  return { ...(title === undefined ? {} : { title }), body: body ?? message.text };
}

function sizeOf(fields: Record<string, string>): number {
  return Object.entries(fields).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
}
