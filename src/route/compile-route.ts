/** One sound route, in the form in which it is used. Groups and conflicts between routes are in compile.ts. */
import type { RouteSections, Sound } from './check-resource.ts';
import { chatGptBasePath } from './chatgpt-path.ts';
import { contentHash } from './content-hash.ts';
import { compileHeaderPattern } from './header-pattern.ts';
import type { Path } from './problem.ts';
import type { ProviderResource } from './provider-resource.ts';
import { whyOverHttp } from './provider-transport.ts';
import { parseProviderUrl } from './provider-url.ts';
import { resolveAuthorities, resolveClientKeys, resolveProviderKey } from './references.ts';
import type { ReferenceScope } from './references.ts';
import type { RouteSpec } from './resource.ts';
import type {
  ClientLimits,
  ClientPolicy,
  CompiledProvider,
  CompiledRoute,
  HeaderMatch,
  HeaderRules,
} from './snapshot.ts';

/**
 * `providers[].limits.maxConnectionAgeSeconds` when it is left out: OpenAI ends its sockets at an hour, and a turn that
 * begins five minutes before has mostly ended by then.
 */
const DEFAULT_SOCKET_AGE_SECONDS = 3300;

/** What a route needs besides its own text. */
export interface CompileScope extends ReferenceScope {
  readonly loopbackAllowed: boolean;
}

/**
 * `spec.clients` with its keys; undefined after a problem was told, here or before.
 *
 * @param sound What of it is sound: its references are resolved in any case, so that all mistakes are told.
 * @param whole Undefined when something in the route is broken.
 */
export function compileClients(
  sound: RouteSections['clients'],
  whole: RouteSpec['clients'] | undefined,
  scope: ReferenceScope,
): ClientPolicy | undefined {
  const auth = sound.auth && compileClientAuth(sound.auth, scope);
  if (auth === undefined || whole === undefined) return undefined;
  return {
    auth,
    webSocket: whole.webSocket,
    allowedOrigins: new Set(whole.allowedOrigins),
    queryAllow: new Set(whole.queryPassthrough.allow),
    trace: whole.trace,
  };
}

function compileClientAuth(
  auth: RouteSpec['clients']['auth'],
  scope: ReferenceScope,
): ClientPolicy['auth'] | undefined {
  if (auth.type !== 'APIKey') return { type: auth.type };
  // A missing reference was told by the rules.
  if (auth.secretRef === undefined) return undefined;
  const keys = resolveClientKeys(auth.secretRef, ['spec', 'clients', 'auth', 'secretRef'], scope);
  return keys && { type: 'APIKey', keys };
}

/**
 * One provider with its key and its authorities; undefined after a problem was told, here or before: a provider whose
 * authorities cannot be had must not be asked with those of the system.
 *
 * @param sound As for compileClients.
 * @param path Of the provider.
 */
export function compileProvider(
  sound: Sound<ProviderResource>,
  provider: ProviderResource | undefined,
  path: Path,
  scope: CompileScope,
): CompiledProvider | undefined {
  const problemsBefore = scope.problems.length;
  const auth = sound.auth && compileProviderAuth(sound.auth, [...path, 'auth'], scope);
  const ca = resolveAuthorities(
    sound.tls?.caCertificateRefs ?? [],
    [...path, 'tls', 'caCertificateRefs'],
    scope,
  );
  if (auth === undefined || provider === undefined || scope.problems.length > problemsBefore)
    return undefined;
  const parsed = parseProviderUrl(provider.url);
  if (!parsed.ok) return undefined;
  const { origin, basePath, host } = parsed.url;
  const transport = parsed.url.webSocket ? 'WebSocket' : provider.transport;
  const tls = { ca, serverName: provider.tls.serverName };
  return {
    poolKey: contentHash([origin, tls, provider.http, scope.loopbackAllowed]).slice(0, 32),
    name: provider.name,
    origin,
    basePath: provider.dialect === 'ChatGPT' ? chatGptBasePath(host, basePath) : basePath,
    transport,
    auth,
    priority: provider.priority,
    weight: provider.weight,
    models: provider.models,
    modelMapping: provider.modelMapping,
    headers: {
      set: provider.headers.set,
      add: provider.headers.add,
      remove: new Set(provider.headers.remove),
    },
    query: new URLSearchParams(
      provider.query.map(({ name, value }): [string, string] => [name, value]),
    ).toString(),
    tls,
    http: provider.http,
    dialect: provider.dialect,
    capabilities: new Set(whyOverHttp(provider) === undefined ? provider.capabilities : []),
    limits: {
      maxRequestBytes: provider.limits.maxRequestBytes,
      maxWebSocketMessageBytes: provider.limits.maxWebSocketMessageBytes,
      maxConnectionAgeMs: (provider.limits.maxConnectionAgeSeconds ?? DEFAULT_SOCKET_AGE_SECONDS) * 1000,
    },
    health: {
      consecutiveFailures: provider.health.consecutiveFailures,
      ejectionMs: provider.health.ejectionSeconds * 1000,
      maxEjectionMs: provider.health.maxEjectionSeconds * 1000,
    },
    loopbackAllowed: scope.loopbackAllowed,
  };
}

