/** What is known about headers by name. Names in lower case throughout. */

/** RFC 9110 7.6.1 and what older software treats alike: they belong to one hop and are never passed or set. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Written by the bridge for each request, so that nobody else's value could count. */
const WRITTEN_HERE: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
]);

/** Hold a key. */
const KEYS: ReadonlySet<string> = new Set(['api-key', 'authorization', 'x-api-key']);

/** Say whose key is spent: those of clients reach providers with auth Passthrough, and no other. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  ...KEYS,
  'chatgpt-account-id',
  'openai-organization',
  'openai-project',
]);

/** Headers of clients that pass without being named; an entry that ends in `*` stands for all that begin so. */
const SAFE_REQUEST_HEADERS: readonly string[] = [
  'idempotency-key',
  'openai-beta',
  'originator',
  'session-id',
  'session_id',
  'thread-id',
  'traceparent',
  'tracestate',
  'user-agent',
  'version',
  'x-client-request-id',
  'x-codex-*',
  'x-oai-attestation',
  'x-openai-internal-codex-responses-lite',
  'x-openai-subagent',
  'x-responsesapi-include-timing-metrics',
  'x-stainless-*',
];

/** The same for answers of providers. */
const SAFE_RESPONSE_HEADERS: readonly string[] = [
  'openai-processing-ms',
  'openai-version',
  'retry-after',
  'retry-after-ms',
  'x-codex-*',
  'x-models-etag',
  'x-ratelimit-*',
  'x-reasoning-included',
  'x-request-id',
];

/** Connection-level headers, those of the WebSocket handshake, and our own: no rule may name them to any effect. */
export function isReservedHeader(name: string): boolean {
  return HOP_BY_HOP.has(name) || name.startsWith('sec-websocket-') || name.startsWith('x-turnbridge-');
}

/** Whether the bridge writes this header itself. */
export function isWrittenByBridge(name: string): boolean {
  return WRITTEN_HERE.has(name);
}

/** Whether this header holds a key: such a value is not written into a route. */
export function isKeyHeader(name: string): boolean {
  return KEYS.has(name);
}

/** Whether this header says whose key is spent. */
export function isCredentialHeader(name: string): boolean {
  return CREDENTIALS.has(name);
}

/** Whether this header of a client passes to some provider without being allowed by name. */
export function isPassedToProviders(name: string): boolean {
  return CREDENTIALS.has(name) || SAFE_REQUEST_HEADERS.some((safe) => isNamed(safe, name));
}

/** Whether this header of a provider passes to clients without being allowed by name. */
export function isPassedToClients(name: string): boolean {
  return SAFE_RESPONSE_HEADERS.some((safe) => isNamed(safe, name));
}

function isNamed(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
