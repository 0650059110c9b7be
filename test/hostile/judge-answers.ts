/** What must be true of whatever a provider sends, as far as it can be said of each reader by itself. */
import { equal, deepEqual, ok } from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { renameDone } from '../../src/events/done-alias.ts';
import { eventTypeNamed, eventTypeOf } from '../../src/events/event-type.ts';
import { withoutModelHeader } from '../../src/events/model-header.ts';
import { DialectRepair } from '../../src/events/repair.ts';
import { responseToEvents, type MadeEvent } from '../../src/events/response-to-events.ts';
import { SseScanner } from '../../src/events/sse-scanner.ts';
import { toErrorFrame } from '../../src/frames/errors.ts';
import { toErrorAnswer } from '../../src/frames/provider-refusal.ts';
import { toFailedError } from '../../src/frames/retry-signals.ts';
import { isJsonObject, parseJson, parseJsonObject } from '../../src/json/json-object.ts';
import { walkObject } from '../../src/json/object-walk.ts';
import { judgedPayloads, judgedUnendedPayload } from '../harness/event-streams.ts';
import { inOrder, misleadsTheJudge } from './any-json.ts';

/** The scanner finds what an outside judge finds, however the stream is cut. */
export function judgeStream(pieces: readonly Buffer[]): void {
  const found: string[] = [];
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const scanner = new SseScanner((payload) => found.push(decoder.decode(payload)));
  for (const piece of pieces) equal(scanner.push(piece), 'ok');
  const stream = Buffer.concat(pieces);
  deepEqual(found, judgedPayloads(stream));
  const last = judgedUnendedPayload(stream);
  const isWhole = last !== undefined && isJsonObject(parseJson(Buffer.from(last)));
  equal(scanner.end(), 'ok');
  deepEqual(found.slice(judgedPayloads(stream).length), isWhole ? [last] : []);
}

/** One event: its type, and the two changes that are made to the bytes of any. */
export function judgeEvent(payload: Buffer): void {
  const type = eventTypeOf(payload);
  const renamed = renameDone(payload);
  const stripped = withoutModelHeader(payload);
  const event = parseJsonObject(payload);
  if (event === undefined || misleadsTheJudge(payload)) return;
  if (isAmbiguous(payload)) return;
  const name = event['type'];
  equal(type, eventTypeNamed(typeof name === 'string' ? name : ''));
  const wanted = name === 'response.done' ? { ...event, type: 'response.completed' } : event;
  equal(inOrder(parseJsonObject(renamed)), inOrder(wanted));
  ok(parseJsonObject(stripped), 'an event without its model header is no object any more');
}

/** With a key that is given twice, everybody takes the one they like; a walk that ends early saw one of them. */
function isAmbiguous(payload: Buffer): boolean {
  const walk = walkObject(payload);
  return !walk.ok || new Set(walk.members.map(({ key }) => key)).size !== walk.members.length;
}

/** A stream of events, mended: nothing is thrown, all that comes out is an event, and it ends once. */
export function judgeRepair(payloads: readonly Buffer[]): void {
  const repair = new DialectRepair(() => 'resp_new');
  const told: MadeEvent[] = [];
  for (const payload of payloads) {
    if (!isUtf8(payload)) continue; // such an event does not come so far
    if (isAmbiguous(payload)) continue;
    const events = repair.push(payload, eventTypeOf(payload));
    if (typeof events === 'string') break;
    told.push(...events);
  }
  judgeEvents(told);
}

/** A whole answer in JSON. */
export function judgeJsonAnswer(body: Buffer): void {
  const events = responseToEvents(body, () => 'resp_new');
  if (Array.isArray(events)) {
    ok(events.length > 0);
    judgeEvents(events);
  }
}

const TERMINAL_ROLES: ReadonlySet<string> = new Set(['completed', 'incomplete', 'failed']);

function judgeEvents(events: readonly MadeEvent[]): void {
  let sequence = -1;
  for (const [n, { payload, type }] of events.entries()) {
    const event = parseJsonObject(payload);
    ok(typeof event?.['type'] === 'string', `no event: ${payload.toString()}`);
    equal(type, eventTypeNamed(event['type']));
    if (TERMINAL_ROLES.has(type.role)) {
      equal(n, events.length - 1, 'something follows the end');
      ok(isJsonObject(event['response']), 'an end without its response');
    }
    const own = event['sequence_number'];
    if (type.role === 'error' || own === undefined) continue;
    ok(typeof own === 'number' && own > sequence, `a sequence number that does not grow after ${sequence}`);
    sequence = own;
  }
}

/** What comes instead of an answer, from whom, and with which headers. */
export interface Refusal {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
}

/** A refusal of a provider is an error that clients can read, with a delay that they can wait for. */
export function judgeRefusal({ status, retryAfter, body }: Refusal): void {
  const answer = toErrorAnswer({
    status,
    headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
    body: parseJson(body),
    ownKey: false,
    provider: 'p',
  });
  const event = parseJsonObject(toErrorFrame(answer));
  const error = event?.['error'];
  ok(isJsonObject(error) && typeof error['type'] === 'string' && typeof error['message'] === 'string');
  ok(error['code'] === null || typeof error['code'] === 'string');
  ok(Number.isInteger(event?.['status']) && answer.status >= 400 && answer.status < 600);
  const delay = answer.headers['retry-after'];
  const isDelay = delay === undefined || (Number(delay) >= 1 && Number(delay) <= 3600);
  ok(isDelay || delay === retryAfter, `retry-after: ${String(delay)}`);
  const failed = toFailedError(answer);
  ok(typeof failed.code === 'string' && typeof failed.message === 'string');
}
