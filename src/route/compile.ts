/** From checked documents to a snapshot: rules, references, groups, and conflicts between routes. */
import type { CheckedResource } from './check-resource.ts';
import { compileClients, compileProvider, compileRoute } from './compile-route.ts';
import type { CompileScope } from './compile-route.ts';
import { contentHash } from './content-hash.ts';
import { errorAt, hasErrors } from './problem.ts';
import type { Path, Problem } from './problem.ts';
import type { ReferenceLookup } from './references.ts';
import type { RouteSpec } from './resource.ts';
import { checkRules } from './rules.ts';
import type { CompiledProvider, CompiledRoute, RouteGroup, Snapshot } from './snapshot.ts';

export interface CompileOptions {
  /** Providers on this machine or its link may be named: files and sidecars, never a route of a cluster. */
  readonly loopbackAllowed: boolean;
  /** Whether an object that the lookup does not know is a mistake. `Tolerated` is for checks only: see references.ts. */
  readonly missingReferences: 'Refused' | 'Tolerated';
  /** Serve the routes of this bridge only; undefined = of all. Others are neither judged nor served. */
  readonly bridgeName: string | undefined;
}

export interface CompileResult {
  /** All routes without an error; undefined when there is none. */
  readonly snapshot: Snapshot | undefined;
  /** Of schema, rules, references and conflicts; `document` is the index of the document they are about. */
  readonly problems: readonly (Problem & { readonly document: number })[];
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
  const problems: (Problem & { document: number })[] = [];
  const candidates: Candidate[] = [];
  const ids = new Set<string>();
  documents.forEach((resource, document) => {
    const { bridgeName } = resource.sections;
    if (options.bridgeName !== undefined && bridgeName !== undefined && bridgeName !== options.bridgeName)
      return;
    const own = [...resource.problems, ...checkRules(resource.sections, options)];
    const id = resource.metadata && `${resource.metadata.namespace}/${resource.metadata.name}`;
    if (id !== undefined && ids.has(id)) own.push(secondOf(id));
    if (id !== undefined) ids.add(id);
    const candidate = toCandidate(resource, document, own, lookup, options);
    problems.push(...own.map((problem) => ({ ...problem, document })));
    if (candidate !== undefined) candidates.push(candidate);
  });
  const accepted: Candidate[] = [];
  for (const candidate of candidates) {
    const conflict = findConflict(candidate, accepted);
    if (conflict === undefined) accepted.push(candidate);
    else problems.push({ ...conflict, document: candidate.document });
  }
  return { snapshot: toSnapshot(accepted), problems: problems.sort((a, b) => a.document - b.document) };
}

/** A route that is sound by itself. */
interface Candidate {
  readonly document: number;
  readonly namespace: string;
  readonly name: string;
  readonly spec: RouteSpec;
  /** In lower case; `*` alone for any. */
  readonly hostnames: readonly string[];
  /** The root is the empty text. */
  readonly paths: readonly string[];
  readonly compiled: CompiledRoute;
}

/** Resolves what can be resolved, so that all mistakes are told; gives a candidate when there were none. */
function toCandidate(
  resource: CheckedResource,
  document: number,
  problems: Problem[],
  lookup: ReferenceLookup,
  options: CompileOptions,
): Candidate | undefined {
  const { metadata, route, sections } = resource;
  if (metadata === undefined) return undefined;
  const { namespace, name } = metadata;
  const scope: CompileScope = {
    namespace,
    lookup,
    missing: options.missingReferences,
    problems,
    loopbackAllowed: options.loopbackAllowed,
  };
  const clients = compileClients(sections.clients, route?.spec.clients, scope);
  const providers = (sections.providers ?? []).map((provider, index) =>
    compileProvider(provider, route?.spec.providers[index], ['spec', 'providers', index], scope),
  );
  if (route === undefined || clients === undefined || hasErrors(problems)) return undefined;
  const { spec } = route;
  const sound = providers.filter((provider): provider is CompiledProvider => provider !== undefined);
  return {
    document,
    namespace,
    name,
    spec,
    hostnames: spec.hostnames.length === 0 ? ['*'] : spec.hostnames.map((hostname) => hostname.toLowerCase()),
    paths: spec.match.paths.map((path) => (path === '/' ? '' : path)),
    compiled: compileRoute(`${namespace}/${name}`, spec, clients, sound),
  };
}

/** Why a younger route cannot stand beside the accepted ones; undefined when it can. */
function findConflict(younger: Candidate, accepted: readonly Candidate[]): Problem | undefined {
  for (const older of accepted) {
    const hostname = younger.hostnames.find((host) => older.hostnames.includes(host));
    if (hostname === undefined) continue;
    if (older.namespace !== younger.namespace) return foreignHostname(younger, older, hostname);
    const path = younger.paths.find((base) => older.paths.includes(base));
    const section = path === undefined ? undefined : disagreement(younger.spec, older.spec);
    if (path === undefined || section === undefined) continue;
    return errorAt(
      ['spec', section],
      `routes that share host ${hostname} and path ${path === '' ? '/' : path} must have the same ${section}, and those of the older route ${older.compiled.id} differ; write the same, or another host or path`,
    );
  }
  return undefined;
}

function secondOf(id: string): Problem {
  return errorAt(
    ['metadata', 'name'],
    `route ${id} is written twice; write another name, or remove one of the two`,
  );
}

function foreignHostname(younger: Candidate, older: Candidate, hostname: string): Problem {
  const index = younger.spec.hostnames.findIndex((host) => host.toLowerCase() === hostname);
  const path: Path = index === -1 ? ['spec', 'hostnames'] : ['spec', 'hostnames', index];
  const what = hostname === '*' ? 'any host (no hostnames)' : `host ${hostname}`;
  return errorAt(
    path,
    `${what} belongs to namespace ${older.namespace} through its older route ${older.compiled.id}; write another host, or move this route there`,
  );
}

/** The first of the sections that a group has in common in which two routes differ; the order in sets is no difference. */
function disagreement(a: RouteSpec, b: RouteSpec): 'clients' | 'limits' | undefined {
  const comparable = ({ clients }: RouteSpec) => ({
    ...clients,
    allowedOrigins: new Set(clients.allowedOrigins),
    queryPassthrough: new Set(clients.queryPassthrough.allow),
  });
  if (contentHash(comparable(a)) !== contentHash(comparable(b))) return 'clients';
  return contentHash(a.limits) === contentHash(b.limits) ? undefined : 'limits';
}

/** Enough to tell versions apart; short enough to be read out. */
const VERSION_DIGITS = 12;

function toSnapshot(accepted: readonly Candidate[]): Snapshot | undefined {
  if (accepted.length === 0) return undefined;
  const groups = new Map<string, { hostname: string; path: string; routes: CompiledRoute[] }>();
  for (const { hostnames, paths, compiled } of accepted) {
    for (const hostname of hostnames) {
      for (const path of paths) {
        const key = `${hostname} ${path}`;
        const group = groups.get(key);
        if (group === undefined) groups.set(key, { hostname, path, routes: [compiled] });
        else group.routes.push(compiled);
      }
    }
  }
  const routes = accepted.map(({ compiled }) => compiled);
  return {
    version: contentHash([...groups].map(([key, group]) => [key, group.routes])).slice(0, VERSION_DIGITS),
    routes,
    groups: [...groups.values()].flatMap(toGroup),
  };
}

function toGroup(group: { hostname: string; path: string; routes: CompiledRoute[] }): RouteGroup[] {
  const [oldest] = group.routes;
  return oldest === undefined ? [] : [{ ...group, clients: oldest.clients, limits: oldest.limits }];
}
