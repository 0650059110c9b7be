/**
 * The other direction of client-metadata.ts: what a request over HTTP says in headers of its own travels in the
 * `client_metadata` of a frame, since a socket's handshake happens once for many requests.
 */
import { membersOf, type Member } from '../json/object-walk.ts';

/** Headers of one request, and their keys in a frame. The same list as that of client-metadata.ts, read backwards. */
const KEYS: ReadonlyMap<string, string> = new Map([
  ['x-codex-turn-metadata', 'x-codex-turn-metadata'],
  ['x-codex-window-id', 'x-codex-window-id'],
  ['x-codex-parent-thread-id', 'x-codex-parent-thread-id'],
  ['x-codex-turn-state', 'x-codex-turn-state'],
  ['x-openai-subagent', 'x-openai-subagent'],
  ['session-id', 'session_id'],
  ['thread-id', 'thread_id'],
  ['traceparent', 'ws_request_header_traceparent'],
  ['tracestate', 'ws_request_header_tracestate'],
  ['x-openai-internal-codex-responses-lite', 'ws_request_header_x_openai_internal_codex_responses_lite'],
]);

/** The key of a header in a frame's `client_metadata`; undefined: it does not travel there. */
export function metadataKeyOf(header: string): string | undefined {
  return KEYS.get(header);
}

/** What `client_metadata` gets. */
export interface MetadataChanges {
  /** Written where the client has not written the key itself. */
  readonly fill: ReadonlyMap<string, string>;
  /** Written whatever is there; undefined: taken out. */
  readonly put: ReadonlyMap<string, string | undefined>;
}

/**
 * The headers of an HTTP request as a frame carries them.
 * @param passes Whether a header may reach providers: what is kept from them as a header stays away here too.
 */
export function toMetadata(
  headers: readonly { readonly name: string; readonly value: string }[],
  passes: (name: string) => boolean,
): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const { name, value } of headers) {
    const key = KEYS.get(name);
    if (key !== undefined && value !== '' && passes(name)) entries.set(key, value);
  }
  return entries;
}

/**
 * The object with its changes; undefined when nothing changes. What stays keeps its bytes. A value that is no object
 * stays as it is.
 * @param member Where the client's own lies; undefined: it wrote none.
 */
export function changeMetadata(
  bytes: Buffer,
  member: Member | undefined,
  { fill, put }: MetadataChanges,
): Buffer | undefined {
  if (fill.size === 0 && put.size === 0) return undefined;
  if (member !== undefined && bytes[member.start] !== OPEN_BRACE) return undefined;
  const members = member === undefined ? [] : membersOf(bytes, member);
  const kept = members.filter(({ key }) => !put.has(key));
  const present = new Set(members.map(({ key }) => key));
  const added = [
    ...[...fill].filter(([key]) => !present.has(key) && !put.has(key)),
    ...[...put].filter((entry): entry is [string, string] => entry[1] !== undefined),
  ];
  if (kept.length === members.length && added.length === 0) return undefined;
  const texts = [
    ...kept.map(({ keyStart, end }) => bytes.subarray(keyStart, end)),
    ...added.map(([key, value]) => Buffer.from(`${JSON.stringify(key)}:${JSON.stringify(value)}`)),
  ];
  return Buffer.concat([OPEN, ...texts.flatMap((text, n) => (n === 0 ? [text] : [COMMA, text])), CLOSE]);
}

const OPEN_BRACE = 0x7b;
const OPEN = Buffer.from('{');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from('}');
