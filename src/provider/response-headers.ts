/**
 * Which of a provider's headers may reach a client: what helps a client (rate limits, retry hints, ids for
 * support), and what the route allows by name. Never what belongs to one connection, and never `openai-model`: one
 * client compares it with what it asked for and warns its user of a reroute.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { CompiledRoute } from '../route/snapshot.ts';

/** What an answer's headers come to. */
export interface AnswerHeaders {
  readonly headers: Readonly<Record<string, string>>;
  /** `x-codex-turn-state`: becomes an event, since a socket has no headers per turn. */
  readonly turnState: string | undefined;
}

const SAFE_NAMES: ReadonlySet<string> = new Set([
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'openai-processing-ms',
  'openai-version',
  'x-models-etag',
  'x-reasoning-included',
]);
const SAFE_PREFIXES = ['x-ratelimit-', 'x-codex-'] as const;

const NEVER_NAMES: ReadonlySet<string> = new Set([
  'openai-model',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'content-encoding',
]);
const NEVER_PREFIXES = ['sec-websocket-', 'x-turnbridge-', ':'] as const;
const TURN_STATE = 'x-codex-turn-state';

// As Node's own check for headers it writes: anything else would throw at the client's side.
const LEGAL_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The headers of an answer that the route lets through. Names in lower case, repeated ones joined with a comma.
 *
 * @param headers As undici gives them.
 */
export function toClientHeaders(headers: IncomingHttpHeaders, route: CompiledRoute): AnswerHeaders {
  const { allow, deny } = route.headerPassthrough.response;
  const passed: Record<string, string> = {};
  const named = new Set(
    toText(headers.connection)
      .split(',')
      .map((token) => token.trim().toLowerCase()),
  );
  for (const [name, raw] of Object.entries(headers)) {
    if (raw === undefined || deny.has(name) || isNever(name) || named.has(name) || name === TURN_STATE) {
      continue;
    }
    if (isSafe(name) || allow.has(name)) {
      const value = toText(raw);
      if (LEGAL_VALUE.test(value)) {
        passed[name] = value;
      }
    }
  }
  const turnState = toText(headers[TURN_STATE]);
  return { headers: passed, turnState: turnState === '' || deny.has(TURN_STATE) ? undefined : turnState };
}

/** As {@link toClientHeaders}, with the type of the body, for answers whose body goes to the client as it is. */
export function toRelayHeaders(headers: IncomingHttpHeaders, route: CompiledRoute): Record<string, string> {
  const passed: Record<string, string> = { ...toClientHeaders(headers, route).headers };
  for (const name of ['content-type', 'content-encoding', 'etag', 'cache-control', TURN_STATE]) {
    const value = toText(headers[name]);
    if (value !== '' && LEGAL_VALUE.test(value) && !route.headerPassthrough.response.deny.has(name)) {
      passed[name] = value;
    }
  }
  return passed;
}

function isSafe(name: string): boolean {
  return SAFE_NAMES.has(name) || SAFE_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function isNever(name: string): boolean {
  return NEVER_NAMES.has(name) || NEVER_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function toText(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}
