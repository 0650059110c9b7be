/** The routes of one bridge name: read from all namespaces, or from those that are listed. */
import type { KubeClient } from '../kube/kube-client.ts';
import type { KubeFact, KubeFacts } from '../kube/kube-facts.ts';
import { keyOf } from '../kube/kube-object.ts';
import { apiPath } from '../kube/kube-path.ts';
import { Reflector } from '../kube/reflector.ts';
import { type ObservedRoute, observeRoute } from '../reconcile/observed-route.ts';
import { READABLE_WITHIN_MS } from './references.ts';
import { troubleOf } from './trouble.ts';

export interface RouteWatchOptions {
  readonly client: KubeClient;
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly bridgeName: string;
  readonly facts: KubeFacts;
  /** This route came, changed (its status too) or went. */
  readonly onChange: (key: string) => void;
  /** A first list was read, or those that were not are not waited for any longer. */
  readonly onSynced: () => void;
  /** How long the first lists are waited for; as long as that of what routes refer to by default. */
  readonly patienceMs?: number | undefined;
}

export class RouteWatch {
  readonly reflectors: readonly Reflector<ObservedRoute>[];
  readonly #options: RouteWatchOptions;
  #patience: NodeJS.Timeout | undefined;
  #isPatient = true;

  constructor(options: RouteWatchOptions) {
    this.#options = options;
    const { client, namespaces, bridgeName, facts, onChange, onSynced } = options;
    this.reflectors = (namespaces ?? [undefined]).map((namespace) => {
      const reflector: Reflector<ObservedRoute> = new Reflector({
        client,
        path: apiPath({
          group: 'turnbridge.dev',
          version: 'v1alpha1',
          ...(namespace !== undefined && { namespace }),
          resource: 'responsesroutes',
        }),
        query: { fieldSelector: `spec.bridgeName=${bridgeName}` },
        resource: 'responsesroutes',
        // what is known of it is kept where only its status changed
        keep: (object) => observeRoute(object, this.get(keyOf(object))),
        onChange,
        onSynced,
        facts: (fact) => facts(withCure(fact, reflector)),
      });
      return reflector;
    });
  }

  get isSynced(): boolean {
    return this.reflectors.every((reflector) => reflector.isSynced);
  }

  /**
   * Whether routes may be decided on: all lists were read, or those that were not are not waited for any longer. One
   * namespace that cannot be listed does not hold up the others.
   */
  get isReady(): boolean {
    return this.isSynced || (!this.#isPatient && this.reflectors.some((reflector) => reflector.isSynced));
  }

  /** Whether a first list is still waited for. */
  get isAwaited(): boolean {
    return this.#isPatient && !this.isSynced;
  }

  /** Whose routes there are is not known. */
  get unlistedNamespaces(): ReadonlySet<string> {
    const { namespaces = [] } = this.#options;
    return new Set(namespaces.filter((_, index) => this.reflectors[index]?.isSynced === false));
  }

  /** Why the first list takes so long, in words; undefined: it is there, or nothing is known. */
  get trouble(): string | undefined {
    for (const reflector of this.reflectors) {
      const trouble = reflector.isSynced ? undefined : troubleOfRoutes(reflector);
      if (trouble !== undefined) return trouble;
    }
    return undefined;
  }

  get(key: string): ObservedRoute | undefined {
    for (const reflector of this.reflectors) {
      const route = reflector.get(key);
      if (route !== undefined) return route;
    }
    return undefined;
  }

  *routes(): IterableIterator<ObservedRoute> {
    for (const reflector of this.reflectors) for (const [, route] of reflector.entries()) yield route;
  }

  start(): void {
    const { onSynced, patienceMs = READABLE_WITHIN_MS } = this.#options;
    this.#patience = setTimeout(() => {
      this.#isPatient = false;
      onSynced();
    }, patienceMs);
    for (const reflector of this.reflectors) reflector.start();
  }

  /** May be called twice. */
  async close(): Promise<void> {
    clearTimeout(this.#patience);
    await Promise.all(this.reflectors.map((reflector) => reflector.close()));
  }
}

/** The log says what helps, as `/readyz` does. */
function withCure(fact: KubeFact, reflector: Reflector<ObservedRoute>): KubeFact {
  if (fact.kind !== 'reflector.waiting' || fact.error !== reflector.lastError?.message) return fact;
  return { ...fact, error: troubleOfRoutes(reflector) ?? fact.error };
}

/** The first thing that a new installation may lack. */
function troubleOfRoutes(reflector: Reflector<ObservedRoute>): string | undefined {
  const trouble = troubleOf(reflector);
  switch (reflector.lastError?.status) {
    case 400: // an older CRD: it cannot be asked for the routes of one bridge name
    case 404:
      return `the ResponsesRoute CRD is not installed, or not up to date: kubectl apply -f manifests/crd, or install the chart turnbridge-crds (${trouble})`;
    case 403:
      return `${trouble}: apply manifests/rbac/operator.yaml, or with --namespaces operator-namespaced.yaml in each of these, and leave out one that is gone`;
    default:
      return trouble;
  }
}
