import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { NameResolver } from '../name-resolver.js';

/** Names with the addresses that a test gives them, one list per look-up; the last one stays. */
export class FakeNames extends NameResolver {
  readonly asked: { host: string; how: 'public' | 'system' }[] = [];

  constructor(private readonly names: Readonly<Record<string, readonly (readonly string[])[]>> = {}) {
    super();
  }

  override publicAddresses(host: string): Promise<LookupAddress[]> {
    return this.answer(host, 'public');
  }

  override systemAddresses(host: string): Promise<LookupAddress[]> {
    return this.answer(host, 'system');
  }

  private async answer(host: string, how: 'public' | 'system'): Promise<LookupAddress[]> {
    const before = this.asked.filter((asked) => asked.host === host).length;
    this.asked.push({ host, how });
    const lists = this.names[host] ?? this.names['*'];
    const addresses = lists?.[Math.min(before, lists.length - 1)];
    if (addresses === undefined) throw Object.assign(new Error(`no such name: ${host}`), { code: 'ENOTFOUND' });
    return Promise.resolve(addresses.map((address) => ({ address, family: isIP(address) })));
  }
}
