import { promises as dns } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { Injectable } from '@nestjs/common';

/** A name server that does not answer is given up after 2 × 2 s, well within the default PUSH_TIMEOUT_MS. */
const TIMEOUT_MS = 2_000;
const TRIES = 2;

/** Finds the addresses of a host. */
export abstract class NameResolver {
  /** By DNS alone, for names that callers gave. @throws Error with Node.js' code (ENOTFOUND, ETIMEOUT …) */
  abstract publicAddresses(host: string): Promise<LookupAddress[]>;
  /** As the machine does, with its hosts file and search list, for names that operators gave. @throws as above */
  abstract systemAddresses(host: string): Promise<LookupAddress[]>;
}

/**
 * Names that callers give are asked of DNS directly: the machine's own look-up (getaddrinfo) occupies one of Node.js' four
 * threads, which files and SQLite need as well, for as long as a name server likes to be silent.
 */
@Injectable()
export class DnsNameResolver extends NameResolver {
  private readonly resolver = new dns.Resolver({ timeout: TIMEOUT_MS, tries: TRIES });

  /** One that asks other name servers than the machine's (`address:port`). */
  static asking(servers: readonly string[]): DnsNameResolver {
    const made = new DnsNameResolver();
    made.resolver.setServers(servers);
    return made;
  }

  override async publicAddresses(host: string): Promise<LookupAddress[]> {
    const [v4, v6] = await Promise.allSettled([this.resolver.resolve4(host), this.resolver.resolve6(host)]);
    const addresses = [...found(v4, 4), ...found(v6, 6)];
    // Most hosts have no IPv6 address; what matters then is why there is no IPv4 one.
    if (addresses.length === 0 && v4.status === 'rejected') throw v4.reason;
    return addresses;
  }

  override async systemAddresses(host: string): Promise<LookupAddress[]> {
    return dns.lookup(host, { all: true });
  }
}

function found(result: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] {
  return result.status === 'fulfilled' ? result.value.map((address) => ({ address, family })) : [];
}
