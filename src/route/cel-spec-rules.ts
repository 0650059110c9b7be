/** What ties the sections of a route together, in CEL: rules.ts and what it calls say the same of files. */
import { onlyForKeys } from './cel-provider-rules.ts';
import { celList, celText } from './cluster-meta.ts';
import type { CelRule } from './cluster-meta.ts';
import { LOCAL_NAMES, LOCAL_SUBNETS } from './host-kind.ts';
import { SAFE_PATHS, SAFE_SOCKET_PATHS } from './relayed-paths.ts';

/** A list whose values are unique, where its list type does not say so. */
export const UNIQUE_VALUES: CelRule = {
  rule: 'self.all(v, self.exists_one(w, w == v))',
  says: {
    messageExpression: `'"' + self.filter(v, !self.exists_one(w, w == v))[0] + '" is written twice; remove one'`,
  },
  reason: 'Invalid',
};

/** `hostnames`: unique as DNS compares them. */
export const UNIQUE_HOSTNAMES: CelRule = {
  rule: 'self.all(v, self.exists_one(w, w.lowerAscii() == v.lowerAscii()))',
  says: {
    messageExpression: `'"' + self.filter(v, !self.exists_one(w, w.lowerAscii() == v.lowerAscii()))[0].lowerAscii() + '" is written twice; remove one'`,
  },
  reason: 'Invalid',
};

/** `clients.auth`. */
export const CLIENT_AUTH: readonly CelRule[] = [
  {
    rule: `self.type != 'APIKey' || has(self.secretRef)`,
    says: {
      message:
        'clients.auth.type APIKey needs the Secret with the keys of clients; write secretRef: {name: NAME}',
    },
    fieldPath: '.secretRef',
    reason: 'Required',
  },
  onlyForKeys('secretRef'),
];

/** `relay.paths[]` and `relay.webSocketPaths[]`. */
export const RELAYED_PATH: CelRule = {
  rule: `self != '/responses'`,
  says: { message: '/responses is served by the bridge itself; remove it' },
  reason: 'Invalid',
};

/** Routes of sidecars may name their own pod: their bridgeName is `sidecar` or begins with `sidecar-`. */
const IS_SIDECAR = `(self.bridgeName == 'sidecar' || self.bridgeName.startsWith('sidecar-'))`;

/** `spec`. */
export const SPEC: readonly CelRule[] = [
  {
    rule: `${IS_SIDECAR} || !self.providers.exists(p, ${isLocalUrl('p.url')})`,
    says: {
      messageExpression: `'provider ' + ${providerWhere(isLocalUrl('p.url'))}.name + ${celText(": url leads to the machine of the bridge itself, its link or its cloud's metadata; write the address of a provider in the cluster or outside")}`,
    },
    fieldPath: '.providers',
    reason: 'Forbidden',
  },
  {
    rule: `self.clients.auth.type != 'Passthrough' || !self.providers.exists(p, p.auth.type == 'APIKey')`,
    says: {
      messageExpression: `'provider ' + ${providerWhere(`p.auth.type == 'APIKey'`)}.name + ' holds its own key, so clients must be checked: set clients.auth.type to APIKey, or to None if everyone who reaches this bridge may spend that key'`,
    },
    fieldPath: '.providers',
    reason: 'Invalid',
  },
  {
    rule: `self.clients.auth.type == 'Passthrough' || !self.providers.exists(p, p.auth.type == 'Passthrough')`,
    says: {
      messageExpression: `'provider ' + ${providerWhere(`p.auth.type == 'Passthrough'`)}.name + ' waits for the keys of clients (auth.type Passthrough), but with clients.auth.type ' + self.clients.auth.type + (self.clients.auth.type == 'APIKey' ? ' their keys are checked here and never leave' : ' they need to bring no key') + ': set its auth.type to APIKey with a secretRef, or to None if it needs no key'`,
    },
    fieldPath: '.providers',
    reason: 'Invalid',
  },
  unexposed('paths', SAFE_PATHS),
  unexposed('webSocketPaths', SAFE_SOCKET_PATHS),
];

/** Paths through which one client could read what another stored, where they share a key; `/responses` is refused by itself. */
function unexposed(field: 'paths' | 'webSocketPaths', safe: readonly string[]): CelRule {
  const exposed = `!(r in ${celList([...safe, '/responses'])})`;
  return {
    rule: `self.relay.sharedKey == 'Allowed' || !self.providers.exists(p, p.auth.type != 'Passthrough') || !self.relay.${field}.exists(r, ${exposed})`,
    says: {
      messageExpression: `'all clients reach provider ' + ${providerWhere(`p.auth.type != 'Passthrough'`)}.name + ' as one, so through ' + self.relay.${field}[self.relay.${field}.map(r, ${exposed}).indexOf(true)] + ' one client could read what another stored: give it auth Passthrough, or set relay.sharedKey to Allowed if that is meant'`,
    },
    fieldPath: `.relay.${field}`,
    reason: 'Invalid',
  };
}

/** CEL for the first provider `p` of which this holds. By its index: the API server knows no bound for what filter() gives. */
function providerWhere(condition: string): string {
  return `self.providers[self.providers.map(p, ${condition}).indexOf(true)]`;
}

/**
 * CEL for: this url leads to the machine, its link or its metadata. On the text of the url, because the API server
 * knows no bound for the parts of one. Numbers in hexadecimal and other unusual spellings are the operator's.
 */
function isLocalUrl(url: string): string {
  const names = LOCAL_NAMES.map(literal).join('|');
  const ipv4 = LOCAL_SUBNETS.filter(([address]) => address.includes('.'))
    .map(ipv4Pattern)
    .join('|');
  const ipv6 = LOCAL_SUBNETS.filter(([address]) => address.includes(':')).map((subnet) => subnet.join('/'));
  const mapped = String.raw`::ffff:(7f[0-9a-f]{2}|a9fe):[0-9a-f]+`; // loopback and link-local, in hexadecimal
  const hosts = String.raw`(${names}|[^/:?#]+\.localhost)\.*|(${ipv4})|\[[0-9a-f:]*:(${ipv4})\]|\[${mapped}\]`;
  const bracketed = String.raw`${url}.find(r'//\[[^\]%]*').replace('//[', '')`;
  return String.raw`(${url}.matches(r'(?i)^[a-z0-9+.-]+://(${hosts})([:/?#]|$)') || (isIP(${bracketed}) && ${celList(ipv6)}.exists(c, cidr(c).containsIP(${bracketed}))))`;
}

/** A subnet as a pattern. A short form such as 127.1 has the same first parts. */
function ipv4Pattern([address, prefix]: readonly [string, number]): string {
  const parts = address.split('.');
  const whole = parts.slice(0, prefix / 8).map(literal);
  const rest = prefix % 8;
  const partial = Number(parts[whole.length]);
  if (rest > 0) {
    const values = Array.from({ length: 2 ** (8 - rest) }, (_, index) => String(partial + index));
    return String.raw`(${values.join('|')})\.[0-9.]+`;
  }
  return whole.join(String.raw`\.`) + (whole.length === parts.length ? '' : String.raw`\.[0-9.]+`);
}

function literal(text: string): string {
  return text.replaceAll('.', String.raw`\.`);
}
