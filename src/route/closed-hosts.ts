/** Hosts for which nobody answers: their routes cannot be served, and no other's may be in their place. */
import type { ServedRoute } from './snapshot.ts';

/** A host that routes claim, `*` for any, and the namespace that owns it. */
export interface HostClaim {
  readonly host: string;
  readonly namespace: string;
}

/**
 * The most that are closed of one namespace, and of all: a snapshot has room for so much, and one tenant's broken
 * routes must not take it from the others' sound ones. Beyond it a host is nobody's.
 */
export const MAX_CLOSED_HOSTS_PER_NAMESPACE = 100;
export const MAX_CLOSED_HOSTS = 1000;

/**
 * The hosts that are to be closed: claimed, had by none of the served routes, and otherwise answered for by a served
 * route for more hosts. In the order of the alphabet.
 *
 * @param claims Oldest first.
 */
export function hostsToClose(
  claims: readonly HostClaim[],
  served: readonly ServedRoute[],
): readonly string[] {
  const open = new Set(served.flatMap(({ hostnames }) => hostnames));
  const counts = new Map<string, number>();
  const closed: string[] = [];
  for (const { host, namespace } of claims) {
    if (open.has(host) || !widerPatterns(host).some((pattern) => open.has(pattern))) continue;
    const count = (counts.get(namespace) ?? 0) + 1;
    if (count > MAX_CLOSED_HOSTS_PER_NAMESPACE || closed.length === MAX_CLOSED_HOSTS) continue;
    counts.set(namespace, count);
    closed.push(host);
  }
  return closed.sort();
}

/** Whether a name is meant for a closed host rather than for this one that is served and matches it. */
export function isClosed(name: string, closedHosts: ReadonlySet<string>, served: string): boolean {
  if (closedHosts.size === 0) return false;
  for (const pattern of [name, ...widerPatterns(name)]) {
    if (pattern === served) return false;
    if (closedHosts.has(pattern)) return true;
  }
  return false;
}

/** All patterns that match more than a host or pattern does, the closest first: `*.b.c`, `*.c`, `*` for `a.b.c`. */
function widerPatterns(host: string): readonly string[] {
  if (host === '*') return [];
  const labels = host.split('.');
  const isPattern = labels[0] === '*';
  const suffixes = labels
    .slice(isPattern ? 2 : 1)
    .map((_, index, rest) => `*.${rest.slice(index).join('.')}`);
  return [...suffixes, '*'];
}
