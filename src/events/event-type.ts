/**
 * Which event is this? Answered on the bytes, without decoding: an event that nobody needs to read passes as it
 * came. The catalogue is the public API's list of streaming events plus those that only sockets carry.
 */
import { findTopLevelType } from './top-level-type.ts';

/** What an event means to a turn. */
export type EventRole =
  | 'created'
  | 'item-added' // the first sign of output
  | 'item-done'
  | 'output' // deltas and everything else that is output
  | 'completed'
  | 'incomplete'
  | 'failed'
  | 'error'
  | 'keepalive'
  | 'metadata' // the backend's headers, repeated as an event; no part of the response's own sequence
  | 'other';

/** One entry of the catalogue. Compared by identity; `index` is dense, for counters. */
export interface EventType {
  readonly name: string;
  readonly role: EventRole;
  readonly index: number;
}

const OUTPUT_NAMES = [
  'content_part.added',
  'content_part.done',
  'output_text.delta',
  'output_text.done',
  'output_text.annotation.added',
  'refusal.delta',
  'refusal.done',
  'reasoning_text.delta',
  'reasoning_text.done',
  'reasoning_summary_part.added',
  'reasoning_summary_part.done',
  'reasoning_summary_text.delta',
  'reasoning_summary_text.done',
  'function_call_arguments.delta',
  'function_call_arguments.done',
  'custom_tool_call_input.delta',
  'custom_tool_call_input.done',
  'mcp_call_arguments.delta',
  'mcp_call_arguments.done',
  'mcp_call.in_progress',
  'mcp_call.completed',
  'mcp_call.failed',
  'mcp_list_tools.in_progress',
  'mcp_list_tools.completed',
  'mcp_list_tools.failed',
  'web_search_call.in_progress',
  'web_search_call.searching',
  'web_search_call.completed',
  'file_search_call.in_progress',
  'file_search_call.searching',
  'file_search_call.completed',
  'code_interpreter_call.in_progress',
  'code_interpreter_call.interpreting',
  'code_interpreter_call.completed',
  'code_interpreter_call_code.delta',
  'code_interpreter_call_code.done',
  'image_generation_call.in_progress',
  'image_generation_call.generating',
  'image_generation_call.completed',
  'image_generation_call.partial_image',
  'shell_call_command.added',
  'shell_call_command.delta',
  'shell_call_command.done',
  'shell_call_output_content.delta',
  'shell_call_output_content.done',
  'compaction.compacting',
  'audio.delta',
  'audio.done',
  'audio.transcript.delta',
  'audio.transcript.done',
] as const;

/** In the order of {@link EventType.index}; the first stands for every name that is not in the catalogue. */
const CATALOGUE: readonly (readonly [name: string, role: EventRole])[] = [
  ['other', 'other'],
  ['response.created', 'created'],
  ['response.queued', 'other'],
  ['response.in_progress', 'other'],
  ['response.output_item.added', 'item-added'],
  ['response.output_item.done', 'item-done'],
  ...OUTPUT_NAMES.map((name) => [`response.${name}`, 'output'] as const),
  ['response.completed', 'completed'],
  ['response.incomplete', 'incomplete'],
  ['response.failed', 'failed'],
  // An alias of response.completed in some builds of one backend. Known here so that it can be renamed; it never
  // leaves the provider's side.
  ['response.done', 'completed'],
  ['error', 'error'],
  ['keepalive', 'keepalive'],
  ['codex.keepalive', 'keepalive'],
  ['ping', 'keepalive'],
  ['heartbeat', 'keepalive'],
  // Sockets and the Codex backend only.
  ['response.metadata', 'metadata'],
  ['codex.response.metadata', 'metadata'],
  ['codex.rate_limits', 'other'],
  ['responsesapi.websocket_timing', 'other'],
  ['response.steer.accepted', 'other'],
  ['response.steer.pending', 'other'],
  ['response.steer.failed', 'other'],
  ['response.inject.created', 'other'],
  ['response.inject.failed', 'other'],
];

