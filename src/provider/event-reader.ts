/**
 * From the decoded bytes of an accepted answer to the events that a turn hears: an event stream as it comes, or a
 * whole JSON response at its end. What no client could read stays here.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { eventTypeOf } from '../events/event-type.ts';
import { withoutModelHeader } from '../events/model-header.ts';
import { PieceList } from '../events/piece-list.ts';
import { KEEPALIVE } from '../events/repair.ts';
import { responseToEvents } from '../events/response-to-events.ts';
import { DEFAULT_MAX_EVENT_BYTES, SseScanner } from '../events/sse-scanner.ts';
import {
  beginsObject,
  type EventSink,
  newResponseId,
  openMender,
  TOO_MUCH,
  UNWRITABLE,
} from './event-mender.ts';
import { HeldAnswer, UNLIMITED } from './held-answer.ts';
import type { CompiledProvider } from '../route/snapshot.ts';

/**
 * Reads one accepted answer. Both calls say what is wrong with it, in the words of a fault; undefined = nothing. After
 * a complaint nothing more is told.
 */
export interface EventReader {
  push(chunk: Buffer): string | undefined;
  end(): string | undefined;
}

export const NOT_UTF8 = 'sent an event that is not UTF-8';
export const NO_ROOM =
  'sends what has to be held until it is whole, and this bridge holds as much of that as it may; try again, or have --answer-budget raised';

/**
 * A reader of `text/event-stream`, or of `application/json`.
 *
 * @param maxEventBytes Limit for one event, or for the whole JSON.
 * @param held Hears what the reader keeps; its owner closes it.
 */
export function openReader(
  kind: 'stream' | 'json',
  dialect: CompiledProvider['dialect'],
  sink: EventSink,
  maxEventBytes: number = DEFAULT_MAX_EVENT_BYTES,
  held: HeldAnswer = new HeldAnswer(UNLIMITED),
): EventReader {
  return kind === 'stream'
    ? openStreamReader(dialect, sink, maxEventBytes, held)
    : openJsonReader(sink, maxEventBytes, held);
}

/**
 * An event that is no JSON object is dropped (`[DONE]` is one); so are comments. A read that brought nothing but such
 * is told as one keep-alive: it says that the provider still works.
 */
function openStreamReader(
  dialect: CompiledProvider['dialect'],
  sink: EventSink,
  maxEventBytes: number,
  held: HeldAnswer,
): EventReader {
  let seen = 0;
  let told = 0;
  let complaint: string | undefined;
  /** Nothing but ASCII in this read and in what is kept of those before: one look instead of one for each event. */
  let isPlain = true;
  const mender = openMender(dialect, (payload, type) => {
    told += 1;
    sink(payload, type);
  });
  const scanner = new SseScanner((payload) => {
    seen += 1;
    if (complaint !== undefined || !beginsObject(payload)) {
      return;
    }
    // As a text frame it would cost the client its connection, and all other lanes with it (RFC 6455, 8.1).
    complaint = isPlain || isUtf8(payload) ? mender.mend(payload, eventTypeOf(payload)) : NOT_UTF8;
  }, maxEventBytes);
  const judge = (result: 'ok' | 'overflow') => {
    complaint ??= result === 'ok' ? undefined : `sent an event above ${maxEventBytes} bytes`;
    return complaint;
  };
  return {
    push(chunk) {
      const toldBefore = told;
      const signsBefore = seen + scanner.comments;
      isPlain = (isPlain || scanner.keptBytes === 0) && isAscii(chunk);
      judge(scanner.push(chunk));
      if (!held.keeps(scanner.keptBytes + mender.keptBytes)) complaint ??= NO_ROOM;
      if (complaint === undefined && told === toldBefore && seen + scanner.comments > signsBefore) {
        sink(KEEPALIVE.payload, KEEPALIVE.type);
      }
      return complaint;
    },
    end: () => judge(scanner.end()),
  };
}

/** A reader of `application/json`: all events come at the end. */
function openJsonReader(sink: EventSink, maxBytes: number, held: HeldAnswer): EventReader {
  const body = new PieceList();
  return {
    push(chunk) {
      body.add(chunk);
      if (!held.keeps(body.bytes)) return NO_ROOM;
      return body.bytes > maxBytes ? `sent a JSON answer above ${maxBytes} bytes` : undefined;
    },
    end() {
      const events = responseToEvents(body.take(), newResponseId);
      if (events === undefined) {
        return 'sent JSON that is neither a finished response nor an error';
      }
      if (events === 'unwritable' || events === 'overflow') {
        return events === 'overflow' ? TOO_MUCH : UNWRITABLE;
      }
      for (const event of events) {
        sink(withoutModelHeader(event.payload), event.type);
      }
      return undefined;
    },
  };
}
