/**
 * Which group, which route, which provider, which model: the choices of a connection and of each of its turns.
 * Pure, and cheap enough to be made for every turn.
 */
import { isClosed } from './closed-hosts.ts';
import { MAX_MATCHED_HEADER_CHARS } from './header-pattern.ts';
import { closeness, matchModel, toModelPattern } from './model-pattern.ts';
import type {
  CompiledProvider,
  CompiledRoute,
  HeaderField,
  HeaderMatch,
  RouteGroup,
  Snapshot,
  UnusableProvider,
} from './snapshot.ts';

/** A group, and the request's path below its base. */
export interface ChosenGroup {
  readonly group: RouteGroup;
  /** Begins with a slash: `/responses`, `/models`, `/responses/compact`. */
  readonly rest: string;
}

/** The base path that clients leave out, and what they then ask for at the root. */
const USUAL_BASE = '/v1';
const ROOTS_OF_USUAL_BASE: ReadonlySet<string> = new Set(['responses', 'models', 'realtime']);

/**
 * The group that serves a request: exact host before the longest `*.suffix` before any host; then the longest base
 * path. Only groups of the namespace that owns the closest host, and none where that host is closed. Clients that were configured without `/v1` find the group of `/v1`, where none has the root as its base.
 *
 * @param host The `Host` header, with or without port, in any case; empty when there was none.
 * @param requestPath The path of the request; a query behind it is not looked at.
 */
export function chooseGroup(snapshot: Snapshot, host: string, requestPath: string): ChosenGroup | undefined {
  const name = toHostName(host);
  const path = requestPath.split('?', 1)[0] ?? '';
  const candidates = groupsFor(snapshot, name);
  const chosen = candidates.find((group) => path.startsWith(`${group.path}/`));
  if (chosen !== undefined) return { group: chosen, rest: path.slice(chosen.path.length) };
  const usual = candidates.find((group) => group.path === USUAL_BASE);
  if (usual === undefined || !ROOTS_OF_USUAL_BASE.has(path.split('/', 2)[1] ?? '')) return undefined;
  return { group: usual, rest: path };
}

/**
 * The groups whose host matches, the closest first. A host belongs to one namespace, and what is meant for it goes to no
 * other's routes, however many hosts those are for; of a closed host to none at all.
 */
function groupsFor({ groups, closedHosts }: Snapshot, name: string): readonly RouteGroup[] {
  const matching = groups
    .filter(({ hostname }) => hostCloseness(hostname, name) >= 0)
    .sort(
      (a, b) =>
        hostCloseness(b.hostname, name) - hostCloseness(a.hostname, name) || b.path.length - a.path.length,
    );
  const [closest] = matching;
  if (closest === undefined || isClosed(name, closedHosts, closest.hostname)) return [];
  return matching.filter((group) => namespaceOf(group) === namespaceOf(closest));
}

/** All routes of a group are of one. */
function namespaceOf({ routes }: RouteGroup): string | undefined {
  return routes[0]?.id.split('/', 1)[0];
}

/** The name in a `Host` header: no port, no dot at the end, lower case; IPv6 keeps its brackets. */
function toHostName(host: string): string {
  const name = /^(\[[^\]]*\]|[^:]*)/.exec(host)?.[1] ?? '';
  return name.toLowerCase().replace(/\.$/, '');
}

/** Higher is closer; below zero: does not match. */
function hostCloseness(pattern: string, name: string): number {
  if (pattern === '*') return 0;
  if (!pattern.startsWith('*.')) return pattern === name ? Number.MAX_SAFE_INTEGER : -1;
  const suffix = pattern.slice(1);
  return name.length > suffix.length && name.endsWith(suffix) ? suffix.length : -1;
}

/**
 * The route of a turn: exact model before the longest prefix or suffix before any; then the route with more header
 * matches, all of which must hold; then the oldest.
 *
 * @param model What the client asked for; undefined for requests that name none: only headers and age count then.
 * @param headers Of the client, names in lower case; a repeated one counts as its values joined with commas.
 */
