import { createHash } from 'node:crypto';

/** 22 characters that are the same for the same contents: an event arrives twice while a channel is handed over. */
export function contentId(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}
