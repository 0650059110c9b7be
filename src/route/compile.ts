/** From checked documents to a snapshot: rules, references, groups, and conflicts between routes. */
import type { CheckedResource } from './check-resource.ts';
import { hostsToClose, type HostClaim } from './closed-hosts.ts';
import { compileClients, compileProvider, compileRoute } from './compile-route.ts';
import type { CompileScope } from './compile-route.ts';
import { claimedHosts, commonTerms, GroupTerms, HostOwners } from './conflicts.ts';
import type { CommonTerms, RouteName } from './conflicts.ts';
import { errorAt, isReferenceProblem } from './problem.ts';
import type { Problem } from './problem.ts';
import type { MissingReferences, ReferenceLookup } from './references.ts';
import { type RuleOptions, permitsLoopback } from './provider-rules.ts';
import { checkRules } from './rules.ts';
import { toSnapshot } from './route-groups.ts';
import type { CompiledProvider, ServedRoute, Snapshot } from './snapshot.ts';

export interface CompileOptions {
  /** Providers on this machine or its link may be named: files and sidecars, never a route of a cluster. */
  readonly loopbackAllowed: RuleOptions['loopbackAllowed'];
  readonly missingReferences: MissingReferences;
  /** Serve the routes of this bridge only; undefined = of all. Others are neither judged nor served. */
  readonly bridgeName: string | undefined;
  /** Hosts, in lower case, that belong to routes which are not among the documents. */
  readonly takenHosts?: ReadonlyMap<string, RouteName>;
  /** For whoever compiles again and again: a change then costs what it changed. For these options only. */
  readonly memo?: CompileMemo;
}

/** A problem; `document` is the index of the document it is about. */
export type DocumentProblem = Problem & { readonly document: number };

export interface CompileResult {
  /** All routes without an error; undefined when there is none. */
  readonly snapshot: Snapshot | undefined;
  /** Of schema, rules, references and conflicts. */
  readonly problems: readonly DocumentProblem[];
}

export interface CompiledRoutes {
  /** Oldest first; `document` is the index of the document it comes from. */
  readonly served: readonly (ServedRoute & { readonly document: number })[];
  /** Of all routes, also of those that are not served; oldest first. */
  readonly claims: readonly HostClaim[];
  readonly problems: readonly DocumentProblem[];
}

/**
 * Compiles all routes at once.
 *
 * @param documents Oldest first: the age decides conflicts.
 */
export function compile(
  documents: readonly CheckedResource[],
  lookup: ReferenceLookup,
  options: CompileOptions,
): CompileResult {
  const { served, claims, problems } = compileRoutes(documents, lookup, options);
  const snapshot = served.length === 0 ? undefined : toSnapshot(served, hostsToClose(claims, served));
  return { snapshot, problems };
}

/** The same, route by route: for a source that serves what is sound and explains the rest. */
export function compileRoutes(
  documents: readonly CheckedResource[],
  lookup: ReferenceLookup,
  options: CompileOptions,
): CompiledRoutes {
  const problems: DocumentProblem[] = [];
  const served: (ServedRoute & { document: number })[] = [];
  const hosts = new HostOwners(options.takenHosts);
  const groups = new GroupTerms();
  const ids = new Set<string>();
  documents.forEach((resource, document) => {
    const { bridgeName } = resource.sections;
    if (options.bridgeName !== undefined && bridgeName !== undefined && bridgeName !== options.bridgeName)
      return;
    const { route, terms, problems: sound } = judge(resource, lookup, options);
    const own = [...sound];
    const id = resource.metadata && `${resource.metadata.namespace}/${resource.metadata.name}`;
    const { metadata } = resource;
    const isSecond = id !== undefined && ids.has(id);
    if (isSecond) own.push(secondOf(id));
    if (id !== undefined) ids.add(id);
    // claimed by broken routes too: a mistake in an edit must not hand a host to another namespace
    const foreign = metadata && hosts.claim(metadata, resource.sections.hostnames);
    if (foreign !== undefined) own.push(foreign);
    if (route !== undefined && terms !== undefined && !isSecond && foreign === undefined) {
      const disagreement = groups.join(route, terms);
      if (disagreement === undefined) served.push({ ...route, document });
      const remark = disagreement ?? groups.shadowOf(route, terms);
      if (remark !== undefined) own.push(remark);
    }
    problems.push(...own.map((problem) => ({ ...problem, document })));
  });
  return { served, claims: hosts.claims, problems };
}

