/**
 * What a response says of itself while it passes by: its id, its finished items, its usage. Read from the few
 * events that carry them, on their bytes.
 */
import { MAX_NAME_BYTES } from '../frames/response-create.ts';
import { exactCopy } from '../json/exact-copy.ts';
import { parseJson } from '../json/json-object.ts';
import {
  arrayItemsOf,
  findMember,
  memberOf,
  membersOf,
  stringOf,
  valueOf,
  type Member,
} from '../json/object-walk.ts';
import type { TokenUsage } from './facts.ts';

const COMMA = Buffer.from(',');

/** The finished output items of one response, as JSON texts that a later request can carry as input. */
export class OutputItems {
  readonly #items: { readonly index: number; readonly json: Buffer }[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#items.length;
  }

  /** Takes the item out of a `response.output_item.done` event. An event without one is left alone. */
  add(payload: Buffer): void {
    const members = membersOf(payload);
    const item = memberOf(members, 'item');
    if (item === undefined) return;
    const indexMember = memberOf(members, 'output_index');
    const index = indexMember === undefined ? undefined : valueOf(payload, indexMember);
    const json = toInputItem(payload.subarray(item.start, item.end));
    this.#bytes += json.length + COMMA.length;
    this.#items.push({ index: typeof index === 'number' ? index : this.#items.length, json });
  }

  clear(): void {
    this.#items.length = 0;
    this.#bytes = 0;
  }

  /** In the order of `output_index`. */
  ordered(): Buffer[] {
    return this.#items.toSorted((a, b) => a.index - b.index).map(({ json }) => json);
  }

  /** The items with commas between them, copied to exact size. */
  joined(): Buffer {
    return joinExactly(this.ordered());
  }
}

/**
 * An output item as the Codex CLI itself would send it back (measured): without null members, and a `reasoning`
 * item without `status` and empty `content`, which providers refuse in input. Any other item keeps its bytes.
 */
export function toInputItem(json: Buffer): Buffer {
  const isReasoning = json.includes('"reasoning"');
  if (!isReasoning && !json.includes('null')) return exactCopy(json);
  const item = parseJson(json);
  // the provider that sent it may understand it
  if (typeof item !== 'object' || item === null) return exactCopy(json);
  const reasoning = 'type' in item && item.type === 'reasoning';
  const kept = Object.entries(item).filter(([key, value]) => {
    if (value === null) return false;
    return (
      !reasoning || !(key === 'status' || (key === 'content' && Array.isArray(value) && value.length === 0))
    );
  });
  return jsonOf(Object.fromEntries(kept)) ?? exactCopy(json);
}

