/** Which routes of a bridge are served, and what each is told: all of them together, because they share hosts. */
import type { HostClaim } from '../route/closed-hosts.ts';
import { compileRoutes } from '../route/compile.ts';
import type { CompileMemo, CompileOptions } from '../route/compile.ts';
import type { RouteName } from '../route/conflicts.ts';
import { isReferenceProblem } from '../route/problem.ts';
import type { Problem, ProblemReason } from '../route/problem.ts';
import type { ReferenceLookup } from '../route/references.ts';
import type { Pause } from '../route/pause.ts';
import type { ServedRoute } from '../route/snapshot.ts';
import { REFUSALS } from './conditions.ts';
import type { Finding } from './conditions.ts';
import { compareAge } from './observed-route.ts';
import type { ObservedRoute } from './observed-route.ts';
import { joinLines, toLine } from './problem-lines.ts';

export interface DecideOptions {
  /** Providers on the machine of the bridge may be named: sidecars only. */
  readonly loopbackAllowed: boolean;
  /**
   * By key, routes of which it is not known what they refer to. What is missing there is not known to be missing: its
   * author is told that it is not his mistake.
   */
  readonly doubts?: ReadonlyMap<string, Doubt> | undefined;
  /** By key, what was served of routes whose credentials cannot be read: it stays, under hosts that are still theirs. */
  readonly held?: ReadonlyMap<string, ServedRoute> | undefined;
  /** Routes that cannot be listed and are served as they were, in their order; their hosts stay theirs. */
  readonly unlisted?: readonly UnlistedRoute[] | undefined;
  /** Of the caller, for the next time: then only routes that changed, or what they name, cost anything. */
  readonly memo?: CompileMemo;
}

/** Why it is not known what a route refers to, and what is served of it. */
export interface Doubt {
  /** Why, and what helps. */
  readonly sentence: string;
  /** `LastRead`: by what was read when it could be. */
  readonly effect: 'ServedAsItWas' | 'LastRead' | 'GoesWithout';
}

/** A route of a namespace whose routes cannot be listed. */
export interface UnlistedRoute {
  readonly served: ServedRoute;
  /** At least; by this it is put among the others. */
  readonly createdAt: number;
}

/** What becomes of one route, before it is known what of it has reached the bridges. */
export interface Verdict {
  readonly accepted: Finding<'Accepted'>;
  readonly resolvedRefs: Finding<'ResolvedRefs'>;
  /** Undefined unless some of the route's providers are left out and others serve. */
  readonly partiallyInvalid: Finding<'PartiallyInvalid'> | undefined;
  /** What is legal and surely not meant. It is in the message of `accepted` too. */
  readonly warnings: readonly string[];
  /** `usable`: how many of the providers that are written get turns. */
  readonly providers: { readonly usable: number; readonly total: number };
}