function compileProviderAuth(
  auth: ProviderResource['auth'],
  path: Path,
  scope: ReferenceScope,
): CompiledProvider['auth'] | undefined {
  if (auth.type !== 'APIKey') return { type: auth.type };
  if (auth.secretRef === undefined) return undefined;
  const key = resolveProviderKey(auth.secretRef, [...path, 'secretRef'], scope);
  if (key === undefined) return undefined;
  const { name, prefix } = auth.header ?? { name: 'authorization', prefix: 'Bearer ' };
  return { type: 'APIKey', header: name, prefix, key };
}

/** `spec.limits` in the units of the snapshot. */
export function compileLimits(limits: RouteSpec['limits']): ClientLimits {
  return {
    maxConnections: limits.maxConnections,
    maxConnectionsPerClient: limits.maxConnectionsPerClient,
    maxConnectionAgeMs: limits.maxConnectionAgeSeconds * 1000,
    maxMessageBytes: limits.maxMessageBytes,
    maxQueuedTurns: limits.maxQueuedTurns,
    maxTurnsInFlight: limits.maxTurnsInFlight,
    maxLanes: limits.maxLanes,
  };
}

/** Puts the parts of a sound route together. */
export function compileRoute(
  id: string,
  spec: RouteSpec,
  clients: ClientPolicy,
  providers: readonly CompiledProvider[],
): CompiledRoute {
  const usable = new Set(providers.map(({ name }) => name));
  return {
    id,
    match: { models: spec.match.models, headers: spec.match.headers.map(compileHeaderMatch) },
    clients,
    limits: compileLimits(spec.limits),
    // A stable sort: equal priorities stay as written.
    providers: providers.toSorted((a, b) => a.priority - b.priority),
    unusableProviders: spec.providers
      .filter(({ name }) => !usable.has(name))
      .map(({ name, dialect, models }) => ({ name, dialect, models })),
    headerPassthrough: {
      request: compileHeaderRules(spec.headerPassthrough.request),
      response: compileHeaderRules(spec.headerPassthrough.response),
    },
    continuation: {
      mode: spec.continuation.mode,
      maxBytesPerConnection: spec.continuation.maxBytesPerConnection,
    },
    timeouts: {
      connectMs: spec.timeouts.connectSeconds * 1000,
      firstEventMs: spec.timeouts.firstEventSeconds * 1000,
      idleMs: spec.timeouts.idleSeconds * 1000,
      turnDeadlineMs: spec.timeouts.turnDeadlineSeconds * 1000,
    },
    failover: { causes: new Set(spec.failover.causes), maxAttempts: spec.failover.maxAttempts },
    relay: {
      paths: spec.relay.paths,
      webSocketPaths: spec.relay.webSocketPaths,
      sharedKey: spec.relay.sharedKey === 'Allowed',
    },
    telemetry: { sessionIds: spec.telemetry.sessionIds },
  };
}

function compileHeaderMatch({ name, type, value }: RouteSpec['match']['headers'][number]): HeaderMatch {
  return type === 'Exact' ? { type, name, value } : { type, name, pattern: compileHeaderPattern(value) };
}

function compileHeaderRules({
  allow,
  deny,
}: {
  allow: readonly string[];
  deny: readonly string[];
}): HeaderRules {
  return { allow: new Set(allow), deny: new Set(deny) };
}
