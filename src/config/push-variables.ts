import { z } from 'zod';
import { duration, file, integer, list } from './variable.js';

/** Push types that the Notification API knows: the original's (GMS Notification API, `type`), and fcm, which took over from gcm. */
export const PUSH_TYPES = ['comet', 'httpcb', 'customhttp', 'orscb', 'ios', 'android', 'gcm', 'fcm', 'wns'] as const;
export type PushType = (typeof PUSH_TYPES)[number];

const HOST_PATTERN = /^(?:\*|(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f:]{2,45}\]?)$/;

/** The environment variables of the Notification API. */
export const PUSH = {
  PUSH_ENABLED: list(
    'Push types of the Notification API; none turns it off.',
    `must be a comma list of ${PUSH_TYPES.join(', ')}, or none`,
    z.enum([...PUSH_TYPES, 'none']),
    { fallback: 'comet,httpcb' },
  ),
  PUSH_ALLOWED_HOSTS: list(
    'Hosts that callbacks may go to, such as *.corp.example or 127.0.0.1; public addresses only when unset.',
    'must be a comma list of host names, *.domain patterns or addresses',
    z.string().regex(HOST_PATTERN),
    { example: '*.corp.example,127.0.0.1' },
  ),
  PUSH_DEFAULT_EXPIRE_S: duration(
    'Life of a push subscription that names none.',
    1000,
    { min: 1, max: 31_536_000 },
    { fallback: '86400' },
  ),
  PUSH_PROVIDERS_FILE: file(
    'JSON file with the settings of the push providers (APNs, FCM, WNS, customhttp, orscb), by provider name.',
    { example: './push-providers.json' },
  ),
  PUSH_LOCALIZATION_FILE: file('JSON file with the texts of LOCALIZESTRING messages, by language.', {
    example: './push-texts.json',
  }),
  PUSH_SECRET_KEYS: list(
    'Keys (32 bytes, base64) that encrypt secrets at rest: the first encrypts, all decrypt. When unset, one is derived from GENESYS_CLIENT_SECRET.',
    'must be a comma list of keys of 32 bytes in base64',
    z.string().refine((value) => /^[A-Za-z0-9+/_-]{43}=?$/.test(value)),
    { secret: true, example: 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=' },
  ),
  PUSH_SIGNING_SECRETS: list(
    'Secrets (whsec_ and 24 to 64 bytes in base64) that sign callbacks after Standard Webhooks; all sign, so that they can be rotated.',
    'must be a comma list of whsec_ and 24 to 64 bytes in base64',
    z.string().refine((value) => isSigningSecret(value)),
    { secret: true, example: 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=' },
  ),
  PUSH_CONCURRENCY: integer('Pushes under way at a time.', { min: 1, max: 1024 }, { fallback: '64' }),
  PUSH_TIMEOUT_MS: integer('Deadline of one push, body included.', { min: 20, max: 120_000 }, { fallback: '10000' }),
  PUSH_SUBSCRIPTIONS_PER_SUBSCRIBER: integer(
    'Most push subscriptions of one subscriber at a time.',
    { min: 1, max: 1_000_000 },
    { fallback: '1000' },
  ),
  PUSH_SUBSCRIPTIONS_PER_KEY: integer(
    'Most push subscriptions that one API key may have at a time, whatever subscribers it names.',
    { min: 1, max: 1_000_000 },
    { fallback: '1000' },
  ),
  PUSH_SUBSCRIPTIONS_MAX: integer(
    'Most push subscriptions in all; each takes some 350 bytes of memory in every replica.',
    { min: 1, max: 10_000_000 },
    { fallback: '1000000' },
  ),
  PUSH_RATE_PER_SUBSCRIBER: integer(
    'Most pushes to one subscriber per second; what comes faster waits.',
    { min: 1, max: 100_000 },
    { fallback: '100' },
  ),
  PUSH_QUEUE_PER_SUBSCRIBER: integer(
    'Most undelivered pushes that one subscriber may have; what comes beyond is dropped and counted.',
    { min: 1, max: 10_000_000 },
    { fallback: '10000' },
  ),
};

function isSigningSecret(value: string): boolean {
  if (!/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(value)) return false;
  const { length } = Buffer.from(value.slice('whsec_'.length), 'base64');
  return length >= 24 && length <= 64;
}