/** What became of one document, other documents aside. */
interface Judged {
  /** Of schema, rules and references. */
  readonly problems: readonly Problem[];
  /** Undefined when it cannot be served. */
  readonly route: ServedRoute | undefined;
  /** With `route` only. */
  readonly terms: CommonTerms | undefined;
}

function judge(resource: CheckedResource, lookup: ReferenceLookup, options: CompileOptions): Judged {
  const known = options.memo?.recall(resource, lookup);
  if (known !== undefined) return known;
  const recorded = recordLookups(lookup);
  const problems = [...resource.problems, ...checkRules(resource.sections, options)];
  const route = toServedRoute(resource, problems, recorded, options);
  const terms = route && resource.route && commonTerms(route.compiled.id, resource.route.spec);
  const judged: Judged = { problems, route, terms };
  options.memo?.remember(resource, judged, recorded.lookups);
  return judged;
}

/**
 * Remembers what became of each document, for as long as somebody holds it. It counts while the lookup gives the same
 * objects (the same, not equal ones) for what the document refers to.
 */
export class CompileMemo {
  readonly #known = new WeakMap<CheckedResource, { judged: Judged; lookups: readonly Lookup[] }>();

  recall(resource: CheckedResource, lookup: ReferenceLookup): Judged | undefined {
    const known = this.#known.get(resource);
    const isSame = known?.lookups.every(
      ({ kind, namespace, name, found }) => lookup[kind](namespace, name) === found,
    );
    return isSame === true ? known?.judged : undefined;
  }

  remember(resource: CheckedResource, judged: Judged, lookups: readonly Lookup[]): void {
    this.#known.set(resource, { judged, lookups });
  }
}

interface Lookup {
  readonly kind: 'secret' | 'configMap';
  readonly namespace: string;
  readonly name: string;
  readonly found: unknown;
}

/** The same lookup; `lookups` are those that were made. */
function recordLookups(lookup: ReferenceLookup): ReferenceLookup & { readonly lookups: readonly Lookup[] } {
  const lookups: Lookup[] = [];
  const note = <T>(kind: Lookup['kind'], namespace: string, name: string, found: T): T => {
    lookups.push({ kind, namespace, name, found });
    return found;
  };
  return {
    ...lookup,
    lookups,
    secret: (namespace, name) => note('secret', namespace, name, lookup.secret(namespace, name)),
    configMap: (namespace, name) => note('configMap', namespace, name, lookup.configMap(namespace, name)),
  };
}

/** Resolves what can be resolved, so that all mistakes are told; undefined when the route cannot be served. */
function toServedRoute(
  { metadata, route, sections }: CheckedResource,
  problems: Problem[],
  lookup: ReferenceLookup,
  options: CompileOptions,
): ServedRoute | undefined {
  if (metadata === undefined) return undefined;
  const { namespace, name } = metadata;
  const scope: CompileScope = {
    namespace,
    lookup,
    missing: options.missingReferences,
    problems,
    loopbackAllowed: permitsLoopback(options, sections.bridgeName),
  };
  const clients = compileClients(sections.clients, route?.spec.clients, scope);
  const providers = (sections.providers ?? []).map((provider, index) =>
    compileProvider(provider, route?.spec.providers[index], ['spec', 'providers', index], scope),
  );
  if (route === undefined || clients === undefined || problems.some((problem) => forbids(problem, options)))
    return undefined;
  const { spec } = route;
  const sound = providers.filter((provider): provider is CompiledProvider => provider !== undefined);
  return {
    hostnames: claimedHosts(spec.hostnames),
    paths: spec.match.paths.map((path) => (path === '/' ? '' : path)),
    compiled: compileRoute(`${namespace}/${name}`, spec, clients, sound),
  };
}

/** Whether a route with this problem is not served. */
function forbids(problem: Problem, { missingReferences }: CompileOptions): boolean {
  if (problem.severity === 'warning') return false;
  return missingReferences !== 'LeftOut' || !isReferenceProblem(problem);
}

function secondOf(id: string): Problem {
  return errorAt(
    ['metadata', 'name'],
    `route ${id} is written twice; write another name, or remove one of the two`,
  );
}
