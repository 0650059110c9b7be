/** What routes have to settle among each other, oldest first: whose a host is, and what a group has in common. */
import type { HostClaim } from './closed-hosts.ts';
import { contentHash } from './content-hash.ts';
import { errorAt, warningAt } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import type { RouteSpec } from './resource.ts';
import type { ServedRoute } from './snapshot.ts';

export interface RouteName {
  readonly namespace: string;
  readonly name: string;
}

/** The hosts of a route as they are compared: in lower case; `*` alone for any. */
export function claimedHosts(hostnames: readonly string[]): readonly string[] {
  return hostnames.length === 0 ? ['*'] : hostnames.map((hostname) => hostname.toLowerCase());
}

/** A host, "any" included, belongs to the namespace of the oldest route that names it. */
export class HostOwners {
  readonly #owners: Map<string, RouteName>;

  /** @param taken Hosts that have an owner already, whatever the age of the routes that are to come. */
  constructor(taken: ReadonlyMap<string, RouteName> = new Map()) {
    this.#owners = new Map(taken);
  }

  /** All hosts that somebody owns, oldest first. */
  get claims(): readonly HostClaim[] {
    return [...this.#owners].map(([host, { namespace }]) => ({ host, namespace }));
  }

  /**
   * Claims the hosts of a route, older ones first.
   *
   * @param hostnames As written; undefined when they are broken: then none is claimed.
   * @returns Why the route cannot have them; it then claims none.
   */
  claim(route: RouteName, hostnames: readonly string[] | undefined): Problem | undefined {
    const hosts = hostnames === undefined ? [] : claimedHosts(hostnames);
    for (const [index, host] of hosts.entries()) {
      const owner = this.#owners.get(host);
      if (owner !== undefined && owner.namespace !== route.namespace) return foreignHost(host, index, owner);
    }
    for (const host of hosts) if (!this.#owners.has(host)) this.#owners.set(host, route);
    return undefined;
  }
}

function foreignHost(host: string, index: number, owner: RouteName): Problem {
  const path: Path = host === '*' ? ['spec', 'hostnames'] : ['spec', 'hostnames', index];
  return errorAt(
    path,
    `${hostInWords(host)} belongs to namespace ${owner.namespace} through its older route ${owner.namespace}/${owner.name}; write another host, or move this route there`,
    'HostnameNotAllowed',
  );
}

function hostInWords(host: string): string {
  return host === '*' ? 'any host (no hostnames)' : `host ${host}`;
}

/** What all routes of a host and path must have in common: a client is admitted before its route is known. */
const COMMON_SECTIONS = ['clients', 'limits'] as const;

/** These sections of one route, by their content; and which of the requests of its group it is for. */
export type CommonTerms = { readonly id: string; readonly match: string } & Readonly<
  Record<(typeof COMMON_SECTIONS)[number], string>
>;

/** The terms of each group, set by its oldest route. */
export class GroupTerms {
  readonly #terms = new Map<string, CommonTerms>();
  /** By host, path and match: the route that is taken for them, which is the oldest. */
  readonly #taken = new Map<string, string>();

  /** Lets a route into its groups, older ones first; or says why it can be in none. */
  join(route: ServedRoute, own: CommonTerms): Problem | undefined {
    const keys = route.hostnames.flatMap((host) => route.paths.map((path) => ({ host, path })));
    for (const { host, path } of keys) {
      const older = this.#terms.get(`${host} ${path}`);
      const section = older && COMMON_SECTIONS.find((name) => older[name] !== own[name]);
      if (older === undefined || section === undefined) continue;
      return errorAt(
        ['spec', section],
        `routes that share ${hostInWords(host)} and path ${path === '' ? '/' : path} must have the same ${section}, and those of the older route ${older.id} differ; write the same, or another host or path`,
        'Conflicted',
      );
    }
    for (const { host, path } of keys) {
      if (!this.#terms.has(`${host} ${path}`)) this.#terms.set(`${host} ${path}`, own);
    }
    return undefined;
  }

  /** Warns of a route that has joined and is never chosen: older ones have its match, wherever it is served. */
  shadowOf(route: ServedRoute, own: CommonTerms): Problem | undefined {
    const keys = route.hostnames.flatMap((host) => route.paths.map((path) => `${host} ${path} ${own.match}`));
    const older = keys.map((key) => this.#taken.get(key));
    for (const key of keys) if (!this.#taken.has(key)) this.#taken.set(key, own.id);
    const [first] = older;
    if (first === undefined || older.includes(undefined)) return undefined;
    return warningAt(
      ['spec', 'match'],
      `this route is never used: the older route ${first} is for the same requests and comes first; write another match, host or path, or remove one of the two`,
    );
  }
}

/** The order in sets is no difference. */
export function commonTerms(id: string, { clients, limits, match }: RouteSpec): CommonTerms {
  const comparable = {
    ...clients,
    allowedOrigins: new Set(clients.allowedOrigins),
    queryPassthrough: new Set(clients.queryPassthrough.allow),
  };
  const requests = {
    models: new Set(match.models),
    headers: new Set(match.headers.map((header) => contentHash(header))),
  };
  return {
    id,
    clients: contentHash(comparable),
    limits: contentHash(limits),
    match: contentHash(requests),
  };
}
