import { createHash } from 'node:crypto';

/**
 * SHA-256 of a request's contents, the same however the caller ordered the keys: tells "the same again" from "the same
 * with another body". Absent fields do not count.
 */
export function requestHash(contents: object): string {
  return createHash('sha256').update(canonical(contents)).digest('hex');
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}
