import { sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/**
 * A signed JSON Web Token (RFC 7515): ES256 for a P-256 key, RS256 for an RSA key. Nobody's tokens are checked here, so that
 * one call of node:crypto does and no library is needed.
 */
export function signedToken(
  key: KeyObject,
  header: { kid?: string },
  claims: Readonly<Record<string, string | number>>,
): string {
  const elliptic = key.asymmetricKeyType === 'ec';
  const content = [{ alg: elliptic ? 'ES256' : 'RS256', typ: 'JWT', ...header }, claims]
    .map((part) => Buffer.from(JSON.stringify(part), 'utf8').toString('base64url'))
    .join('.');
  // RFC 7518 §3.4: the two numbers side by side, and not ASN.1 as node:crypto would give them.
  const signature = sign('sha256', Buffer.from(content), elliptic ? { key, dsaEncoding: 'ieee-p1363' } : key);
  return `${content}.${signature.toString('base64url')}`;
}
