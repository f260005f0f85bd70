import { isUtf8 } from 'node:buffer';
import { PushDeviceError } from '../push.errors.js';

/** What HTTP allows in a header's value and undici sends as it is: visible ASCII, spaces between (RFC 9110 §5.5). */
const SENDABLE = /^[\x21-\x7e]+( +[\x21-\x7e]+)*$/;
const MAX_LENGTH = 8_192;

/**
 * The `Authorization` header for the value of a subscription's `authorization`. The original's clients give the bare base64 of
 * `user:password` (its example is `ZGVtbzo=`, "demo:"), which is sent as `Basic …`, for without a scheme no server understands
 * it. Everything else is sent as it is: `Basic …`, `Bearer …`, or a token of the receiver's own.
 */
export function authorizationHeader(value: string | undefined): { authorization?: string } {
  const given = value?.trim() ?? '';
  if (given === '') return {};
  return { authorization: isBareBasic(given) ? `Basic ${given}` : given };
}

/** What must not be kept of an answer that echoes it: the value, what follows its scheme, and the password within `Basic`. */
export function secretsOfAuthorization(value: string | undefined): string[] {
  const given = value?.trim() ?? '';
  const credentials = given.replace(/^[\w-]+ +/, '');
  const pair = isBareBasic(credentials) ? Buffer.from(credentials, 'base64').toString('utf8') : '';
  return [given, credentials, pair, pair.slice(pair.indexOf(':') + 1)];
}

/** @throws PushDeviceError when the value cannot be sent in a header; the value is not shown */
export function checkAuthorization(value: string | undefined): void {
  const given = value?.trim() ?? '';
  if (given === '' || (given.length <= MAX_LENGTH && SENDABLE.test(given))) return;
  throw new PushDeviceError(
    'authorization',
    `must be at most ${String(MAX_LENGTH)} visible ASCII characters, such as Basic … or Bearer …`,
  );
}

function isBareBasic(value: string): boolean {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return false;
  const decoded = Buffer.from(value, 'base64');
  if (decoded.toString('base64') !== value || !isUtf8(decoded)) return false;
  // RFC 7617 §2: no control characters in user and password.
  // eslint-disable-next-line no-control-regex -- control characters are what must not be there
  return /^[^\u0000-\u001f\u007f:]*:[^\u0000-\u001f\u007f]*$/.test(decoded.toString('utf8'));
}
