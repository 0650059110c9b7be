/** Compiled routes and providers for tests of what uses them: the defaults, and what a test says otherwise. */
import type { CompiledProvider, CompiledRoute } from '../../src/route/snapshot.ts';

export function aProvider(changes: Partial<CompiledProvider> = {}): CompiledProvider {
  return {
    poolKey: 'pool',
    name: 'openai',
    origin: 'https://provider.test',
    basePath: '/v1',
    transport: 'HTTP',
    auth: { type: 'None' },
    priority: 0,
    weight: 1,
    models: [],
    modelMapping: [],
    headers: { set: [], add: [], remove: new Set() },
    query: '',
    tls: { ca: undefined, serverName: undefined },
    http: 'Auto',
    dialect: 'OpenAI',
    capabilities: new Set(),
    limits: {
      maxRequestBytes: undefined,
      maxWebSocketMessageBytes: 16_777_216,
      maxConnectionAgeMs: 3_300_000,
    },
    health: { consecutiveFailures: 3, ejectionMs: 10_000, maxEjectionMs: 300_000 },
    loopbackAllowed: true,
    ...changes,
  };
}

export function aRoute(changes: Partial<CompiledRoute> = {}): CompiledRoute {
  return {
    id: 'ai/coding',
    match: { models: [], headers: [] },
    clients: {
      auth: { type: 'None' },
      webSocket: 'Enabled',
      allowedOrigins: new Set(),
      queryAllow: new Set(),
      trace: 'Parent',
    },
    limits: {
      maxConnections: undefined,
      maxConnectionsPerClient: 64,
      maxConnectionAgeMs: 3_600_000,
      maxMessageBytes: 1 << 26,
      maxQueuedTurns: 64,
      maxTurnsInFlight: 16,
      maxLanes: 32,
    },
    providers: [aProvider()],
    unusableProviders: [],
    headerPassthrough: {
      request: { allow: new Set(), deny: new Set() },
      response: { allow: new Set(), deny: new Set() },
    },
    continuation: { mode: undefined, maxBytesPerConnection: 1 << 23 },
    timeouts: { connectMs: 10_000, firstEventMs: 300_000, idleMs: 300_000, turnDeadlineMs: 3_600_000 },
    failover: {
      causes: new Set(['ConnectFailure', 'Timeout', 'RateLimited', 'ServerError']),
      maxAttempts: 2,
    },
    relay: { paths: [], webSocketPaths: [], sharedKey: false },
    telemetry: { sessionIds: 'Hashed' },
    ...changes,
  };
}
