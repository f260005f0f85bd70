import { PushDeviceError } from '../push.errors.js';
import { fieldOf, Properties } from './properties.js';
import type { Device } from './publisher.js';

/** WNS refuses larger ones with 413. */
export const MAX_WNS_BYTES = 5_000;

const KINDS = ['toast', 'raw', 'badge', 'tile'] as const;
type Kind = (typeof KINDS)[number];

/** What a badge shows instead of a number: Microsoft's schema of badges. */
const GLYPHS = [
  ...['none', 'activity', 'alarm', 'alert', 'attention', 'available', 'away', 'busy', 'error', 'newMessage', 'paused'],
  ...['playing', 'unavailable'],
];

export interface WnsNotification {
  headers: Record<string, string>;
  body: Buffer;
}

/**
 * What Windows gets, by the property `wns.type`: a toast with the message (unless said otherwise) and `wns.title`, a tile of
 * the same, a badge (`wns.badge`, else the message itself, as a number or a glyph), or the raw message for the app.
 *
 * @throws PushDeviceError when a property, or a badge, cannot be used
 */
export function wnsNotification(text: string, device: Device): WnsNotification {
  const properties = new Properties(device.properties);
  const kind = kindOf(properties);
  const headers = {
    'content-type': kind === 'raw' ? 'application/octet-stream' : 'text/xml',
    'x-wns-type': `wns/${kind}`,
    // Asks for X-WNS-DeviceConnectionStatus beside what became of the notification.
    'x-wns-requestforstatus': 'true',
  };
  return { headers, body: Buffer.from(contentOf(kind, text, properties), 'utf8') };
}

/** Whether the device's notifications take their content from the message alone, so that it cannot be checked before. */
export function isBadgeByMessage(device: Device): boolean {
  const properties = new Properties(device.properties);
  return kindOf(properties) === 'badge' && properties.text('wns.badge') === undefined;
}

function kindOf(properties: Properties): Kind {
  const given = properties.text('wns.type') ?? 'toast';
  const kind = KINDS.find((known) => known === given.replace(/^wns\//, ''));
  if (kind === undefined) throw new PushDeviceError(fieldOf('wns.type'), `must be one of ${KINDS.join(', ')}`);
  return kind;
}

function contentOf(kind: Kind, text: string, properties: Properties): string {
  if (kind === 'raw') return text;
  if (kind === 'badge') return `<badge value="${badgeOf(properties.text('wns.badge') ?? text)}"/>`;
  const texts = [properties.text('wns.title'), text].filter((line) => line !== undefined);
  const lines = texts.map((line) => `<text>${escaped(line)}</text>`).join('');
  if (kind === 'tile') return `<tile><visual><binding template="TileMedium">${lines}</binding></visual></tile>`;
  const launch = properties.text('wns.launch');
  const attribute = launch === undefined ? '' : ` launch="${escaped(launch)}"`;
  return `<toast${attribute}><visual><binding template="ToastGeneric">${lines}</binding></visual></toast>`;
}

function badgeOf(value: string): string {
  if (/^\d{1,9}$/.test(value) || GLYPHS.includes(value)) return value;
  throw new PushDeviceError(fieldOf('wns.badge'), `must be a number or one of ${GLYPHS.join(', ')}`);
}

/** XML 1.0 cannot hold most control characters and lone surrogates in any form: they are left out. */
function escaped(text: string): string {
  return (
    text
      .toWellFormed()
      // eslint-disable-next-line no-control-regex -- control characters are what must not be there
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
  );
}
