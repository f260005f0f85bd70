import { verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Answer, Seen } from './push-service.js';

/** Apple's form of an error. */
export function apnsError(status: number, reason: string, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: { reason } };
}

export function bearerOf(seen: Seen): string {
  return String(seen.headers.authorization).replace(/^bearer /i, '');
}

/** The parts of a JSON Web Token, after its signature was found good. */
export function verifiedToken(token: string, key: KeyObject): { header: unknown; claims: Record<string, unknown> } {
  const [header = '', claims = '', signature = ''] = token.split('.');
  const verifier = key.asymmetricKeyType === 'ec' ? ({ key, dsaEncoding: 'ieee-p1363' } as const) : key;
  const good = verify('sha256', Buffer.from(`${header}.${claims}`), verifier, Buffer.from(signature, 'base64url'));
  if (!good) throw new Error('the signature is not that of the key');
  const parsed = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  return { header: parsed(header), claims: parsed(claims) as Record<string, unknown> };
}

/** Takes every provider token but the first that it sees. */
export function expiresFirstToken(): (seen: Seen) => Answer {
  let first: string | undefined;
  return (seen) => {
    first ??= bearerOf(seen);
    return bearerOf(seen) === first ? apnsError(403, 'ExpiredProviderToken') : { status: 200 };
  };
}
