/**
 * `response.create`: what a turn needs to know of it, with everything else left as bytes. The same form serves
 * the body of `POST /responses`, which has the same members without the envelope.
 */
import {
  arrayItemsOf,
  booleanOf,
  type Member,
  memberOf,
  membersOf,
  stringOf,
  walkObject,
} from '../json/object-walk.ts';
import { refusal, type ErrorAnswer } from './errors.ts';

/** One request for a response. Offsets of `members` are offsets into `bytes`, which nobody changes. */
export interface ResponseCreate {
  readonly bytes: Buffer;
  readonly members: readonly Member[];
  /** `frame`: `bytes` could go out on a socket as they are; not so a nested request, nor the body of a POST. */
  readonly form: 'frame' | 'nested' | 'body';
  readonly model: string | undefined;
  /** The lane; undefined = the default lane. */
  readonly streamId: string | undefined;
  /** May be the empty string: what a client kept of a response whose id was blank. */
  readonly previousResponseId: string | undefined;
  /** A warm-up: `generate: false`, or `prompt_cache_options.prewarm: true`. */
  readonly isWarmup: boolean;
  /** `stream` as given; a socket always streams. */
  readonly stream: boolean | undefined;
  readonly input: ResponseInput;
  /** Where `client_metadata` lies, whatever it is. */
  readonly clientMetadata: Member | undefined;
}

/** `input`: the items of an array as bytes with their commas (empty when there are none), or a plain text. */
export type ResponseInput =
  { readonly kind: 'items'; readonly bytes: Buffer } | { readonly kind: 'text'; readonly bytes: Buffer };

export type ParsedCreate =
  | { readonly ok: true; readonly create: ResponseCreate }
  /** `streamId` is echoed in the error, unless the name itself is what is wrong. */
  | { readonly ok: false; readonly error: ErrorAnswer; readonly streamId: string | undefined };

/**
 * Longest `model` and id of a response, as JSON text: they outlive the request's own bytes, in no budget. The longest
 * known (ids in which a gateway wraps a provider's) have some 300 bytes.
 */
export const MAX_NAME_BYTES = 1_024;

/** Longest and only form of a lane's name (protocol: 1 to 256 of these). */
const STREAM_ID = /^[A-Za-z0-9_.-]{1,256}$/;

const NO_ITEMS = Buffer.alloc(0);

/**
 * Reads the members of a `response.create` frame. A request nested under `response`, as the Realtime API has it,
 * is unwrapped when nothing but the envelope stands beside it.
 */
export function parseCreateFrame(bytes: Buffer, envelope: readonly Member[]): ParsedCreate {
  const nested = memberOf(envelope, 'response');
  if (nested === undefined || memberOf(envelope, 'model') || memberOf(envelope, 'input')) {
    return readCreate(bytes, envelope, 'frame');
  }
  const twice = firstDuplicate(envelope); // before the nested one is taken out: a second one would stay
  if (twice !== undefined) return refused(givenTwice(twice));
  const inner = walkObject(bytes, nested.start, nested.end);
  if (!inner.ok)
    return refused('`response` must be an object, or be left out: the fields stand beside `type`');
  const outer = envelope.filter((member) => member !== nested);
  return readCreate(bytes, [...outer, ...inner.members], 'nested');
}

/** Reads the body of `POST /responses`. */
export function parseCreateBody(bytes: Buffer): ParsedCreate {
  const walk = walkObject(bytes);
  if (!walk.ok) return { ok: false, error: invalidJson('body', walk.at, walk.expected), streamId: undefined };
  return readCreate(bytes, walk.members, 'body');
}

/** The sentence for bytes that are no JSON object. */
export function invalidJson(what: 'frame' | 'body', at: number, expected: string): ErrorAnswer {
  return refusal(
    'invalid_json',
    `The ${what} is not a JSON object: at byte ${at} there should be ${expected}.`,
  );
}

