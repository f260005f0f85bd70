import { hash } from 'node:crypto';

/**
 * SHA-256 of a request's contents, the same however the caller ordered the keys: tells "the same again" from "the same
 * with another body". Absent fields do not count.
 */
export function requestHash(contents: object): string {
  return hash('sha256', canonical(contents), 'hex');
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = value as Readonly<Record<string, unknown>>;
  // An absent field costs nothing this way, and neither does an order that is right already: every intake comes by.
  const parts: string[] = [];
  for (const key of Object.keys(fields).sort()) {
    if (fields[key] !== undefined) parts.push(`${JSON.stringify(key)}:${canonical(fields[key])}`);
  }
  return `{${parts.join(',')}}`;
}
