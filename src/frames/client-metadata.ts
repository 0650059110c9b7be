/**
 * Codex opens its socket once and sends per request, inside the frame's `client_metadata`, what over HTTP would
 * be request headers. This is the way back: which headers the provider would have got, and what remains of
 * `client_metadata` in the body (measured against Codex's own HTTP requests; docs/decisions/0003).
 */

/** What a frame's `client_metadata` says to a provider that is reached over HTTP. */
export interface TranslatedMetadata {
  /** Names in lower case; they win over the handshake's. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** The metadata as Codex's own HTTP request would carry it; undefined when nothing had to go. */
  readonly body: string | undefined;
}

/** Keys that are headers over HTTP under the same name, and stay in the body too. */
const SAME_NAME = new Set([
  'x-codex-turn-metadata',
  'x-codex-window-id',
  'x-codex-parent-thread-id',
  'x-openai-subagent',
]);

/** Keys of the body that stand for a header with hyphens. */
const HYPHENATED = new Map([
  ['session_id', 'session-id'],
  ['thread_id', 'thread-id'],
]);

/** `ws_request_header_traceparent`, `ws_request_header_x_openai_…`: header names with underscores. */
const HEADER_PREFIX = 'ws_request_header_';

/** A header only: over HTTP the body does not have it. */
const TURN_STATE = 'x-codex-turn-state';

/** Only meant for the socket: the moment a frame was written. */
const SOCKET_ONLY = 'x-codex-ws-stream-request-start-ms';

/**
 * Splits `client_metadata` into headers and body. Values that are no strings stay in the body untouched; values
 * that cannot be header text are left out of the headers (non-ASCII characters of JSON texts are escaped, as Codex
 * does over HTTP).
 */
export function translateMetadata(metadata: Readonly<Record<string, unknown>>): TranslatedMetadata {
  const headers: { name: string; value: string }[] = [];
  const kept: [key: string, value: unknown][] = []; // not an object: `__proto__` may be a key
  let changed = false;
  for (const [key, value] of Object.entries(metadata)) {
    if (key === SOCKET_ONLY) {
      changed = true;
      continue;
    }
    if (key.startsWith(HEADER_PREFIX) || key === TURN_STATE) {
      changed = true;
      addHeader(
        headers,
        key === TURN_STATE ? key : key.slice(HEADER_PREFIX.length).replaceAll('_', '-'),
        value,
      );
      continue;
    }
    kept.push([key, value]);
    if (SAME_NAME.has(key)) addHeader(headers, key, value);
    else addHeader(headers, HYPHENATED.get(key), value);
  }
  return { headers, body: changed ? JSON.stringify(Object.fromEntries(kept)) : undefined };
}

const HEADER_NAME = /^[a-z0-9-]{1,64}$/;
const HEADER_TEXT = /^[\x20-\x7e]*$/;

function addHeader(
  headers: { name: string; value: string }[],
  name: string | undefined,
  value: unknown,
): void {
  if (name === undefined || typeof value !== 'string' || value === '') return;
  const lower = name.toLowerCase();
  const text = value.startsWith('{') ? escapeNonAscii(value) : value;
  if (HEADER_NAME.test(lower) && HEADER_TEXT.test(text)) headers.push({ name: lower, value: text });
}

function escapeNonAscii(json: string): string {
  return json.replaceAll(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
