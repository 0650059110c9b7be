/**
 * Which of a client's headers reach a provider. A client's header passes only if it is among the safe defaults or
 * the route allows it by name, and the route does not deny it; some never pass, whatever a route says. What the
 * provider's configuration sets comes after and wins; what the request itself needs comes last. The names are in
 * route/header-names.ts.
 */
import { isCredentialHeader, isNeverPassed, isPassedToProviders } from '../route/header-names.ts';
import type { CompiledProvider, CompiledRoute, HeaderField, HeaderRules } from '../route/snapshot.ts';
import type { TraceHeaders } from './provider.ts';
import { isHeaderName, isHeaderValue, NO_NAMES, namedByConnection } from './header-text.ts';

/** What the headers of one request are made from. */
export interface HeaderSource {
  /** Names in lower case. Of a name that occurs twice the last value counts: a frame's wins over its handshake's. */
  readonly clientHeaders: readonly HeaderField[];
  readonly route: CompiledRoute;
  readonly provider: CompiledProvider;
  /** The value of `x-turnbridge-via`. */
  readonly via: string;
  /** As {@link AttemptRequest.trace}. */
  readonly trace?: TraceHeaders | undefined;
}

/** Headers for undici: values of a repeated name in an array. */
export type HeaderRecord = Record<string, string | string[]>;

/**
 * What keeps a provider's own key from being sent, as the end of a sentence about the provider; undefined when
 * nothing does, or it has none. Ask before a request is made. The check of routes lets no such key in; a snapshot that
 * has one all the same must not lead to requests without a key, whose refusal would mislead.
 */
export function keyObstacle({ auth }: CompiledProvider): string | undefined {
  if (auth.type !== 'APIKey') {
    return undefined;
  }
  if (!isHeaderName(auth.header) || isNeverPassed(auth.header)) {
    return 'was not called: auth.header of its route names a header that cannot carry a key; write authorization, or the name this provider documents';
  }
  if (!isHeaderValue(auth.prefix + auth.key.reveal())) {
    return 'was not called: its key holds line breaks or other characters that no header has; write the key alone into its Secret';
  }
  return undefined;
}

/**
 * The headers of a turn's request to a provider, in the order: what passes of the client's, the provider's own
 * key, its `remove`, `set` and `add`, then `content-type`, `accept`, `accept-encoding` and `x-turnbridge-via`.
 * Values that are not legal header text are dropped; about the key ask {@link keyObstacle} first. `host` and
 * `content-length` are left to the transport.
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
    if (value !== undefined && isHeaderValue(value)) {
      fields.push({ name, value });
    }
  }
  fields.push(IDENTITY, { name: 'x-turnbridge-via', value: source.via });
  return fields;
}

/**
 * Belong to one request, and not to all turns of a WebSocket, which can serve an HTTP client's next request as well. Those
 * that a frame has a place for do not come here: whoever opens the sockets leaves them out (`SocketOwner`).
 */
const OF_ONE_REQUEST: ReadonlySet<string> = new Set([
  'idempotency-key',
  'x-client-request-id',
  'x-stainless-read-timeout',
  'x-stainless-retry-count',
  'x-stainless-timeout',
]);

/**
 * The headers of a WebSocket's handshake with a provider: the same policy as for requests, without what is about one
 * request or its body. Never trace headers: a socket carries the turns of many traces.
 *
 * @param isOfOneRequest The client's headers are those of one HTTP request, not of its own WebSocket's handshake.
 */
export function toUpgradeHeaders(source: HeaderSource, isOfOneRequest: boolean): HeaderField[] {
  const clientHeaders = source.clientHeaders.filter(
    ({ name }) => !TRACE_NAMES.has(name) && !(isOfOneRequest && OF_ONE_REQUEST.has(name)),
  );
  const fields = toForwardedHeaders({ ...source, clientHeaders, trace: undefined }, (value) => value);
  fields.push({ name: 'x-turnbridge-via', value: source.via });
  return fields;
}

const TRACE_NAMES: ReadonlySet<string> = new Set(['baggage', 'traceparent', 'tracestate']);

/** As undici takes them. */
export function toHeaderRecord(fields: readonly HeaderField[]): HeaderRecord {
  // Without a prototype: a route may allow a header called `constructor`.
  const record: HeaderRecord = Object.create(null) as HeaderRecord;
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
function toForwardedHeaders(
  { clientHeaders, route, provider, trace }: HeaderSource,
  toBetas: (value: string) => string = withoutWebSocketBetas,
): HeaderField[] {
  const policy = policyOf(route, provider);
  const ofThisHop = hopHeaders(clientHeaders);
  const passed = new Map<string, string>();
  for (const { name, value } of clientHeaders) {
    if (policy.passes(name) && !ofThisHop.has(name)) {
      const kept = name === 'openai-beta' ? toBetas(value) : value;
      if (kept !== '' && isHeaderName(name) && isHeaderValue(kept)) {
        passed.set(name, kept);
      }
    }
  }
  if (trace !== undefined) {
    putTrace(passed, trace, policy);
  }
  if (provider.auth.type === 'APIKey') {
    // Never left out, whatever it is: the transport fails loudly over what is no header.
    passed.set(provider.auth.header, provider.auth.prefix + provider.auth.key.reveal());
  }
  for (const name of provider.headers.remove) {
    passed.delete(name);
  }
  for (const { name, value } of policy.set) {
    passed.set(name, value);
  }
  return [...Array.from(passed, ([name, value]) => ({ name, value })), ...policy.add];
}

/** A route that denies the header denies it to us too. */
function putTrace(passed: Map<string, string>, trace: TraceHeaders, policy: CompiledPolicy): void {
  for (const name of ['traceparent', 'tracestate'] as const) {
    passed.delete(name);
    const value = trace[name];
    if (value !== undefined && policy.passes(name)) {
      passed.set(name, value);
    }
  }
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
      if (rules.deny.has(name) || isNeverPassed(name)) {
        return false;
      }
      return isCredentialHeader(name) ? credentials : isPassedToProviders(name) || rules.allow.has(name);
    },
  };
}

function isSendable(name: string, value: string): boolean {
  return isHeaderName(name) && isHeaderValue(value) && !isNeverPassed(name);
}

/** Headers that the client declared to be for this hop only. */
function hopHeaders(headers: readonly HeaderField[]): ReadonlySet<string> {
  const declared = headers.filter(({ name }) => name === 'connection').map(({ value }) => value);
  return declared.length === 0 ? NO_NAMES : namedByConnection(declared.join());
}

/** The beta that names the socket's own protocol means nothing to an HTTP endpoint; the others stay. */
function withoutWebSocketBetas(value: string): string {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && !part.startsWith('responses_websockets='))
    .join(', ');
}
