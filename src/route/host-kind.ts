/**
 * Where a host lies, as far as its name or address tells. The one list of what a route of a cluster may not reach:
 * the check of routes reads it, and the transport reads it again for every address that DNS gives.
 */
import { BlockList, isIP } from 'node:net';

/**
 * `local` = this machine, its link, its cloud's metadata service, or no peer at all: not for routes of a cluster;
 * `private` = an address or name of an inner network, where providers may live; `public` = everything else.
 */
export type HostKind = 'local' | 'private' | 'public';

/** Names that lead to the machine itself or to the credentials of its cloud. */
export const LOCAL_NAMES = [
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
] as const;

const LOCAL_NAME_SET: ReadonlySet<string> = new Set([
  '', // Node connects it to loopback
  ...LOCAL_NAMES,
]);

const PRIVATE_SUFFIXES = ['.svc', '.cluster.local', '.internal', '.local', '.lan', '.home.arpa'];

/** Prefixes of IPv6 forms in which an IPv4 address stands last, and then decides. */
const EMBEDDING_PREFIXES = [
  '::', // IPv4-compatible, deprecated
  '::ffff:', // IPv4-mapped
  '::ffff:0:', // IPv4-translated
  '64:ff9b::', // NAT64
  '64:ff9b:1::', // NAT64 of a network's own (RFC 8215), at the prefix that is mostly taken
] as const;

type Subnet = readonly [address: string, prefix: number];

/** What no route of a cluster may reach, as `[address, prefix]`; IPv4 in its IPv6 forms too. */
export const LOCAL_SUBNETS: readonly Subnet[] = [
  ['0.0.0.0', 8], // "this host": Linux connects it to loopback
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local; 169.254.169.254 is the metadata service of most clouds
  ['100.100.100.200', 32], // metadata of Alibaba Cloud
  ['168.63.129.16', 32], // host services of Azure
  ['192.0.0.192', 32], // metadata of Oracle Cloud, the older address
  ['224.0.0.0', 4], // multicast: no provider
  ['255.255.255.255', 32],
  ['::', 127], // unspecified and loopback
  ['fe80::', 10],
  ['fec0::', 10], // site-local, deprecated, and routed like link-local where it still is
  ['ff00::', 8], // multicast
  ['fd00:ec2::254', 128], // metadata of AWS
  ['fd20:ce::254', 128], // metadata of Google Cloud
];

const LOCAL_ADDRESSES = listOf(LOCAL_SUBNETS);

const PRIVATE_ADDRESSES = listOf([
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['fc00::', 7],
]);

/**
 * The kind of a host.
 *
 * @param host A name or an address: in any case, with or without brackets, zone and dots at the end. An IPv4
 *   address in four decimal parts, as the URL class writes it.
 */
export function hostKind(host: string): HostKind {
  return addressKind(host) ?? nameKind(toBareHost(host));
}

/** The same for an address; undefined for what is none. */
export function addressKind(address: string): HostKind | undefined {
  const bare = toBareHost(address);
  const version = isIP(bare);
  if (version === 0) return undefined;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (LOCAL_ADDRESSES.check(bare, family)) return 'local';
  return PRIVATE_ADDRESSES.check(bare, family) ? 'private' : 'public';
}

function nameKind(name: string): HostKind {
  if (LOCAL_NAME_SET.has(name) || name.endsWith('.localhost')) return 'local';
  // A name without a dot is resolved by the search path of the pod: a Service of the cluster.
  if (!name.includes('.') || PRIVATE_SUFFIXES.some((suffix) => name.endsWith(suffix))) return 'private';
  // `service.namespace` cannot be told from a public name.
  return name.includes('.svc.') ? 'private' : 'public';
}

/** What counts of a host. A zone (`%eth0`) says by which interface, a dot at the end where a search stops. */
function toBareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/s, '')
    .replace(/\.+$/, '');
}

/** The subnets; those of IPv4 in their IPv6 forms too. */
function listOf(subnets: readonly Subnet[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) {
    if (isIP(address) === 6) {
      list.addSubnet(address, prefix, 'ipv6');
      continue;
    }
    list.addSubnet(address, prefix, 'ipv4');
    for (const before of EMBEDDING_PREFIXES) list.addSubnet(`${before}${address}`, 96 + prefix, 'ipv6');
    list.addSubnet(`2002:${toHexGroups(address)}::`, 16 + prefix, 'ipv6'); // 6to4
  }
  return list;
}

/** `127.0.0.1` as `7f00:1`. */
function toHexGroups(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}
