/** A ResponsesRoute as the API server gives it, in the form in which it is decided on. */
import { checkResource } from '../route/check-resource.ts';
import type { CheckedResource, RouteSections } from '../route/check-resource.ts';
import { API_VERSION, KIND } from '../route/resource.ts';
import { toStoredStatus } from './route-status.ts';
import type { RouteStatus } from './route-status.ts';

export interface ObservedRoute {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Grows with each change of `spec`. */
  readonly generation: number;
  /** Milliseconds since 1970; the API server counts whole seconds. */
  readonly createdAt: number;
  /** It was deleted, and something else holds it back: it is not served any more, and has no verdict. */
  readonly isDeleting: boolean;
  readonly bridgeName: string;
  readonly resource: CheckedResource;
  /** As it is stored, foreign conditions included; undefined before the first visit. */
  readonly status: RouteStatus | undefined;
  readonly references: RouteReferences;
}

/** What a route refers to in its own namespace. Nothing else of that namespace has to be kept. */
export interface RouteReferences {
  readonly secrets: readonly string[];
  readonly configMaps: readonly string[];
  /** By the Secret's name, the entries that count. A Secret of clients counts whole. */
  readonly secretEntries: ReadonlyMap<string, WantedEntries>;
  readonly configMapEntries: ReadonlyMap<string, WantedEntries>;
}

export type WantedEntries = 'All' | ReadonlySet<string>;

/**
 * Reads an object of the API server. This checks the whole route against its schema, about 0.3 ms, unless it is known
 * already: each status that is written comes back as a new object with the same spec.
 *
 * @param known What was read last of the route of that name.
 * @throws Error when it is no Kubernetes object at all: the API server never sends such a thing.
 */
export function observeRoute(object: unknown, known?: ObservedRoute): ObservedRoute {
  const { metadata, spec, status } = asRecord(object) ?? {};
  const about = asRecord(metadata) ?? {};
  const namespace = textIn(about, 'namespace');
  const name = textIn(about, 'name');
  const createdAt = Date.parse(textIn(about, 'creationTimestamp'));
  const generation = about['generation'];
  if (!Number.isFinite(createdAt) || typeof generation !== 'number')
    throw new Error(`route ${namespace}/${name} has no creationTimestamp or generation`);
  const uid = textIn(about, 'uid');
  const isKnown = known?.uid === uid && known.generation === generation;
  // only what a route says itself: the cluster's own fields in metadata are no concern of its author
  const document = { apiVersion: API_VERSION, kind: KIND, metadata: { namespace, name }, spec };
  const resource = isKnown ? known.resource : checkResource(document, 'Dropped');
  return {
    key: `${namespace}/${name}`,
    namespace,
    name,
    uid,
    resourceVersion: textIn(about, 'resourceVersion'),
    generation,
    createdAt,
    isDeleting: about['deletionTimestamp'] !== undefined,
    bridgeName: resource.sections.bridgeName ?? '',
    resource,
    status: toStoredStatus(status),
    references: isKnown ? known.references : referencesOf(resource.sections),
  };
}

/** The order that decides between routes: the older first; of two of one second, the first by `namespace/name`. */
export function compareAge(a: ObservedRoute, b: ObservedRoute): number {
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt;
  if (a.key === b.key) return 0;
  return a.key < b.key ? -1 : 1;
}

/** Also of a route with mistakes: its sound references are judged, so that all mistakes are told at once. */
function referencesOf({ clients, providers }: RouteSections): RouteReferences {
  const entries = { Secret: new Map<string, Set<string>>(), ConfigMap: new Map<string, Set<string>>() };
  const want = (kind: 'Secret' | 'ConfigMap', name: string, key: string): void => {
    entries[kind].set(name, new Set(entries[kind].get(name)).add(key));
  };
  for (const { auth, tls } of providers ?? []) {
    if (auth?.type === 'APIKey' && auth.secretRef !== undefined)
      want('Secret', auth.secretRef.name, auth.secretRef.key);
    for (const { kind, name, key } of tls?.caCertificateRefs ?? []) want(kind, name, key);
  }
  const secretEntries = new Map<string, WantedEntries>(entries.Secret);
  if (clients.auth?.type === 'APIKey' && clients.auth.secretRef !== undefined)
    secretEntries.set(clients.auth.secretRef.name, 'All');
  return {
    secrets: [...secretEntries.keys()],
    configMaps: [...entries.ConfigMap.keys()],
    secretEntries,
    configMapEntries: entries.ConfigMap,
  };
}

function textIn(record: Readonly<Record<string, unknown>>, field: string): string {
  const value = record[field];
  if (typeof value !== 'string' || value === '') throw new Error(`an object has no metadata.${field}`);
  return value;
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Readonly<Record<string, unknown>>) : undefined;
}
