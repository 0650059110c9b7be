/**
 * Addresses that a route may not reach: loopback, link-local, the metadata services of clouds and what is no
 * address of a peer at all. Whoever may write a route in a cluster must not thereby read a node's metadata or talk
 * to a sidecar's localhost. Private ranges are allowed: providers live there. File routes lift the guard.
 *
 * Checked twice: the name of the URL, then every address that DNS gives for it, at the moment of dialling.
 */
import { lookup as dnsLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Why a connection was not attempted. `code` marks it on its way through undici. */
export class AddressRefused extends Error {
  readonly code = 'TURNBRIDGE_ADDRESS_REFUSED';

  constructor() {
    super('the address is loopback, link-local or a metadata service');
    this.name = 'AddressRefused';
  }
}

const FORBIDDEN_V4: readonly (readonly [address: string, prefix: number])[] = [
  ['0.0.0.0', 8], // "this host": Linux connects 0.0.0.0 to loopback
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local, with the metadata address of most clouds
  ['100.100.100.200', 32], // Alibaba Cloud metadata
  ['168.63.129.16', 32], // Azure host services
  ['192.0.0.192', 32], // Oracle Cloud metadata, its older address
  ['224.0.0.0', 4], // multicast
  ['255.255.255.255', 32],
];

const FORBIDDEN_V6: readonly (readonly [address: string, prefix: number])[] = [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10], // link-local
  ['fec0::', 10], // site-local, deprecated and routed like link-local where it still is
  ['ff00::', 8], // multicast
  ['fd00:ec2::254', 128], // AWS metadata
  ['fd20:ce::254', 128], // Google Cloud metadata
];

/** IPv6 forms that carry an IPv4 address, which then decides: where they begin, and at which 16-bit group it stands. */
const EMBEDDED_V4: readonly (readonly [prefix: readonly number[], group: number])[] = [
  [[0, 0, 0, 0, 0, 0xffff], 6], // IPv4-mapped
  [[0, 0, 0, 0, 0, 0], 6], // IPv4-compatible, deprecated
  [[0, 0, 0, 0, 0xffff, 0], 6], // IPv4-translated
  [[0x64, 0xff9b, 0, 0, 0, 0], 6], // NAT64
  [[0x2002], 1], // 6to4
];

const FORBIDDEN_NAMES: ReadonlySet<string> = new Set([
  'localhost',
  'localhost.localdomain',
  'localhost6',
  'localhost6.localdomain6',
  'ip6-localhost',
  'ip6-loopback',
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
]);

const forbidden = new BlockList();
for (const [address, prefix] of FORBIDDEN_V4) {
  forbidden.addSubnet(address, prefix, 'ipv4');
}
for (const [address, prefix] of FORBIDDEN_V6) {
  forbidden.addSubnet(address, prefix, 'ipv6');
}

/**
 * Is this an address that a guarded route may not reach?
 *
 * @param address An IPv4 or IPv6 address, with or without brackets and zone. What is no address is forbidden.
 */
export function isForbiddenAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  switch (isIP(bare)) {
    case 4:
      return forbidden.check(bare, 'ipv4');
    case 6: {
      const inner = embeddedV4(bare);
      return forbidden.check(bare, 'ipv6') || (inner !== undefined && forbidden.check(inner, 'ipv4'));
    }
    default:
      return true;
  }
}

/**
 * Is this the name, or literal address, of something that a guarded route may not reach?
 *
 * @param hostname As in a URL: lower case, IPv6 in brackets.
 */
export function isForbiddenHost(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  if (isIP(bare) !== 0) {
    return isForbiddenAddress(bare);
  }
  const name = bare.toLowerCase().replace(/\.+$/, '');
  return name === '' || FORBIDDEN_NAMES.has(name) || name.endsWith('.localhost');
}

/**
 * A `lookup` for sockets that refuses a name as soon as one of its addresses is forbidden: a public name that leads
 * to loopback is an attack or a mistake, and dialling its other addresses would hide either.
 *
 * @param lookup Resolves names; the system's resolver unless a test has its own.
 */
export function guardedLookup(lookup: LookupFunction = dnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      if (error === null || error === undefined) {
        const addresses = Array.isArray(address) ? address.map((entry) => entry.address) : [address];
        if (addresses.some(isForbiddenAddress)) {
          callback(new AddressRefused(), address, family);
          return;
        }
      }
      callback(error, address, family);
    });
  };
}

function embeddedV4(address: string): string | undefined {
  const groups = toGroups(address);
  for (const [prefix, at] of EMBEDDED_V4) {
    if (prefix.every((group, index) => groups[index] === group)) {
      const high = groups[at] ?? 0;
      const low = groups[at + 1] ?? 0;
      return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
    }
  }
  return undefined;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function toGroups(address: string): number[] {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  let text = address;
  if (dotted !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(1).map(Number);
    const tail = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
    text = address.slice(0, dotted.index) + tail;
  }
  const [head = '', rest] = text.split('::');
  const parse = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const before = parse(head);
  if (rest === undefined) {
    return before;
  }
  const after = parse(rest);
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}
