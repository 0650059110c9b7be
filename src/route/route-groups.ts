/** From routes that are served to the groups in which they are found. */
import { contentHash } from './content-hash.ts';
import type { CompiledRoute, RouteGroup, ServedRoute, Snapshot } from './snapshot.ts';

/** Enough to tell versions apart; short enough to be read out. */
const VERSION_DIGITS = 12;

/**
 * A snapshot of routes, also of none.
 *
 * @param served Oldest first, without conflicts.
 * @param closedHosts See Snapshot.
 * @param version Of the same, where it is known already: it costs a hash of everything.
 */
export function toSnapshot(
  served: readonly ServedRoute[],
  closedHosts: readonly string[] = [],
  version = versionOf(served, closedHosts),
): Snapshot {
  const groups = new Map<string, { hostname: string; path: string; routes: CompiledRoute[] }>();
  for (const { hostnames, paths, compiled } of served) {
    for (const hostname of hostnames) {
      for (const path of paths) {
        const key = `${hostname} ${path}`;
        const group = groups.get(key);
        if (group === undefined) groups.set(key, { hostname, path, routes: [compiled] });
        else group.routes.push(compiled);
      }
    }
  }
  return {
    version,
    routes: served.map(({ compiled }) => compiled),
    groups: [...groups.values()].flatMap(toGroup),
    closedHosts: new Set(closedHosts),
  };
}

/** Names what is served: 12 hex digits, equal for equal routes in the same order, credentials included as digests. */
export function versionOf(served: readonly ServedRoute[], closedHosts: readonly string[] = []): string {
  return contentHash([served.map(digestOf), new Set(closedHosts)]).slice(0, VERSION_DIGITS);
}

/** A compiled route never changes: its digest is made once. */
const digests = new WeakMap<CompiledRoute, string>();

function digestOf({ hostnames, paths, compiled }: ServedRoute): string {
  const known = digests.get(compiled);
  if (known !== undefined) return known;
  const digest = contentHash([hostnames, paths, compiled]);
  digests.set(compiled, digest);
  return digest;
}

function toGroup(group: { hostname: string; path: string; routes: CompiledRoute[] }): RouteGroup[] {
  const [oldest] = group.routes;
  return oldest === undefined ? [] : [{ ...group, clients: oldest.clients, limits: oldest.limits }];
}
