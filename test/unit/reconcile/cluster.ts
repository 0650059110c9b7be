/** Routes and what they refer to, as an API server would hold them. */
import { decideRoutes } from '../../../src/reconcile/decide.ts';
import type { Decisions, Doubt, Verdict } from '../../../src/reconcile/decide.ts';
import { observeRoute } from '../../../src/reconcile/observed-route.ts';
import type { ObservedRoute } from '../../../src/reconcile/observed-route.ts';
import type { ReferenceLookup } from '../../../src/route/references.ts';
import { Secret } from '../../../src/route/secret.ts';

/** What a test says of a route; the API server adds the rest. */
export interface RouteText {
  /** `namespace/name`. */
  readonly key: string;
  /** Seconds since the first route of the test; routes of one test that say nothing are of one second. */
  readonly age?: number;
  readonly generation?: number;
  readonly deleted?: boolean;
  readonly spec: unknown;
  readonly status?: unknown;
}

/** Entries of Secrets and ConfigMaps, by `namespace/name`. */
export type Objects = Readonly<Record<string, Readonly<Record<string, string>>>>;

const FIRST = Date.parse('2026-09-01T08:00:00Z');

/** The object as the API server sends it: with fields in metadata that no author writes. */
export function routeObject({ key, age = 0, generation = 1, deleted = false, spec, status }: RouteText) {
  const [namespace, name] = key.split('/');
  const createdAt = new Date(FIRST + age * 1000).toISOString().replace('.000Z', 'Z');
  return {
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    metadata: {
      namespace,
      name,
      uid: `uid-of-${key}`,
      resourceVersion: '7',
      generation,
      creationTimestamp: createdAt,
      generateName: 'r-',
      selfLink: '/',
      ...(deleted && { deletionTimestamp: createdAt, deletionGracePeriodSeconds: 0 }),
    },
    spec,
    ...(status !== undefined && { status }),
  };
}

export function observe(route: RouteText): ObservedRoute {
  return observeRoute(routeObject(route));
}

export function lookupOf(objects: Objects): ReferenceLookup {
  return {
    secret: (namespace, name) => {
      const entries = objects[`${namespace}/${name}`];
      return entries && new Map(Object.entries(entries).map(([key, value]) => [key, new Secret(value)]));
    },
    configMap: (namespace, name) => {
      const entries = objects[`${namespace}/${name}`];
      return entries && new Map(Object.entries(entries));
    },
  };
}

/** @param unreadable Namespaces, each with the sentence that says why. */
export function decide(
  routes: readonly RouteText[],
  objects: Objects = {},
  unreadable: Readonly<Record<string, string>> = {},
): Decisions {
  const observed = routes.map(observe);
  const doubts = observed.flatMap(({ key, namespace, references }): [string, Doubt][] => {
    const sentence = unreadable[namespace];
    if (sentence === undefined || references.secrets.length + references.configMaps.length === 0) return [];
    return [[key, { sentence, effect: 'GoesWithout' }]];
  });
  return decideRoutes(observed, lookupOf(objects), { loopbackAllowed: false, doubts: new Map(doubts) });
}

/** The verdict of the route of that key. */
export function verdictOn(key: string, { verdicts }: Decisions): Verdict {
  const verdict = verdicts.get(key);
  if (verdict === undefined) throw new Error(`there is no verdict on ${key}`);
  return verdict;
}

export function servedIds({ served }: Decisions): readonly string[] {
  return served.map(({ compiled }) => compiled.id);
}

/** A provider that needs nothing. */
export const OPEN = { name: 'vllm', url: 'https://vllm.models.svc/v1', auth: { type: 'None' } };
/** A provider whose key is in Secret `openai`. */
export const KEYED = {
  name: 'openai',
  url: 'https://api.openai.com/v1',
  auth: { type: 'APIKey', secretRef: { name: 'openai' } },
};
/** Clients without keys, so that providers may hold one. */
export const ANYBODY = { auth: { type: 'None' } };
/** Clients whose keys are in Secret `teams`. */
export const TEAMS = { auth: { type: 'APIKey', secretRef: { name: 'teams' } } };

/** The smallest sound spec. */
export function openSpec(changes: object = {}): object {
  return { clients: ANYBODY, providers: [OPEN], ...changes };
}
