/**
 * Which of a client's headers reach a provider. A client's header passes only if it is among the safe defaults or
 * the route allows it by name, and the route does not deny it; some never pass, whatever a route says. What the
 * provider's configuration sets comes after and wins; what the request itself needs comes last.
 */
import type { CompiledProvider, CompiledRoute, HeaderField, HeaderRules } from '../route/snapshot.ts';

/** What the headers of one request are made from. */
export interface HeaderSource {
  /** Names in lower case. Of a name that occurs twice the last value counts: a frame's wins over its handshake's. */
  readonly clientHeaders: readonly HeaderField[];
  readonly route: CompiledRoute;
  readonly provider: CompiledProvider;
  /** The value of `x-turnbridge-via`. */
  readonly via: string;
}

/** Headers for undici: values of a repeated name in an array. */
export type HeaderRecord = Record<string, string | string[]>;

/** Pass unless denied: what identifies the client's program and turn, and traces. No credentials. */
const SAFE_NAMES: ReadonlySet<string> = new Set([
  'user-agent',
  'originator',
  'version',
  'session-id',
  'session_id',
  'thread-id',
  'x-client-request-id',
  'x-openai-subagent',
  'x-openai-internal-codex-responses-lite',
  'x-responsesapi-include-timing-metrics',
  'x-oai-attestation',
  'traceparent',
  'tracestate',
  'idempotency-key',
  'openai-beta',
]);
const SAFE_PREFIXES = ['x-codex-', 'x-stainless-'] as const;

/** Who the client is: passes to providers whose auth is `Passthrough`, and to no others, whatever a route allows. */
const CREDENTIAL_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'chatgpt-account-id',
  'openai-organization',
  'openai-project',
]);

/** Belong to one connection or one message (RFC 9110, 7.6.1), or are written by us. */
const NEVER_NAMES: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'content-encoding',
  'content-type',
  'accept',
  'accept-encoding',
  'expect',
  'http2-settings',
]);
const NEVER_PREFIXES = ['sec-websocket-', 'x-turnbridge-', ':'] as const;

/** RFC 9110 field names and values; obsolete bytes above 0x7f pass as latin1, as Node reads them. */
const LEGAL_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const LEGAL_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The headers of a turn's request to a provider, in the order: what passes of the client's, the provider's own
 * key, its `remove`, `set` and `add`, then `content-type`, `accept`, `accept-encoding` and `x-turnbridge-via`.
 * Values that are not legal header text are dropped. `host` and `content-length` are left to the transport.
 */
export function toProviderRequestHeaders(source: HeaderSource): HeaderField[] {
  const fields = toForwardedHeaders(source);
  fields.push(
    { name: 'content-type', value: 'application/json' },
    { name: 'accept', value: 'text/event-stream' },
    IDENTITY,
    { name: 'x-turnbridge-via', value: source.via },
  );
  return fields;
}

/** Compression would hold events back in the compressor until a block is full. */
const IDENTITY: HeaderField = { name: 'accept-encoding', value: 'identity' };

/** The headers of a relayed request: its own `content-type` and `accept` are kept, since the body is the client's. */
export function toRelayRequestHeaders(source: HeaderSource): HeaderField[] {
  const fields = toForwardedHeaders(source);
  const own = new Map(source.clientHeaders.map((field) => [field.name, field.value]));
  for (const name of ['content-type', 'content-encoding', 'accept']) {
    const value = own.get(name);
    if (value !== undefined && LEGAL_VALUE.test(value)) {
      fields.push({ name, value });
    }
  }
  fields.push(IDENTITY, { name: 'x-turnbridge-via', value: source.via });
  return fields;
}

/** As undici takes them. */
export function toHeaderRecord(fields: readonly HeaderField[]): HeaderRecord {
  const record: HeaderRecord = {};
  for (const { name, value } of fields) {
    const before = record[name];
    if (before === undefined) {
      record[name] = value;
    } else if (Array.isArray(before)) {
      before.push(value);
    } else {
      record[name] = [before, value];
    }
  }
  return record;
}

/** Everything except what the request itself needs. */
function toForwardedHeaders({ clientHeaders, route, provider }: HeaderSource): HeaderField[] {
  const policy = policyOf(route, provider);
  const named = namedByConnection(clientHeaders);
  const passed = new Map<string, string>();
  for (const { name, value } of clientHeaders) {
    if (policy.passes(name) && named?.has(name) !== true) {
      const kept = name === 'openai-beta' ? withoutWebSocketBetas(value) : value;
      if (kept !== '') {
        passed.set(name, kept);
      }
    }
  }
  if (provider.auth.type === 'APIKey') {
    passed.set(provider.auth.header, provider.auth.prefix + provider.auth.key.reveal());
  }
  for (const name of provider.headers.remove) {
    passed.delete(name);
  }
  for (const { name, value } of policy.set) {
    passed.set(name, value);
  }
  const fields: HeaderField[] = [];
  for (const [name, value] of passed) {
    if (isSendable(name, value)) {
      fields.push({ name, value });
    }
  }
  fields.push(...policy.add);
  return fields;
}

/** One route and provider, looked at once. */
interface CompiledPolicy {
  passes(name: string): boolean;
  readonly set: readonly HeaderField[];
  readonly add: readonly HeaderField[];
}

// Both keys are parts of an immutable snapshot: a swapped-out snapshot takes its policies with it.
const policies = new WeakMap<CompiledRoute, WeakMap<CompiledProvider, CompiledPolicy>>();

function policyOf(route: CompiledRoute, provider: CompiledProvider): CompiledPolicy {
  let ofRoute = policies.get(route);
  if (ofRoute === undefined) {
    ofRoute = new WeakMap();
    policies.set(route, ofRoute);
  }
  let policy = ofRoute.get(provider);
  if (policy === undefined) {
    policy = compilePolicy(route.headerPassthrough.request, provider);
    ofRoute.set(provider, policy);
  }
  return policy;
}

function compilePolicy(rules: HeaderRules, provider: CompiledProvider): CompiledPolicy {
  const credentials = provider.auth.type === 'Passthrough';
  const sendable = (field: HeaderField) => isSendable(field.name, field.value);
  return {
    set: provider.headers.set.filter(sendable),
    add: provider.headers.add.filter(sendable),
    passes(name) {
      if (rules.deny.has(name) || isNever(name)) {
        return false;
      }
      if (CREDENTIAL_NAMES.has(name)) {
        return credentials;
      }
      return (
        SAFE_NAMES.has(name) ||
        SAFE_PREFIXES.some((prefix) => name.startsWith(prefix)) ||
        rules.allow.has(name)
      );
    },
  };
}

function isNever(name: string): boolean {
  return NEVER_NAMES.has(name) || NEVER_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function isSendable(name: string, value: string): boolean {
  return LEGAL_NAME.test(name) && LEGAL_VALUE.test(value) && !isNever(name);
}

/** Headers that the client declared to be for this hop only. */
function namedByConnection(headers: readonly HeaderField[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (const { name, value } of headers) {
    if (name === 'connection') {
      named ??= new Set();
      for (const token of value.split(',')) {
        named.add(token.trim().toLowerCase());
      }
    }
  }
  return named;
}

/** The beta that names the socket's own protocol means nothing to an HTTP endpoint; the others stay. */
function withoutWebSocketBetas(value: string): string {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !part.startsWith('responses_websockets='))
    .join(', ');
}
