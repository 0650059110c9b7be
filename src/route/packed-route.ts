/**
 * The form of a packed route: that of snapshot.ts, said once for both directions; what JSON cannot hold has a codec. A
 * field that came with a later minor version of the format has a default, for texts without it.
 */
import { z } from 'zod';
import { compileHeaderPattern } from './header-pattern.ts';
import { Secret } from './secret.ts';
import { FAILOVER_CAUSES } from './failover-causes.ts';
import { CAPABILITIES } from './snapshot.ts';
import type { CompiledProvider, CompiledRoute, ProviderCapability } from './snapshot.ts';

/** A list of texts. */
export const texts = z.array(z.string());

const textSet = z.codec(
  texts,
  z.custom<ReadonlySet<string>>((value) => value instanceof Set),
  {
    decode: (list) => new Set(list),
    encode: (set) => [...set].sort(),
  },
);

/** A set of words that are known here; others, of a newer operator, are dropped. */
function wordSet<T extends string>(words: readonly T[]) {
  return z.codec(
    texts,
    z.custom<ReadonlySet<T>>((value) => value instanceof Set),
    {
      decode: (list) => new Set(words.filter((word) => list.includes(word))),
      encode: (set) => [...set].sort(),
    },
  );
}

const capabilitySet = wordSet(CAPABILITIES);
const causeSet = wordSet(FAILOVER_CAUSES);

/** A value that may be missing, explicitly on both sides: JSON knows no undefined. */
function maybe<T extends string | number>(inner: z.ZodType<T, T>) {
  return z.codec(inner.nullable(), inner.or(z.undefined()), {
    decode: (value) => value ?? undefined,
    encode: (value) => value ?? null,
  });
}

const secret = z.codec(z.string(), z.instanceof(Secret), {
  decode: (text) => new Secret(text),
  encode: (value) => value.reveal(),
});

const digest = z.codec(
  z.string().regex(/^[0-9a-f]{64}$/),
  z.custom<Buffer>((value) => Buffer.isBuffer(value)),
  {
    decode: (hex) => Buffer.from(hex, 'hex'),
    encode: (bytes) => bytes.toString('hex'),
  },
);

/** Texts are of the operator, which has judged the pattern; what does not compile is refused all the same. */
const headerPattern = z.codec(z.string(), z.instanceof(RegExp), {
  decode: (source, payload) => {
    try {
      return compileHeaderPattern(source);
    } catch {
      payload.issues.push({ code: 'custom', input: source, message: 'is no regular expression' });
      return z.NEVER;
    }
  },
  encode: ({ source }) => /^\^\(\?:(.*)\)\$$/s.exec(source)?.[1] ?? source,
});

const headerMatch = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Exact'), name: z.string(), value: z.string() }),
  z.object({ type: z.literal('RegularExpression'), name: z.string(), pattern: headerPattern }),
]);

const clientPolicy = z.object({
  auth: z.discriminatedUnion('type', [
    z.object({ type: z.literal('Passthrough') }),
    z.object({ type: z.literal('None') }),
    z.object({
      type: z.literal('APIKey'),
      keys: z.array(z.object({ name: z.string(), sha256: digest })),
    }),
  ]),
  webSocket: z.enum(['Enabled', 'Disabled']),
  allowedOrigins: textSet,
  queryAllow: textSet,
  trace: z.enum(['Parent', 'ParentSampled', 'Link', 'Ignore']),
});

const clientLimits = z.object({
  maxConnections: maybe(z.int()),
  maxConnectionsPerClient: z.int(),
  maxConnectionAgeMs: z.int(),
  maxMessageBytes: z.int(),
  maxQueuedTurns: z.int(),
  maxTurnsInFlight: z.int(),
  maxLanes: z.int(),
});

const headerFields = z.array(z.object({ name: z.string(), value: z.string() }));

const dialect = z.enum(['OpenAI', 'ChatGPT', 'Compatible']);

const provider = z.object({
  poolKey: z.string(),
  name: z.string(),
  origin: z.string(),
  basePath: z.string(),
  transport: z.enum(['Auto', 'HTTP', 'WebSocket']),
  auth: z.discriminatedUnion('type', [
    z.object({ type: z.literal('None') }),
    z.object({ type: z.literal('Passthrough') }),
    z.object({ type: z.literal('APIKey'), header: z.string(), prefix: z.string(), key: secret }),
  ]),
  priority: z.int(),
  weight: z.int(),
  models: texts,
  modelMapping: z.array(z.object({ from: z.string(), to: z.string() })),
  headers: z.object({ set: headerFields, add: headerFields, remove: textSet }),
  query: z.string(),
  tls: z.object({
    /** In the text the digest of a bundle: each is written once, however many providers trust it. */
    ca: maybe(z.string()),
    serverName: maybe(z.string()),
  }),
  http: z.enum(['Auto', 'HTTP1', 'HTTP2']),
  dialect,
  capabilities: capabilitySet.default(() => new Set<ProviderCapability>()),
  limits: z.object({
    maxRequestBytes: maybe(z.int()),
    maxWebSocketMessageBytes: z.int().default(16_777_216),
    maxConnectionAgeMs: z.int().default(3_300_000),
  }),
  health: z
    .object({ consecutiveFailures: z.int(), ejectionMs: z.int(), maxEjectionMs: z.int() })
    .default({ consecutiveFailures: 3, ejectionMs: 10_000, maxEjectionMs: 300_000 }),
  loopbackAllowed: z.boolean(),
}) satisfies z.ZodType<CompiledProvider>;

const headerRules = z.object({ allow: textSet, deny: textSet });

const compiledRoute = z.object({
  id: z.string(),
  match: z.object({ models: texts, headers: z.array(headerMatch) }),
  clients: clientPolicy,
  limits: clientLimits,
  providers: z.array(provider),
  unusableProviders: z.array(
    z.object({ name: z.string(), dialect: dialect.default('OpenAI'), models: texts }),
  ),
  headerPassthrough: z.object({ request: headerRules, response: headerRules }),
  continuation: z.object({
    mode: maybe(z.enum(['Transcript', 'Stateless', 'Provider'])),
    maxBytesPerConnection: z.int(),
  }),
  timeouts: z.object({
    connectMs: z.int(),
    firstEventMs: z.int(),
    idleMs: z.int(),
    turnDeadlineMs: z.int(),
  }),
  failover: z
    .object({ causes: causeSet, maxAttempts: z.int() })
    .default(() => ({ causes: new Set(FAILOVER_CAUSES), maxAttempts: 2 })),
  relay: z.object({ paths: texts, webSocketPaths: texts.default([]), sharedKey: z.boolean() }),
  telemetry: z.object({ sessionIds: z.enum(['Hashed', 'Raw', 'None']) }),
}) satisfies z.ZodType<CompiledRoute>;

/** A route with its hosts and paths. Decoding gives what is served, encoding what JSON can hold. */
export const servedRoute = z.object({
  hostnames: texts.min(1),
  paths: texts.min(1),
  compiled: compiledRoute,
});