/** Every event type, by index; 0 is {@link OTHER_EVENT}. */
export const EVENT_TYPES: readonly EventType[] = CATALOGUE.map(([name, role], index) =>
  Object.freeze({ name, role, index }),
);

const byName: ReadonlyMap<string, EventType> = new Map(EVENT_TYPES.slice(1).map((type) => [type.name, type]));

/** What has no entry of its own: unknown names, payloads without a `type`, payloads that are no object. */
export const OTHER_EVENT: EventType = EVENT_TYPES[0] as EventType;

/** The entry of a name; {@link OTHER_EVENT} for one that is not in the catalogue. */
export function eventTypeNamed(name: string): EventType {
  return byName.get(name) ?? OTHER_EVENT;
}

/** One name to compare with, as bytes: a string per event would cost more than the scan itself. */
interface Candidate {
  readonly type: EventType;
  readonly bytes: Uint8Array;
}

const candidatesByHash: ReadonlyMap<number, Candidate> = indexByHash();
const MAX_NAME_BYTES = Math.max(...EVENT_TYPES.map((type) => type.name.length));

/** The last name found. Only a short cut: deltas come in runs of one type. */
let recent: Candidate = candidatesByHash.values().next().value as Candidate;

/** `{"type":"`: how all providers known to us begin their events. */
const PREFIX = Buffer.from('{"type":"');
const QUOTE = 0x22;

/**
 * The type of one event.
 *
 * The fast way serves payloads that begin `{"type":"`: one comparison with the type of the event
 * before, else one pass over the name, hashing as it goes. Anything else (white space, another order of keys, an escaped name) is walked at its top level.
 * The payload is not validated: that is its reader's affair, if it has one.
 *
 * @param payload The bytes of one event.
 */
export function eventTypeOf(payload: Buffer): EventType {
  for (let i = 0; i < PREFIX.length; i += 1) {
    if (payload[i] !== PREFIX[i]) {
      return eventTypeByWalk(payload);
    }
  }
  const start = PREFIX.length;
  if (isNamed(recent, payload, start)) {
    return recent.type;
  }
  const limit = Math.min(payload.length, start + MAX_NAME_BYTES + 1);
  let hash = 0;
  for (let i = start; i < limit; i += 1) {
    const byte = payload[i] as number;
    if (byte === QUOTE) {
      const candidate = candidatesByHash.get(hash);
      if (candidate !== undefined && isNamed(candidate, payload, start)) {
        recent = candidate;
        return candidate.type;
      }
      break;
    }
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  return eventTypeByWalk(payload);
}

function eventTypeByWalk(payload: Buffer): EventType {
  const found = findTopLevelType(payload);
  return found === undefined ? OTHER_EVENT : eventTypeNamed(found.name);
}

/** Does this name stand at `start`, with its closing quote? From the end, since all names begin alike. */
function isNamed(candidate: Candidate, payload: Buffer, start: number): boolean {
  const { bytes } = candidate;
  if (payload[start + bytes.length] !== QUOTE) {
    return false;
  }
  for (let i = bytes.length - 1; i >= 0; i -= 1) {
    if (payload[start + i] !== bytes[i]) {
      return false;
    }
  }
  return true;
}

/** The catalogue by the hash of {@link eventTypeOf}. Throws at load if two names ever share one. */
function indexByHash(): Map<number, Candidate> {
  const index = new Map<number, Candidate>();
  for (const type of EVENT_TYPES.slice(1)) {
    const bytes = Buffer.from(type.name);
    let hash = 0;
    for (const byte of bytes) {
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    const other = index.get(hash);
    if (other !== undefined) {
      throw new Error(
        `Event names ${other.type.name} and ${type.name} have one hash: choose another multiplier`,
      );
    }
    index.set(hash, { type, bytes });
  }
  return index;
}
