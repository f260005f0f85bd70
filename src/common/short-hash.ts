import { createHash } from 'node:crypto';

/**
 * First 8 hex digits of the SHA-256: tells one channel from another in logs and messages without giving the id away,
 * which is all that a stranger would need to read the channel's events.
 */
export function shortHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 8);
}
