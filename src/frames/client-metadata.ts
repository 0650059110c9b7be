/**
 * Codex opens its socket once and sends per request, inside the frame's `client_metadata`, what over HTTP would
 * be request headers. This is the way back: which headers the provider would have got, and what remains of
 * `client_metadata` in the body (measured against Codex's own HTTP requests; docs/decisions/0003).
 */
import { membersOf, stringOf, type Member } from '../json/object-walk.ts';

/** What a frame's `client_metadata` says to a provider that is reached over HTTP. */
export interface TranslatedMetadata {
  /** Names in lower case; they win over the handshake's. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** The metadata as Codex's own HTTP request would carry it; undefined when nothing had to go. */
  readonly body: Buffer | undefined;
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
 * Splits `client_metadata` into headers and body. What stays in the body keeps its bytes, however deep it is nested.
 * Values that cannot be header text are left out of the headers (non-ASCII characters of JSON texts are escaped, as
 * Codex does over HTTP). A value that is no object stays as it is.
 */
export function translateMetadata(bytes: Buffer, metadata: Member): TranslatedMetadata {
  const members = membersOf(bytes, metadata);
  const headers: { name: string; value: string }[] = [];
  const kept: Member[] = [];
  for (const member of members) {
    const { key } = member;
    if (!isSocketOnly(key)) kept.push(member);
    const name = headerNameOf(key);
    const isShort = member.end - member.start <= MAX_VALUE_CHARS;
    if (name !== undefined && isShort) addHeader(headers, name, stringOf(bytes, member));
  }
  return { headers, body: kept.length === members.length ? undefined : objectOf(bytes, kept) };
}

/** Does it go out of the body? */
function isSocketOnly(key: string): boolean {
  return key === SOCKET_ONLY || key === TURN_STATE || key.startsWith(HEADER_PREFIX);
}

function headerNameOf(key: string): string | undefined {
  if (key.startsWith(HEADER_PREFIX))
    return key.slice(HEADER_PREFIX.length).replaceAll('_', '-').toLowerCase();
  return SAME_NAME.has(key) || key === TURN_STATE ? key : HYPHENATED.get(key);
}

function objectOf(bytes: Buffer, members: readonly Member[]): Buffer {
  const parts = members.flatMap((member, n) => [
    n === 0 ? OPEN : COMMA,
    bytes.subarray(member.keyStart, member.end),
  ]);
  return Buffer.concat(parts.length === 0 ? [OPEN, CLOSE] : [...parts, CLOSE]);
}

const OPEN = Buffer.from('{');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from('}');

/**
 * Longest value that becomes a header, and all of them together: as much as a handshake's headers may have. What is
 * longer stays in the body only; a provider would refuse the whole request for it.
 */
const MAX_VALUE_CHARS = 16 * 1024;
const MAX_TOTAL_CHARS = 64 * 1024;

const HEADER_NAME = /^[a-z0-9-]{1,64}$/;
const HEADER_TEXT = /^[\x20-\x7e]*$/;

function addHeader(
  headers: { name: string; value: string }[],
  name: string,
  value: string | undefined,
): void {
  if (value === undefined || value === '') return;
  const text = value.startsWith('{') ? escapeNonAscii(value) : value;
  const taken = headers.reduce((sum, header) => sum + header.name.length + header.value.length, 0);
  if (taken + name.length + text.length > MAX_TOTAL_CHARS) return;
  if (HEADER_NAME.test(name) && HEADER_TEXT.test(text)) headers.push({ name, value: text });
}

function escapeNonAscii(json: string): string {
  return json.replaceAll(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
