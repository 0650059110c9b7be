/**
 * What is served of each route, by the last decision or, before the first one, by the snapshot that an earlier process
 * left: it stays in effect where nothing better is known.
 */
import type { UnlistedRoute } from '../reconcile/decide.ts';
import type { ObservedRoute } from '../reconcile/observed-route.ts';
import type { HostClaim } from '../route/closed-hosts.ts';
import type { ServedRoute } from '../route/snapshot.ts';
import type { StoredContent } from './snapshot-secret.ts';

export class LastServed {
  #routes: ReadonlyMap<string, ServedRoute> = new Map();
  #closedHosts: readonly string[] = [];
  #source: 'none' | 'stored' | 'decided' = 'none';

  /** By `namespace/name`, oldest first. */
  get routes(): ReadonlyMap<string, ServedRoute> {
    return this.#routes;
  }

  /** What an earlier process left. Does nothing after the first decision. */
  recall({ served, closedHosts }: StoredContent): void {
    if (this.#source === 'decided') return;
    this.#source = 'stored';
    this.#routes = byId(served);
    this.#closedHosts = closedHosts;
  }

  /** Decided just now. */
  decided(served: readonly ServedRoute[]): void {
    this.#source = 'decided';
    this.#routes = byId(served);
  }

  /** The routes of namespaces that cannot be listed, each with an age that keeps it in its place among the others. */
  unlisted(
    namespaces: ReadonlySet<string>,
    listed: readonly ObservedRoute[],
  ): readonly UnlistedRoute[] | undefined {
    if (namespaces.size === 0) return undefined;
    const ages = new Map(listed.map(({ key, createdAt }) => [key, createdAt]));
    const unlisted: UnlistedRoute[] = [];
    let createdAt = 0;
    for (const [id, served] of this.#routes) {
      createdAt = Math.max(createdAt, ages.get(id) ?? 0);
      if (namespaces.has(namespaceOf(id))) unlisted.push({ served, createdAt });
    }
    return unlisted;
  }

  /** Hosts that an earlier process closed: while namespaces cannot be listed, some may be of their routes. */
  claims(namespaces: ReadonlySet<string>): readonly HostClaim[] {
    // whose they are is not known: each counts alone
    return namespaces.size === 0 ? [] : this.#closedHosts.map((host) => ({ host, namespace: host }));
  }
}

function byId(served: readonly ServedRoute[]): ReadonlyMap<string, ServedRoute> {
  return new Map(served.map((route) => [route.compiled.id, route]));
}

function namespaceOf(id: string): string {
  return id.slice(0, id.indexOf('/'));
}
