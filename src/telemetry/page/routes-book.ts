/** The routes in effect, as the page shows them: names and places, and nothing that could be a secret. */
import type { ConfigReloadResult } from '../names.ts';
import type { RouteRow, RoutesView } from './page-state.ts';

/** More than a person reads; the rest is counted. */
export const MAX_ROUTES_SHOWN = 200;

/** What is read of the routes in effect. A `Snapshot` fits. */
export interface ServedRoutes {
  readonly version: string;
  readonly groups: readonly {
    readonly hostname: string;
    readonly path: string;
    readonly routes: readonly ServedRoute[];
  }[];
}

interface ServedRoute {
  readonly id: string;
  readonly match: { readonly models: readonly string[] };
  /** `origin` is scheme, host and port. */
  readonly providers: readonly { readonly name: string; readonly origin: string }[];
}

export class RoutesBook {
  readonly #wallNow: () => number;
  #served: Pick<RoutesView, 'version' | 'since' | 'rows' | 'omitted'> | undefined;
  #lastReload: RoutesView['lastReload'];
  #changes = 0;

  constructor(wallNow: () => number) {
    this.#wallNow = wallNow;
  }

  get changes(): number {
    return this.#changes;
  }

  /** These are in effect from now on. */
  serves(routes: ServedRoutes): void {
    const all = rowsOf(routes);
    this.#served = {
      version: routes.version,
      since: this.#wallNow(),
      rows: all.slice(0, MAX_ROUTES_SHOWN),
      omitted: Math.max(0, all.length - MAX_ROUTES_SHOWN),
    };
    this.#changes++;
  }

  configReload(result: ConfigReloadResult): void {
    this.#lastReload = { result, at: this.#wallNow() };
    this.#changes++;
  }

  get view(): RoutesView | undefined {
    return this.#served && { ...this.#served, lastReload: this.#lastReload };
  }
}

/** A route is in several groups if it has several hosts or paths. */
function rowsOf({ groups }: ServedRoutes): RouteRow[] {
  const rows = new Map<string, RouteRow & { readonly places: string[] }>();
  for (const { hostname, path, routes } of groups) {
    for (const { id, match, providers } of routes) {
      let row = rows.get(id);
      if (row === undefined) {
        row = {
          id,
          places: [],
          models: [...match.models],
          providers: providers.map(({ name, origin }) => ({ name, origin })),
        };
        rows.set(id, row);
      }
      row.places.push(`${hostname}${path}`);
    }
  }
  return [...rows.values()];
}
