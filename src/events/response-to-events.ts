/**
 * A provider that was asked for a stream may answer with the whole response as JSON. The client still hears a
 * stream: these are its events.
 */
import { type EventType, eventTypeNamed } from './event-type.ts';
import {
  hasTooManyPieces,
  isId,
  toCompleteResponse,
  toCreatedEvent,
  toItemEvents,
  withItemId,
} from './item-events.ts';
import { isJsonObject, type JsonObject, parseJsonObject } from '../json/json-object.ts';
import { terminalNameOf } from './terminal-name.ts';

/** An event ready to be sent: its bytes and its type. */
export interface MadeEvent {
  readonly payload: Buffer;
  readonly type: EventType;
}

/** Nested deeper than the stack allows, or too long for one string: reading JSON has no such limits, writing has. */
export type Unwritable = 'unwritable';

/** More items than may be told or remembered. */
export type Overflow = 'overflow';

/** What `write` returns, unless what it writes cannot be written. */
export function writing<T>(write: () => T): T | Unwritable {
  try {
    return write();
  } catch (error) {
    if (error instanceof RangeError) {
      return 'unwritable';
    }
    throw error;
  }
}

/**
 * The events of a JSON answer: `response.created`, those of each item, then the terminal event; numbered from 0.
 * A body with an `error` (an error under status 200) becomes one `error` event.
 *
 * @param body The whole body.
 * @param newResponseId Names a response that came without an id.
 * @returns undefined if the body is neither a finished response nor an error; 'unwritable' if it cannot be written
 *   as events, 'overflow' if it has more items than are told one by one.
 */
export function responseToEvents(
  body: Buffer,
  newResponseId: () => string,
): MadeEvent[] | Unwritable | Overflow | undefined {
  return writing(() => toEvents(body, newResponseId));
}

function toEvents(body: Buffer, newResponseId: () => string): MadeEvent[] | Overflow | undefined {
  const json = parseJsonObject(body);
  if (json === undefined) {
    return undefined;
  }
  if (json['object'] !== 'response' && !Array.isArray(json['output'])) {
    return json['error'] ? [make(toErrorEvent(json))] : undefined;
  }
  const status = json['status'] ?? 'completed';
  const terminal = terminalNameOf(status);
  if (terminal === undefined) {
    return undefined;
  }
  if (hasTooManyPieces(json['output'])) return 'overflow';
  const id = isId(json['id']) ? json['id'] : newResponseId();
  const response = toCompleteResponse({ ...json, id, status });
  const output = (response['output'] as unknown[]).filter(isJsonObject);
  response['output'] = output.map((item, index) => withItemId(item, id, index));
  const events = [
    toCreatedEvent(response),
    ...(response['output'] as JsonObject[]).flatMap((item, index) => toItemEvents(item, index)),
    { type: terminal, response },
  ];
  return makeAll(events);
}

/**
 * Most bytes of all events of one answer, which are written at once: a text stands in five of them, an image in three.
 * Twice what one event may have; honest answers have a few MiB.
 */
const MAX_TOLD_BYTES = 128 * 1024 * 1024;

function makeAll(events: readonly JsonObject[]): MadeEvent[] | Overflow {
  const made: MadeEvent[] = [];
  let bytes = 0;
  for (const [sequence, event] of events.entries()) {
    const next = make({ ...event, sequence_number: sequence });
    bytes += next.payload.length;
    if (bytes > MAX_TOLD_BYTES) return 'overflow';
    made.push(next);
  }
  return made;
}

/**
 * An `error` event from an error body, in the nested form that clients of sockets read. Codes that are numbers
 * (some gateways repeat the HTTP status there) become text, and the status if they are one; else it is 500, because
 * the strictest client ignores an error event without a status.
 */
export function toErrorEvent(body: JsonObject): JsonObject {
  const error = isJsonObject(body['error']) ? body['error'] : { message: body['error'] };
  const code = error['code'];
  const status = [body['status'], error['status'], code].find(isErrorStatus) ?? 500;
  return {
    type: 'error',
    status,
    error: {
      ...error,
      type: typeof error['type'] === 'string' ? error['type'] : 'server_error',
      code: typeof code === 'number' ? String(code) : (code ?? null),
      message: typeof error['message'] === 'string' ? error['message'] : 'The provider reported an error.',
      param: error['param'] ?? null,
    },
  };
}

/**
 * An event's bytes, with `type` first so that it is recognised quickly.
 *
 * @throws {RangeError} for an event that cannot be written; see {@link writing}.
 */
export function make(event: JsonObject): MadeEvent {
  const { type, ...rest } = event;
  return {
    payload: Buffer.from(JSON.stringify({ type, ...rest })),
    type: eventTypeNamed(String(type)),
  };
}

function isErrorStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 400 && value <= 599;
}
