/**
 * From the decoded bytes of an accepted answer to the events that a turn hears: an event stream as it comes, or a
 * whole JSON response at its end. What the provider's dialect needs mended is mended here.
 */
import { randomUUID } from 'node:crypto';
import { renameDone } from '../events/done-alias.ts';
import { type EventType, eventTypeNamed, eventTypeOf } from '../events/event-type.ts';
import { DialectRepair, KEEPALIVE } from '../events/repair.ts';
import { responseToEvents } from '../events/response-to-events.ts';
import { DEFAULT_MAX_EVENT_BYTES, SseScanner } from '../events/sse-scanner.ts';
import type { CompiledProvider } from '../route/snapshot.ts';

/** Where events go. */
export type EventSink = (payload: Buffer, type: EventType) => void;

/** Reads one accepted answer. Both calls say what is wrong with it, in the words of a fault; undefined = nothing. */
export interface EventReader {
  push(chunk: Buffer): string | undefined;
  end(): string | undefined;
}

const DONE_SENTINEL = Buffer.from('[DONE]');
const RESPONSE_DONE = eventTypeNamed('response.done');
const RESPONSE_COMPLETED = eventTypeNamed('response.completed');

/** Names a response that its provider left without an id. */
function newResponseId(): string {
  return `resp_${randomUUID().replaceAll('-', '')}`;
}

/** A reader of `text/event-stream`. */
export function openStreamReader(
  dialect: CompiledProvider['dialect'],
  sink: EventSink,
  maxEventBytes: number = DEFAULT_MAX_EVENT_BYTES,
): EventReader {
  const tooLarge = () => `sent an event above ${maxEventBytes} bytes`;
  if (dialect !== 'Compatible') {
    const scanner = new SseScanner((payload) => {
      const type = eventTypeOf(payload);
      if (type === RESPONSE_DONE) {
        sink(renameDone(payload), RESPONSE_COMPLETED);
      } else if (!isDoneSentinel(payload)) {
        sink(payload, type);
      }
    }, maxEventBytes);
    return {
      push: (chunk) => (scanner.push(chunk) === 'ok' ? undefined : tooLarge()),
      end: () => (scanner.end() === 'ok' ? undefined : tooLarge()),
    };
  }

  const repair = new DialectRepair(newResponseId);
  let delivered = 0;
  const scanner = new SseScanner((payload) => {
    for (const event of repair.push(payload, eventTypeOf(payload))) {
      delivered += 1;
      sink(event.payload, event.type);
    }
  }, maxEventBytes);
  return {
    push(chunk) {
      const eventsBefore = delivered;
      const commentsBefore = scanner.comments;
      if (scanner.push(chunk) !== 'ok') {
        return tooLarge();
      }
      if (delivered === eventsBefore && scanner.comments > commentsBefore) {
        // Comments are how these providers say that they still work: one sign of life for each read.
        sink(KEEPALIVE.payload, KEEPALIVE.type);
      }
      return undefined;
    },
    end: () => (scanner.end() === 'ok' ? undefined : tooLarge()),
  };
}

/** A reader of `application/json`: all events come at the end. */
export function openJsonReader(sink: EventSink, maxBytes: number = DEFAULT_MAX_EVENT_BYTES): EventReader {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    push(chunk) {
      chunks.push(chunk);
      bytes += chunk.length;
      return bytes > maxBytes ? `sent a JSON answer above ${maxBytes} bytes` : undefined;
    },
    end() {
      const events = responseToEvents(Buffer.concat(chunks, bytes), newResponseId);
      if (events === undefined) {
        return 'sent JSON that is neither a finished response nor an error';
      }
      for (const event of events) {
        sink(event.payload, event.type);
      }
      return undefined;
    },
  };
}

/** `[DONE]` ends streams of another API; here it says nothing that the terminal event has not said. */
function isDoneSentinel(payload: Buffer): boolean {
  return payload.length === DONE_SENTINEL.length && payload.equals(DONE_SENTINEL);
}
