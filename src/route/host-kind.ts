import { BlockList, isIP } from 'node:net';

/**
 * Where a host lies, as far as its name or address tells:
 * `local` = this machine, its link or its cloud's metadata service: not for routes of a cluster;
 * `private` = an address or name of an inner network; `public` = everything else.
 */
export type HostKind = 'local' | 'private' | 'public';

/** Names that lead to the machine itself or to the credentials of its cloud. */
const LOCAL_NAMES: ReadonlySet<string> = new Set([
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

const PRIVATE_SUFFIXES = ['.svc', '.cluster.local', '.internal', '.local', '.lan', '.home.arpa'];

type Subnet = readonly [address: string, prefix: number];

const LOCAL_V4: readonly Subnet[] = [
  ['0.0.0.0', 8], // "this host": Linux connects it to loopback
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local; 169.254.169.254 is the metadata service of most clouds
  ['100.100.100.200', 32], // metadata of Alibaba Cloud
  ['168.63.129.16', 32], // host services of Azure
  ['192.0.0.192', 32], // metadata of Oracle Cloud, the older address
  ['224.0.0.0', 4], // multicast: no provider
  ['255.255.255.255', 32],
];

const LOCAL_V6: readonly Subnet[] = [
  ['::', 127], // unspecified and loopback
  ['fe80::', 10],
  ['fec0::', 10], // site-local, deprecated
  ['ff00::', 8], // multicast
  ['fd00:ec2::254', 128], // metadata of AWS
  ['fd20:ce::254', 128], // metadata of Google Cloud
];

/** Prefixes of IPv6 forms in which an IPv4 address stands last. IPv4-mapped ones are covered by the list itself. */
const EMBEDDING_PREFIXES = ['::', '::ffff:0:', '64:ff9b::'] as const;

const LOCAL_ADDRESSES = blockList([
  ...LOCAL_V4,
  ...LOCAL_V6,
  ...LOCAL_V4.flatMap(([address, prefix]): Subnet[] => [
    ...EMBEDDING_PREFIXES.map((before): Subnet => [`${before}${address}`, 96 + prefix]),
    [`2002:${toHexGroups(address)}::`, 16 + prefix], // 6to4
  ]),
]);

const PRIVATE_ADDRESSES = blockList([
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['fc00::', 7],
]);

/**
 * @param host A host as the URL class writes it: lower case, IPv4 in four decimal parts, IPv6 in brackets or not.
 */
export function hostKind(host: string): HostKind {
  const name = host.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const version = isIP(name);
  if (version !== 0) {
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (LOCAL_ADDRESSES.check(name, family)) return 'local';
    return PRIVATE_ADDRESSES.check(name, family) ? 'private' : 'public';
  }
  if (LOCAL_NAMES.has(name) || name.endsWith('.localhost')) return 'local';
  // A name without a dot is resolved by the search path of the pod: a Service of the cluster.
  if (!name.includes('.') || PRIVATE_SUFFIXES.some((suffix) => name.endsWith(suffix))) return 'private';
  // `service.namespace` cannot be told from a public name.
  return /\.svc\./.test(name) ? 'private' : 'public';
}

/** `127.0.0.1` as `7f00:1`. */
function toHexGroups(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function blockList(subnets: readonly Subnet[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) {
    list.addSubnet(address, prefix, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
