import { isIP } from 'node:net';
import { canonicalAddress } from './special-addresses.js';

/** PUSH_ALLOWED_HOSTS: exact names, `*.domain` (not the domain itself), addresses, or `*` for everything. */
export class HostPatterns {
  private readonly everything: boolean;
  private readonly exact = new Set<string>();
  private readonly suffixes: string[] = [];

  constructor(patterns: readonly string[]) {
    this.everything = patterns.includes('*');
    for (const pattern of patterns) {
      if (pattern.startsWith('*.')) this.suffixes.push(pattern.slice(1).toLowerCase());
      else if (pattern !== '*') this.exact.add(hostOf(pattern));
    }
  }

  /** @param host a name or an address as `hostOf` makes them. An address is covered by itself only, never by `*.…`. */
  cover(host: string): boolean {
    if (this.everything || this.exact.has(host)) return true;
    return isIP(host) === 0 && this.suffixes.some((suffix) => host.endsWith(suffix) && host.length > suffix.length);
  }
}

/** A URL's host name for comparisons: lower case, without an address' brackets, without the root's dot. */
export function hostOf(hostname: string): string {
  const bare = hostname.toLowerCase().replace(/^\[|\]$/g, '');
  return canonicalAddress(bare) ?? bare.replace(/\.+$/, '');
}