export interface Decisions {
  /** Oldest first. A route is among them if, and only if, its verdict is `Accepted`. */
  readonly served: readonly ServedRoute[];
  /** Of the hosts of all routes, also of those that are refused, oldest first: nobody else answers for them. */
  readonly claims: readonly HostClaim[];
  /** By key. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/**
 * Decides on all routes of one bridge. Pure: equal input gives equal output, whatever the order of `routes`.
 *
 * @param lookup Of what routes refer to. It should not say more of an object than the routes name.
 */
export function decideRoutes(
  routes: readonly ObservedRoute[],
  lookup: ReferenceLookup,
  options: DecideOptions,
): Decisions {
  const { doubts, held, unlisted = [] } = options;
  const oldestFirst = routes.filter(({ isDeleting }) => !isDeleting).sort(compareAge);
  const { served, claims, problems } = compileRoutes(
    oldestFirst.map(({ resource }) => resource),
    lookup,
    compileOptions(options),
  );
  const problemsOf = Map.groupBy(problems, ({ document }) => document);
  const servedOf = new Map(
    served.map(({ document, hostnames, paths, compiled }) => {
      const now = { hostnames, paths, compiled };
      return [document, asHeld(now, held?.get(compiled.id))];
    }),
  );
  const verdicts = oldestFirst.map((route, document): [string, Verdict] => [
    route.key,
    toVerdict(route, problemsOf.get(document) ?? [], servedOf.get(document), doubts?.get(route.key)),
  ]);
  const listed = [...servedOf].map(([document, each]) => ({
    served: each,
    createdAt: oldestFirst[document]?.createdAt ?? 0,
  }));
  return {
    // stable: of two of one age the listed one comes first
    served: [...listed, ...unlisted].sort((a, b) => a.createdAt - b.createdAt).map((each) => each.served),
    claims,
    verdicts: new Map([...verdicts, ...routes.filter(({ isDeleting }) => isDeleting).map(toLeavingVerdict)]),
  };
}

/** Such a route is there only because a finalizer holds it back: a user or a controller has yet to let it go. */
function toLeavingVerdict({ key, resource }: ObservedRoute): [string, Verdict] {
  const message =
    'the route is being deleted: it is served no more and its hosts are free; what is named in metadata.finalizers holds it back';
  return [
    key,
    {
      accepted: { status: 'False', reason: 'BeingDeleted', message },
      resolvedRefs: resolvedRefs([], undefined, undefined),
      partiallyInvalid: undefined,
      warnings: [],
      providers: { usable: 0, total: (resource.sections.providers ?? []).length },
    },
  ];
}

/** Whether a route is refused by what it says itself, whatever it refers to, and whatever other routes say. */
export function hasMistakes({ resource }: ObservedRoute, loopbackAllowed: boolean): boolean {
  const nothing: ReferenceLookup = { secret: () => undefined, configMap: () => undefined };
  return compileRoutes([resource], nothing, compileOptions({ loopbackAllowed })).served.length === 0;
}

/** What was served before, under no other host and path than the route has now; without any, it is served as it is now. */
function asHeld(now: ServedRoute, before: ServedRoute | undefined): ServedRoute {
  if (before === undefined) return now;
  const hostnames = before.hostnames.filter((host) => now.hostnames.includes(host));
  const paths = before.paths.filter((path) => now.paths.includes(path));
  if (hostnames.length === before.hostnames.length && paths.length === before.paths.length) return before;
  if (hostnames.length === 0 || paths.length === 0) return now;
  // a new object: what is remembered of the other is about its own hosts
  return { hostnames, paths, compiled: { ...before.compiled } };
}

/**
 * Compiles with pauses what the memo does not know, so that the decision that follows takes a moment: at the start of an
 * operator with a thousand routes it would hold everything else for half a second. Decides nothing itself, so nothing
 * is wrong when routes or what they name change meanwhile.
 */
export async function prepareRoutes(
  routes: readonly ObservedRoute[],
  lookup: ReferenceLookup,
  options: DecideOptions & { readonly memo: CompileMemo },
  pause: Pause,
): Promise<void> {
  // whose hosts are whose is decided later
  const alone = compileOptions({ ...options, unlisted: undefined });
  for (const { resource } of routes) {
    compileRoutes([resource], lookup, alone);
    await pause();
  }
}

/** The bridge is no matter here: the caller chose the routes by it. */
function compileOptions({ loopbackAllowed, memo, unlisted }: DecideOptions): CompileOptions {
  return {
    loopbackAllowed,
    missingReferences: 'LeftOut',
    bridgeName: undefined,
    ...(memo && { memo }),
    ...(unlisted && { takenHosts: hostsOf(unlisted) }),
  };
}

function hostsOf(unlisted: readonly UnlistedRoute[]): ReadonlyMap<string, RouteName> {
  const hosts = new Map<string, RouteName>();
  for (const { served } of unlisted) {
    const [namespace = '', name = ''] = served.compiled.id.split('/');
    for (const host of served.hostnames) if (!hosts.has(host)) hosts.set(host, { namespace, name });
  }
  return hosts;
}

function toVerdict(
  { resource }: ObservedRoute,
  problems: readonly Problem[],
  served: ServedRoute | undefined,
  doubt: Doubt | undefined,
): Verdict {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const mistakes = errors.filter((problem) => !isReferenceProblem(problem));
  const warnings = problems.filter(({ severity }) => severity === 'warning').map(toLine);
  const names = (resource.sections.providers ?? []).map(({ name }, index) => name ?? `number ${index + 1}`);
  const usable = new Set(served?.compiled.providers.map(({ name }) => name));
  return {
    accepted: mistakes.length === 0 ? accepted(warnings) : refused(mistakes),
    resolvedRefs: resolvedRefs(errors.filter(isReferenceProblem), served, doubt),
    partiallyInvalid:
      usable.size === 0 || usable.size === names.length
        ? undefined
        : leftOut(
            names.filter((name) => !usable.has(name)),
            [...usable],
          ),
    warnings,
    providers: { usable: usable.size, total: names.length },
  };
}

function accepted(warnings: readonly string[]): Finding<'Accepted'> {
  const start = 'the route has no mistake';
  const count = `${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`;
  const lines = warnings.length === 0 ? [start] : [`${start}, and ${count}:`, ...warnings];
  return { status: 'True', reason: 'Accepted', message: joinLines(lines) };
}

function refused(mistakes: readonly Problem[]): Finding<'Accepted'> {
  const gravest = REFUSALS.find((reason) => mistakes.some((mistake) => refusalOf(mistake) === reason));
  const reason = gravest ?? 'Invalid';
  const first = mistakes.filter((mistake) => refusalOf(mistake) === reason);
  const others = mistakes.filter((mistake) => refusalOf(mistake) !== reason);
  return { status: 'False', reason, message: joinLines([...first, ...others].map(toLine)) };
}

function refusalOf({ reason }: Problem): ProblemReason | 'Invalid' {
  return reason ?? 'Invalid';
}

function resolvedRefs(
  problems: readonly Problem[],
  served: ServedRoute | undefined,
  doubt: Doubt | undefined,
): Finding<'ResolvedRefs'> {
  if (doubt !== undefined) return doubtful(doubt, served);
  const [first] = problems;
  if (first === undefined) {
    return {
      status: 'True',
      reason: 'ResolvedRefs',
      message: 'every Secret and ConfigMap that the route names is there',
    };
  }
  const consequences = served === undefined ? [] : consequencesOf(served);
  return {
    status: 'False',
    // no other reason belongs to a problem with a reference
    reason: first.reason as Exclude<Finding<'ResolvedRefs'>['reason'], 'ResolvedRefs' | 'Pending'>,
    message: joinLines(problems.map(toLine), consequences),
  };
}

function doubtful({ sentence, effect }: Doubt, served: ServedRoute | undefined): Finding<'ResolvedRefs'> {
  const effects = {
    ServedAsItWas: () => ['until then the route is served as it was'],
    LastRead: () => ['until then what was read last is in effect, and no change since'],
    GoesWithout: consequencesOf,
  };
  const consequences = served === undefined ? [] : effects[effect](served);
  return { status: 'Unknown', reason: 'Pending', message: joinLines([sentence], consequences) };
}

/** What clients notice: without credentials nothing is open, and nothing goes out. */
function consequencesOf({ compiled }: ServedRoute): readonly string[] {
  const { clients, providers, unusableProviders } = compiled;
  const names = unusableProviders.map(({ name }) => name);
  const lines: string[] = [];
  if (clients.auth.type === 'APIKey' && clients.auth.keys.length === 0)
    lines.push('until then no client gets in');
  if (names.length > 0 && providers.length > 0) lines.push(`until then nothing goes to ${names.join(', ')}`);
  if (names.length > 0 && providers.length === 0)
    lines.push('until then every turn is refused: no provider is left');
  return lines;
}

function leftOut(names: readonly string[], usable: readonly string[]): Finding<'PartiallyInvalid'> {
  return {
    status: 'True',
    reason: 'ProvidersLeftOut',
    message: joinLines([
      `left out: ${names.join(', ')} (ResolvedRefs says why); the rest of the route is served by ${usable.join(', ')}`,
    ]),
  };
}