/** Undefined when it is nested deeper than the stack allows: parsing has no such limit, writing has. */
function jsonOf(value: unknown): Buffer | undefined {
  try {
    return exactCopy(Buffer.from(JSON.stringify(value)));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function joinExactly(items: readonly Buffer[]): Buffer {
  let length = Math.max(0, items.length - 1);
  for (const item of items) length += item.length;
  const joined = Buffer.allocUnsafeSlow(length);
  let at = 0;
  items.forEach((item, n) => {
    if (n > 0) at += COMMA.copy(joined, at);
    at += item.copy(joined, at);
  });
  return joined;
}

/** What an event's `response` object says. */
export interface ResponseFacts {
  /** Undefined also when it is longer than a client could name it again. */
  readonly id: string | undefined;
  readonly usage: TokenUsage | undefined;
  /** The model that answered, as the provider wrote it; undefined also when it is longer than any known. */
  readonly model: string | undefined;
  readonly serviceTier: string | undefined;
  /** `incomplete_details.reason`. */
  readonly incompleteReason: string | undefined;
  /** `error.code`, as the provider wrote it. */
  readonly errorCode: string | undefined;
  /** The items of a non-empty `output`, joined; for providers that send no `output_item.done`. */
  readonly outputItems: Buffer | undefined;
  /** Where the id's value lies in the event, quotes included. */
  readonly idAt: { readonly start: number; readonly end: number } | undefined;
}

const TOOL_CALLS: ReadonlySet<string> = new Set(['function_call', 'custom_tool_call', 'local_shell_call']);

/** Does the item of a `response.output_item.done` event ask the client to call a tool? */
export function isToolCall(payload: Buffer): boolean {
  const item = findMember(payload, 'item');
  const type = item && findMember(payload, 'type', item);
  return type !== undefined && TOOL_CALLS.has(nameAt(payload, type) ?? '');
}

/** The id in an event's `response`, which stands at its beginning: what follows is not looked at. */
export function readResponseId(payload: Buffer): string | undefined {
  const response = findMember(payload, 'response');
  const id = response && findMember(payload, 'id', response);
  return id && nameAt(payload, id);
}

/** An id that a client can name again; it outlives the event. */
function nameAt(payload: Buffer, member: Member): string | undefined {
  return member.end - member.start > MAX_NAME_BYTES ? undefined : stringOf(payload, member);
}

function nameIn(payload: Buffer, members: readonly Member[], key: string): string | undefined {
  const member = memberOf(members, key);
  return member && nameAt(payload, member);
}

/** Reads terminal events. */
export function readResponse(payload: Buffer): ResponseFacts {
  const response = memberOf(membersOf(payload), 'response');
  const inner = response === undefined ? [] : membersOf(payload, response);
  const idMember = memberOf(inner, 'id');
  const usage = memberOf(inner, 'usage');
  const error = memberOf(inner, 'error');
  const code = error === undefined ? undefined : memberOf(membersOf(payload, error), 'code');
  const incomplete = memberOf(inner, 'incomplete_details');
  const output = memberOf(inner, 'output');
  const items = output === undefined ? undefined : arrayItemsOf(payload, output);
  return {
    id: idMember && nameAt(payload, idMember),
    usage: usage === undefined ? undefined : toUsage(valueOf(payload, usage)),
    model: nameIn(payload, inner, 'model'),
    serviceTier: nameIn(payload, inner, 'service_tier'),
    incompleteReason: incomplete && nameIn(payload, membersOf(payload, incomplete), 'reason'),
    errorCode: toErrorCode(code === undefined ? undefined : valueOf(payload, code)),
    outputItems: items === undefined || items.length === 0 ? undefined : items,
    idAt: idMember === undefined ? undefined : { start: idMember.start, end: idMember.end },
  };
}

/** The number that the event after this one should have; 0 when there is none to go by. */
export function nextSequence(payload: Buffer | undefined): number {
  if (payload === undefined) return 0;
  const member = memberOf(membersOf(payload), 'sequence_number');
  const value = member === undefined ? undefined : valueOf(payload, member);
  return typeof value === 'number' && Number.isSafeInteger(value) ? value + 1 : 0;
}

function toUsage(value: unknown): TokenUsage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return {
    inputTokens: numberAt(value, 'input_tokens'),
    cachedTokens: numberAt(value, 'input_tokens_details', 'cached_tokens'),
    cacheWriteTokens: numberAt(value, 'input_tokens_details', 'cache_write_tokens'),
    outputTokens: numberAt(value, 'output_tokens'),
    reasoningTokens: numberAt(value, 'output_tokens_details', 'reasoning_tokens'),
  };
}

/**
 * Most tokens that are believed: no model reads so many at once. What is added to a counter stays in it, so that a
 * single `1e300` would be all that it ever says.
 */
const MAX_TOKENS = 2 ** 31 - 1;

function numberAt(value: unknown, ...path: readonly string[]): number {
  let at: unknown = value;
  for (const key of path) {
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined;
  }
  return typeof at === 'number' && at >= 0 && at <= MAX_TOKENS ? at : 0;
}

function toErrorCode(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

const BLANK_ID = Buffer.from('""');

/** The event with a blank response id: the Codex CLI then sends everything each time (measured). One copy. */
export function withBlankId(payload: Buffer, { idAt }: ResponseFacts): Buffer {
  if (idAt === undefined) return payload;
  return Buffer.concat([payload.subarray(0, idAt.start), BLANK_ID, payload.subarray(idAt.end)]);
}
