/**
 * What is known about headers by name. One list of each kind: the check of routes reads it to tell what a rule would
 * change, the transport to apply the rules.
 */

/** Answers for the name of a header, in lower case. */
export type HeaderTest = (name: string) => boolean;

/**
 * Connection-level headers (RFC 9110 7.6.1 and what older software treats alike), those of the WebSocket handshake,
 * the pseudo headers of HTTP/2, and our own: no rule may name them to any effect.
 */
export const RESERVED_HEADERS = [
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
  'sec-websocket-*',
  'x-turnbridge-*',
  ':*',
] as const;

/** Whether a name is one of RESERVED_HEADERS. */
export const isReservedHeader: HeaderTest = oneOf(RESERVED_HEADERS);

/** Written by the bridge for each request, so that nobody else's value could count. */
export const WRITTEN_HEADERS = [
  'accept',
  'accept-encoding',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
] as const;

/** Whether a name is one of WRITTEN_HEADERS. */
export const isWrittenByBridge: HeaderTest = oneOf(WRITTEN_HEADERS);

/** Passes from one side to the other for nobody, whatever a route allows. */
export function isNeverPassed(name: string): boolean {
  return isReservedHeader(name) || isWrittenByBridge(name);
}

/** Hold a key: such a value is not written into a route. */
export const KEY_HEADERS = ['api-key', 'authorization', 'x-api-key'] as const;

/** Whether a name is one of KEY_HEADERS. */
export const isKeyHeader: HeaderTest = oneOf(KEY_HEADERS);

const CREDENTIAL_WORDS =
  /(^|[-_.])(api)?(key|token|sig|signature|credentials?)$|secret|passw(or)?d|^cookie$/i;
const HARMLESS_KEYS = /(idempotency|cache|partition|routing|sort)[-_]?key$/i;

/** Whether the name of a header or query parameter makes one believe that its value is a credential. */
export function looksLikeCredential(name: string): boolean {
  return CREDENTIAL_WORDS.test(name) && !HARMLESS_KEYS.test(name);
}

/** Says whose key is spent: a client's reaches providers with auth Passthrough, and no other. */
export const CREDENTIAL_HEADERS = [
  ...KEY_HEADERS,
  'chatgpt-account-id',
  'openai-organization',
  'openai-project',
] as const;

/** Whether a name is one of CREDENTIAL_HEADERS. */
export const isCredentialHeader: HeaderTest = oneOf(CREDENTIAL_HEADERS);

/** What identifies a client's program and turn, and traces: passes unless denied. */
const isSafeForProviders: HeaderTest = oneOf([
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
]);

/** Passes from a client to some provider without being allowed by name. */
export function isPassedToProviders(name: string): boolean {
  return isCredentialHeader(name) || isSafeForProviders(name);
}

/**
 * Passes from a provider to clients, with any answer, without being allowed by name: what helps a client, such as
 * rate limits, retry hints and ids for support.
 */
export const isPassedToClients: HeaderTest = oneOf([
  'openai-processing-ms',
  'openai-version',
  'retry-after',
  'retry-after-ms',
  'x-codex-*',
  'x-models-etag',
  'x-ratelimit-*',
  'x-reasoning-included',
  'x-request-id',
]);

/**
 * Goes to no client, whatever a route allows: Codex compares `openai-model` with what it asked for and warns its
 * user of a reroute.
 */
export const HIDDEN_HEADERS = ['openai-model', 'x-openai-model'] as const;

/** Whether a name is one of HIDDEN_HEADERS. */
export const isHiddenFromClients: HeaderTest = oneOf(HIDDEN_HEADERS);

/** Describe the body of a relayed answer, and pass with it unless denied. */
export const RELAYED_BODY_HEADERS = ['cache-control', 'content-encoding', 'content-type', 'etag'] as const;

const describesRelayedBody: HeaderTest = oneOf(RELAYED_BODY_HEADERS);

/** Passes from a provider to clients, with relayed answers at least, without being allowed by name. */
export function isRelayedToClients(name: string): boolean {
  return isPassedToClients(name) || describesRelayedBody(name);
}

/** @param names One that ends in `*` stands for all that begin so. */
function oneOf(names: readonly string[]): HeaderTest {
  const isPrefix = (name: string) => name.endsWith('*');
  const exact = new Set(names.filter((name) => !isPrefix(name)));
  const prefixes = names.filter(isPrefix).map((name) => name.slice(0, -1));
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
}
