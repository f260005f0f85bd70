import type { ProviderAnswer } from '../providers/provider-http.js';
import type { PushOutcome } from './publisher.js';

/** The device has no such app any more, or the token never was one of this app and system. */
const GONE = new Set(['Unregistered', 'ExpiredToken', 'BadDeviceToken', 'DeviceTokenNotForTopic']);

/** Of status 400, but nothing is wrong with the request. */
const PASSING = new Set(['IdleTimeout']);

/** Apple asks for 20 minutes between two provider tokens of a key; another gateway may share the key. */
const TOKEN_UPDATES_MS = 60_000;

/** The provider token has to be replaced. @see https://developer.apple.com/documentation/usernotifications (errors) */
export function isExpiredProviderToken({ status, json }: ProviderAnswer): boolean {
  return status === 403 && reasonOf(json) === 'ExpiredProviderToken';
}

/**
 * What Apple's answer means. What an operator can put right (403: keys and certificates) is tried again, so that nothing is
 * lost by it; so is what has no reason that could be read, unless the status says enough.
 */
export function apnsOutcome({ status, json, retryAfterMs }: ProviderAnswer): PushOutcome {
  if (status === 200) return { kind: 'sent', status };
  const reason = reasonOf(json);
  const failure = {
    code: `push.apns-${String(status)}`,
    message: `APNs answered ${String(status)}${reason === undefined ? '' : ` ${reason}`}`,
    status,
  };
  if (status === 410 || (status === 400 && reason !== undefined && GONE.has(reason)))
    return { kind: 'gone', ...failure };
  const refused = (status === 400 && reason !== undefined && !PASSING.has(reason)) || [404, 405, 413].includes(status);
  if (refused) return { kind: 'refused', ...failure };
  const waitMs = retryAfterMs ?? (reason === 'TooManyProviderTokenUpdates' ? TOKEN_UPDATES_MS : undefined);
  return { kind: 'retry', ...failure, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
}

/** Apple's word, when it looks like one: an answer of something in between is not carried into messages. */
function reasonOf(json: unknown): string | undefined {
  const { reason } = (typeof json === 'object' && json !== null ? json : {}) as { reason?: unknown };
  return typeof reason === 'string' && /^[A-Za-z]{1,64}$/.test(reason) ? reason : undefined;
}
