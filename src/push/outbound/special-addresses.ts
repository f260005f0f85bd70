import { BlockList, isIP } from 'node:net';

/**
 * IPv4 addresses that are no public hosts: the IANA IPv4 Special-Purpose Address Registry (RFC 6890 and what was added
 * since), multicast and class E. AMT, AS112 and 6to4 relays (192.52.193, 192.31.196, 192.175.48, 192.88.99) are
 * globally reachable but infrastructure.
 */
const SPECIAL_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  // Azure's host for metadata, DHCP and DNS: a public address that means something else on every virtual machine there.
  '168.63.129.16/32',
];

/**
 * The only IPv6 block that IANA gives out for hosts. Outside of it are all loopback, v4-mapped, v4-compatible, translated
 * (NAT64), discard, SRv6, unique-local, link-local, site-local and multicast addresses.
 */
const GLOBAL_V6 = ['2000::/3'];

/**
 * What is no public host within it: protocol assignments (Teredo, benchmarking, AMT, ORCHID, drone tags …), 6to4,
 * documentation, AS112 and the former 6bone.
 */
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3ffe::/16', '3fff::/20'];

// Lists of one family each: BlockList would judge a v4-mapped address by the IPv4 rules of a mixed list.
const specialV4 = listOf(SPECIAL_V4, 'ipv4');
const globalV6 = listOf(GLOBAL_V6, 'ipv6');
const specialV6 = listOf(SPECIAL_V6, 'ipv6');

/** An address in its one canonical form; undefined when it is none, or has a zone, which no public address has. */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 4) return text;
  if (family === 0 || text.includes('%')) return undefined;
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

/** Whether an address is that of a host on the public internet. What is not known to be is not. */
export function isPublicAddress(address: string): boolean {
  const canonical = canonicalAddress(address);
  if (canonical === undefined) return false;
  if (isIP(canonical) === 4) return !specialV4.check(canonical, 'ipv4');
  return globalV6.check(canonical, 'ipv6') && !specialV6.check(canonical, 'ipv6');
}

function listOf(subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
}
