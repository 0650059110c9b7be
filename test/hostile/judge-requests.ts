/** What must be true of whatever a client sends, with JSON.parse as the judge of what it means. */
import { equal, match, ok } from 'node:assert/strict';
import { parseClientFrame } from '../../src/frames/client-frame.ts';
import { translateMetadata } from '../../src/frames/client-metadata.ts';
import { toErrorFrame, type ErrorAnswer } from '../../src/frames/errors.ts';
import { parseCreateBody, type ResponseCreate } from '../../src/frames/response-create.ts';
import { injectFailedEvent, steerFailedEvent } from '../../src/frames/server-events.ts';
import { isJsonObject, parseJson, parseJsonObject, type JsonObject } from '../../src/json/json-object.ts';
import { findMember, MAX_MEMBERS, membersOf, walkObject, type Member } from '../../src/json/object-walk.ts';
import { toProviderBody } from '../../src/turn/provider-body.ts';
import { toProviderFrame } from '../../src/turn/provider-frame.ts';
import { inOrder, misleadsTheJudge } from './any-json.ts';

/** Where JSON.parse accepts, the walk sees the same members; where it refuses, so does the walk outside of values. */
export function judgeWalk(bytes: Buffer): void {
  const walk = walkObject(bytes);
  if (misleadsTheJudge(bytes)) return;
  const parsed = parseJson(bytes);
  if (!walk.ok) {
    if (isJsonObject(parsed)) judgeLimit(bytes, walk.expected);
    return;
  }
  const { members } = walk;
  const last = new Map(members.map((member) => [member.key, member]));
  if (isJsonObject(parsed)) {
    equal(inOrder([...last.keys()].toSorted()), inOrder(Object.keys(parsed).toSorted()));
    for (const [key, member] of last) {
      equal(JSON.stringify(valueIn(bytes, member)), JSON.stringify(parsed[key]));
    }
  } else {
    equal(parsed, undefined, 'the walk takes something else for an object');
    const broken = members.filter((member) => valueIn(bytes, member) === undefined);
    ok(broken.length > 0, 'the walk accepts what JSON.parse refuses outside of values');
    for (const { start } of broken) match(String.fromCharCode(bytes[start]!), /[{["]/);
  }
  for (const { key } of members) {
    equal(findMember(bytes, key)?.start, members.find((member) => member.key === key)?.start);
  }
}

/** The walk refuses valid objects for two reasons: a literal of more than 64 bytes, and too many members. */
function judgeLimit(bytes: Buffer, expected: string): void {
  const isLiteral = expected.startsWith('a value for') && /[-+0-9.eE]{65}/.test(bytes.toString('latin1'));
  ok(isLiteral || expected === `no more than ${MAX_MEMBERS} members`, `the walk wants ${expected}`);
}

function valueIn(bytes: Buffer, { start, end }: Member): unknown {
  return parseJson(bytes.subarray(start, end));
}

/** Any frame is read or refused, and what is read goes on as it came. */
export function judgeFrame(bytes: Buffer): void {
  const frame = parseClientFrame(bytes);
  switch (frame.kind) {
    case 'create':
      judgeProviderFrame(frame.create);
      return judgeProviderBody(frame.create, unwrapped(parseJsonObject(bytes)));
    case 'refused':
      return judgeRefusal(frame.error, frame.streamId);
    case 'steer':
      return ok(parseJsonObject(steerFailedEvent(frame.previousResponseId, frame.input)));
    case 'inject':
      return ok(parseJsonObject(injectFailedEvent(frame.responseId, frame.input)));
    case 'interrupt':
    case 'processed':
  }
}

/** The same for the body of `POST /responses`. */
export function judgeBody(bytes: Buffer): void {
  const parsed = parseCreateBody(bytes);
  if (parsed.ok) judgeProviderBody(parsed.create, parseJsonObject(bytes));
  else judgeRefusal(parsed.error);
}

/** A refusal has our own words and few of the client's. */
const MAX_REFUSAL_BYTES = 2048;

function judgeRefusal(error: ErrorAnswer, streamId?: string): void {
  const event = toErrorFrame(error, streamId);
  ok(event.length <= MAX_REFUSAL_BYTES, `a refusal of ${event.length} bytes`);
  equal(parseJsonObject(event)?.['status'], 400);
}

/** Without the envelope that the Realtime API has. */
function unwrapped(frame: JsonObject | undefined): JsonObject | undefined {
  const { response, ...outer } = frame ?? {};
  return isJsonObject(response) && !('model' in outer) && !('input' in outer)
    ? { ...outer, ...response }
    : frame;
}

/** Members that are for the bridge, not for the provider. */
const ENVELOPE: ReadonlySet<string> = new Set([
  'type',
  'stream_id',
  'event_id',
  'generate',
  'background',
  'stream',
]);

/** Where nothing has to be said otherwise a provider's WebSocket gets the very bytes; else one object all the same. */
function judgeProviderFrame(create: ResponseCreate): void {
  const same = {
    model: undefined,
    isWithoutLane: false,
    expanded: undefined,
    clientMetadata: undefined,
    saysNoStore: false,
  };
  const { views } = toProviderFrame(create, same);
  if (create.form === 'frame') ok(Buffer.concat(views).equals(create.bytes));
  const ownItems = create.input.kind === 'items' ? create.input.bytes : Buffer.alloc(0);
  const expanded = { earlierItems: [Buffer.from('{"earlier":1}')], ownItems, providerBase: 'resp_before' };
  const changed = toProviderFrame(create, { ...same, model: 'mapped', isWithoutLane: true, expanded });
  const members = membersOf(Buffer.concat(changed.views));
  ok(members.length > 0, 'the provider would get no object');
  equal(new Set(members.map(({ key }) => key)).size, members.length, 'the provider would get a member twice');
}

/**
 * What the provider gets is what the client said, but for what the bridge says of itself. Where the request is broken
 * inside of a value (`undefined` here), only that it can be written.
 */
function judgeProviderBody(create: ResponseCreate, request: JsonObject | undefined): void {
  const metadata = create.clientMetadata && translateMetadata(create.bytes, create.clientMetadata);
  for (const { name, value } of metadata?.headers ?? []) {
    match(name, /^[a-z0-9-]{1,64}$/);
    match(value, /^[\x20-\x7e]+$/);
  }
  const { views, bytes } = toProviderBody(create, {
    model: 'mapped',
    earlierItems: [Buffer.from('{"earlier":1}')],
    ownItems: create.input.kind === 'items' ? create.input.bytes : Buffer.alloc(0),
    previousResponseId: 'resp_before',
    clientMetadata: metadata?.body,
    saysNoStore: false,
  });
  const body = Buffer.concat(views);
  equal(body.length, bytes);
  const members = membersOf(body);
  ok(members.length > 0, 'the provider would get no object');
  equal(new Set(members.map(({ key }) => key)).size, members.length, 'the provider would get a member twice');
  if (request === undefined || misleadsTheJudge(create.bytes)) return;
  equal(create.model, request['model'] ?? undefined);
  equal(create.previousResponseId, request['previous_response_id'] ?? undefined);
  const { input } = request;
  const wanted = {
    ...Object.fromEntries(Object.entries(request).filter(([key]) => !ENVELOPE.has(key))),
    stream: true,
    model: 'mapped',
    previous_response_id: 'resp_before',
    input: [{ earlier: 1 }, ...(Array.isArray(input) ? (input as unknown[]) : [])],
    ...(metadata?.body && { client_metadata: parseJson(metadata.body) }),
  };
  equal(inOrder(parseJson(body)), inOrder(wanted));
}