function readCreate(bytes: Buffer, members: readonly Member[], form: ResponseCreate['form']): ParsedCreate {
  const twice = firstDuplicate(members);
  if (twice !== undefined) return refused(givenTwice(twice));

  const lane = readStreamId(bytes, members, form);
  if ('error' in lane) return { ok: false, error: lane.error, streamId: undefined };
  const { streamId } = lane;
  const refuse = (message: string, param: string): ParsedCreate => refused(message, param, streamId);

  const model = readName(bytes, members, 'model');
  if (typeof model === 'object') return refuse(`\`model\` must be ${model.wanted}`, 'model');
  const previous = readName(bytes, members, 'previous_response_id');
  if (typeof previous === 'object') {
    return refuse(`\`previous_response_id\` must be ${previous.wanted}`, 'previous_response_id');
  }
  const generate = optionalBoolean(bytes, members, 'generate');
  if (generate === null) return refuse('`generate` must be true or false', 'generate');
  const stream = optionalBoolean(bytes, members, 'stream');
  if (stream === null) return refuse('`stream` must be true or false', 'stream');
  if (optionalBoolean(bytes, members, 'background') === true) {
    return {
      ok: false,
      error: refusal(
        'unsupported_parameter',
        '`background` is not possible here: a response lives as long as its connection. Leave it out.',
        'background',
      ),
      streamId,
    };
  }
  if (form === 'body' && generate === false) {
    return refuse('`generate: false` exists on the WebSocket only; leave it out', 'generate');
  }
  const input = readInput(bytes, members);
  if (input === undefined) return refuse('`input` must be a string or an array of items', 'input');
  return {
    ok: true,
    create: {
      bytes,
      members,
      form,
      model,
      streamId,
      previousResponseId: previous,
      isWarmup: generate === false || (form !== 'body' && isPrewarm(bytes, members)),
      stream,
      input,
      clientMetadata: presentMember(bytes, members, 'client_metadata'),
    },
  };
}

function refused(message: string, param: string | null = null, streamId?: string): ParsedCreate {
  return { ok: false, error: refusal('invalid_request', `${message}.`, param), streamId };
}

function givenTwice(key: string): string {
  return `\`${key.slice(0, 64)}\` is given twice; give it once`;
}

function firstDuplicate(members: readonly Member[]): string | undefined {
  const seen = new Set<string>();
  for (const { key } of members) {
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return undefined;
}

function readStreamId(
  bytes: Buffer,
  members: readonly Member[],
  form: ResponseCreate['form'],
): { streamId: string | undefined } | { error: ErrorAnswer } {
  const member = memberOf(members, 'stream_id');
  if (member === undefined) return { streamId: undefined };
  const wrong = (message: string) => ({ error: refusal('invalid_stream_id', message, 'stream_id') });
  if (form === 'body') return wrong('`stream_id` names a lane of a WebSocket; over HTTP leave it out.');
  // 6: each character may be written as an escape
  const isShort = member.end - member.start <= 2 + 6 * 256;
  const streamId = isShort ? stringOf(bytes, member) : undefined;
  if (streamId === undefined || !STREAM_ID.test(streamId)) {
    return wrong(
      '`stream_id` must be 1 to 256 characters of A-Z a-z 0-9 _ . - (leave it out for the default lane).',
    );
  }
  return { streamId };
}

/** A model or an id: undefined when absent or null; what it should be when it is something else. */
export function readName(
  bytes: Buffer,
  members: readonly Member[],
  key: string,
): string | undefined | { readonly wanted: string } {
  const member = memberOf(members, key);
  if (member === undefined || isNull(bytes, member)) return undefined;
  if (member.end - member.start > MAX_NAME_BYTES)
    return { wanted: `a string of ${MAX_NAME_BYTES} bytes at most` };
  return stringOf(bytes, member) ?? { wanted: 'a string' };
}

/** Undefined when absent or null; null (as a sign) when it is there and no boolean. */
function optionalBoolean(bytes: Buffer, members: readonly Member[], key: string): boolean | undefined | null {
  const member = memberOf(members, key);
  if (member === undefined || isNull(bytes, member)) return undefined;
  return booleanOf(bytes, member) ?? null;
}

/** The member, unless it is null. */
function presentMember(bytes: Buffer, members: readonly Member[], key: string): Member | undefined {
  const member = memberOf(members, key);
  return member === undefined || isNull(bytes, member) ? undefined : member;
}

function isNull(bytes: Buffer, member: Member): boolean {
  return member.end - member.start === 4 && bytes[member.start] === 0x6e; // "n": the walk let only null through
}

function isPrewarm(bytes: Buffer, members: readonly Member[]): boolean {
  const options = memberOf(members, 'prompt_cache_options');
  if (options === undefined) return false;
  const prewarm = memberOf(membersOf(bytes, options), 'prewarm');
  return prewarm !== undefined && booleanOf(bytes, prewarm) === true;
}

function readInput(bytes: Buffer, members: readonly Member[]): ResponseInput | undefined {
  const member = memberOf(members, 'input');
  if (member === undefined || isNull(bytes, member)) return { kind: 'items', bytes: NO_ITEMS };
  if (stringOf(bytes, member) !== undefined) {
    return { kind: 'text', bytes: bytes.subarray(member.start, member.end) };
  }
  const items = arrayItemsOf(bytes, member);
  return items === undefined ? undefined : { kind: 'items', bytes: items };
}
