import { RequestInvalidError } from '../http/request.errors.js';

export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

const MAX_USER = 256;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** The `gms_user` header; undefined when absent. @throws RequestInvalidError */
export function gmsUserOf(headers: RequestHeaders): string | undefined {
  const user = textOf(headers, 'gms_user');
  if (user === undefined) return undefined;
  if (user.length <= MAX_USER) return user;
  const message = `has ${user.length} characters; the limit is ${MAX_USER}`;
  throw new RequestInvalidError([{ field: 'gms_user', message }]);
}

/** The `Idempotency-Key` header; undefined when absent. @throws RequestInvalidError */
export function idempotencyKeyOf(headers: RequestHeaders): string | undefined {
  const key = textOf(headers, 'idempotency-key');
  if (key === undefined || IDEMPOTENCY_KEY.test(key)) return key;
  const message = 'must be 1 to 255 printable ASCII characters without spaces';
  throw new RequestInvalidError([{ field: 'Idempotency-Key', message }]);
}

function textOf(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