export function chooseRoute(
  group: RouteGroup,
  model: string | undefined,
  headers: readonly HeaderField[],
): CompiledRoute | undefined {
  let best: CompiledRoute | undefined;
  let bestCloseness = -1;
  for (const route of group.routes) {
    const routeCloseness = model === undefined ? 0 : modelCloseness(route.match.models, model);
    if (routeCloseness < 0 || !route.match.headers.every((match) => holds(match, headers))) continue;
    const isCloser =
      best === undefined ||
      routeCloseness > bestCloseness ||
      (routeCloseness === bestCloseness && route.match.headers.length > best.match.headers.length);
    if (!isCloser) continue;
    best = route;
    bestCloseness = routeCloseness;
  }
  return best;
}

/** Below zero: none of the patterns fits. No pattern = any model. */
function modelCloseness(patterns: readonly string[], model: string): number {
  if (patterns.length === 0) return 0;
  let best = -1;
  for (const text of patterns) {
    const pattern = toModelPattern(text);
    if (matchModel(pattern, model) !== undefined) best = Math.max(best, closeness(pattern));
  }
  return best;
}

function holds(match: HeaderMatch, headers: readonly HeaderField[]): boolean {
  const values = headers.filter((header) => header.name === match.name).map((header) => header.value);
  if (values.length === 0) return false;
  const value = values.join(', ');
  if (match.type === 'Exact') return value === match.value;
  return value.length <= MAX_MATCHED_HEADER_CHARS && match.pattern.test(value);
}

/** What only requests of a ChatGPT login carry: the account they are charged to. */
const CHATGPT_ACCOUNT = 'chatgpt-account-id';

/** Does this request belong to a ChatGPT login? @param headers Of the client, names in lower case. */
export function isChatGptLogin(headers: readonly HeaderField[]): boolean {
  return headers.some(({ name }) => name === CHATGPT_ACCOUNT);
}

/**
 * The providers of the route that may be asked, in order of preference: those that have the model, and are for this kind
 * of request. Where a route has a provider of dialect ChatGPT, logins go to such ones only, and nobody else goes there:
 * a login's token opens an account, and must not reach another provider because one has failed, or is unusable now.
 *
 * @param model As the client names it; undefined for requests that name none: all providers then.
 * @param isChatGpt {@link isChatGptLogin}
 */
export function providersFor(
  route: CompiledRoute,
  model: string | undefined,
  isChatGpt: boolean,
): readonly CompiledProvider[] {
  return route.providers.filter(takerOf(route, model, isChatGpt));
}

/** Whether a provider is for this kind of request and has the model. */
function takerOf(
  route: CompiledRoute,
  model: string | undefined,
  isChatGpt: boolean,
): (provider: UnusableProvider) => boolean {
  const isForLogins = ({ dialect }: UnusableProvider) => dialect === 'ChatGPT';
  const all = [...route.providers, ...route.unusableProviders];
  const hasBoth = all.some(isForLogins) && !all.every(isForLogins);
  return (provider) =>
    (!hasBoth || isForLogins(provider) === isChatGpt) &&
    (model === undefined || modelCloseness(provider.models, model) >= 0);
}

/**
 * The first provider of the route, in order of preference, that has the model.
 *
 * @param model As the client names it; undefined for requests that name none: the first provider then.
 * @param headers Of the client: they tell whose request it is ({@link providersFor}).
 */
export function chooseProvider(
  route: CompiledRoute,
  model: string | undefined,
  headers: readonly HeaderField[],
): CompiledProvider | undefined {
  return providersFor(route, model, isChatGptLogin(headers))[0];
}

/**
 * A provider that would be asked if its credentials were there; for requests that no usable provider takes.
 *
 * @param headers As for {@link chooseProvider}.
 */
export function chooseUnusableProvider(
  route: CompiledRoute,
  model: string | undefined,
  headers: readonly HeaderField[],
): UnusableProvider | undefined {
  return route.unusableProviders.find(takerOf(route, model, isChatGptLogin(headers)));
}

/** The provider's name for a model: an exact mapping before the closest pattern; else as the client names it. */
export function mapModel(provider: CompiledProvider, model: string): string {
  let best = model;
  let bestCloseness = -1;
  for (const { from, to } of provider.modelMapping) {
    const pattern = toModelPattern(from);
    const star = matchModel(pattern, model);
    if (star === undefined || closeness(pattern) <= bestCloseness) continue;
    // A function, because a text may hold what `replace` reads as a reference: `$&`.
    best = to.replace('*', () => star);
    bestCloseness = closeness(pattern);
  }
  return best;
}
