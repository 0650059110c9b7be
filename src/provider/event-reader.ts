/**
 * From the decoded bytes of an accepted answer to the events that a turn hears: an event stream as it comes, or a
 * whole JSON response at its end. What the provider's dialect needs mended is mended here, and what no client could
 * read stays here.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { renameDone } from '../events/done-alias.ts';
import { type EventType, eventTypeNamed, eventTypeOf } from '../events/event-type.ts';
import { withoutModelHeader } from '../events/model-header.ts';
import { PieceList } from '../events/piece-list.ts';
import { DialectRepair, KEEPALIVE } from '../events/repair.ts';
import { responseToEvents } from '../events/response-to-events.ts';
import { DEFAULT_MAX_EVENT_BYTES, SseScanner } from '../events/sse-scanner.ts';
import { HeldAnswer, UNLIMITED } from './held-answer.ts';
import type { CompiledProvider } from '../route/snapshot.ts';

/** Where events go. */
export type EventSink = (payload: Buffer, type: EventType) => void;

/**
 * Reads one accepted answer. Both calls say what is wrong with it, in the words of a fault; undefined = nothing. After
 * a complaint nothing more is told.
 */
export interface EventReader {
  push(chunk: Buffer): string | undefined;
  end(): string | undefined;
}

/** Passes events on, mended where that is needed. */
interface Mender {
  /** Says why not, where it cannot be. */
  mend(payload: Buffer, type: EventType): string | undefined;
  /** Bytes that it keeps of what has passed. */
  readonly keptBytes: number;
}

const RESPONSE_DONE = eventTypeNamed('response.done');
const RESPONSE_COMPLETED = eventTypeNamed('response.completed');

const NOT_UTF8 = 'sent an event that is not UTF-8';
const NO_ROOM =
  'sends what has to be held until it is whole, and this bridge holds as much of that as it may; try again, or have --answer-budget raised';
const TOO_MUCH = 'sent more output than one answer may have';
const UNWRITABLE = 'sent something that has to be mended but is nested too deeply for that';

/** Names a response that its provider left without an id. */
function newResponseId(): string {
  return `resp_${randomUUID().replaceAll('-', '')}`;
}

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
  const tell: EventSink = (payload, type) => {
    told += 1;
    // Deltas never carry headers, and there are hundreds of them for each other event.
    sink(type.role === 'output' ? payload : withoutModelHeader(payload), type);
  };
  const mender = dialect === 'Compatible' ? repairing(tell) : renaming(tell);
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

/** For providers that speak the API: only an alias of theirs has to be renamed. */
function renaming(tell: EventSink): Mender {
  return {
    keptBytes: 0,
    mend(payload, type) {
      if (type === RESPONSE_DONE) {
        tell(renameDone(payload), RESPONSE_COMPLETED);
      } else {
        tell(payload, type);
      }
      return undefined;
    },
  };
}

/** For providers that only resemble it. */
function repairing(tell: EventSink): Mender {
  const repair = new DialectRepair(newResponseId);
  return {
    get keptBytes() {
      return repair.keptBytes;
    },
    mend(payload, type) {
      const events = repair.push(payload, type);
      if (events === 'unwritable' || events === 'overflow') {
        return events === 'overflow' ? TOO_MUCH : UNWRITABLE;
      }
      for (const event of events) {
        tell(event.payload, event.type);
      }
      return undefined;
    },
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

const OPEN_BRACE = 0x7b;

/** Is the first byte that is no white space an opening brace? What follows is not looked at: that would cost a parse. */
function beginsObject(payload: Buffer): boolean {
  let at = 0;
  while (at < payload.length && isSpace(payload[at])) {
    at += 1;
  }
  return payload[at] === OPEN_BRACE;
}

/** JSON's white space (RFC 8259, 2). */
function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
