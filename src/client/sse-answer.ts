/** A turn answered over HTTP as a stream. */
import type { ServerResponse } from 'node:http';
import { eventTypeOf, type EventType } from '../events/event-type.ts';
import { findTopLevelType } from '../events/top-level-type.ts';
import type { ErrorAnswer } from '../frames/errors.ts';
import { failedEvent, KEEPALIVE_EVENT } from '../frames/server-events.ts';
import type { TurnSink } from '../turn/turn-client.ts';
import { newId } from '../turn/turn-record.ts';
import { answerError } from './answer-error.ts';
import type { Flow } from './flow.ts';

const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // nginx would collect the stream otherwise
  'x-accel-buffering': 'no',
} as const;

const DATA = Buffer.from('\ndata: ');
const END = Buffer.from('\n\n');
/**
 * What is written into a quiet stream. A comment keeps proxies from closing it, and no client sees it. But Codex then
 * gives the stream up after its idle time: that ends with an event only, and it passes over one of this type (measured).
 */
const KEEPALIVES = {
  comment: Buffer.from(': keepalive\n\n'),
  event: Buffer.from(`event: keepalive\ndata: ${KEEPALIVE_EVENT.toString()}\n\n`),
} as const;

/** A turn's events as server-sent events. All that come out of one read leave in one write. */
export class SseAnswer implements TurnSink {
  readonly takesKeepalives = true;
  readonly #response: ServerResponse;
  readonly #flow: Flow;
  readonly #keepalive: Buffer;
  readonly #onAnswered: TurnSink['answered'];
  readonly #names = new Map<EventType, Buffer>();
  #headers: Readonly<Record<string, string>> = {};
  #isCorked = false;
  #lastWriteAt = performance.now();

  /**
   * @param keepalive In which form the stream is kept alive: an event is for Codex alone.
   * @param onAnswered Hears of the headers that a provider means for the client.
   */
  constructor(
    response: ServerResponse,
    flow: Flow,
    keepalive: keyof typeof KEEPALIVES,
    onAnswered?: TurnSink['answered'],
  ) {
    this.#response = response;
    this.#flow = flow;
    this.#keepalive = KEEPALIVES[keepalive];
    this.#onAnswered = onAnswered;
  }

  answered(headers: Readonly<Record<string, string>>): void {
    this.#headers = headers;
    this.#onAnswered?.(headers);
  }

  event(payload: Buffer, type: EventType): void {
    if (this.#response.destroyed) return;
    // a sign of life before the first event: the status is not known yet
    if (type.role === 'keepalive' && !this.#response.headersSent) return;
    if (!this.#response.headersSent) this.#response.writeHead(200, { ...this.#headers, ...SSE_HEADERS });
    this.#cork();
    this.#response.write(Buffer.concat([this.#nameLine(payload, type), DATA, inOneLine(payload), END]));
    if (isTerminal(type)) this.#response.end();
  }

  /** Once the stream has begun, the status is spent: the error becomes the ending of a response of our own. */
  refuse(answer: ErrorAnswer): void {
    if (this.#response.destroyed) return;
    if (!this.#response.headersSent) return answerError(this.#response, answer);
    const sketch = {
      id: newId('resp_tb'),
      model: '',
      createdAtS: 0,
      previousResponseId: undefined,
      output: [],
    };
    const event = failedEvent(sketch, 0, answer);
    this.event(event, eventTypeOf(event));
  }

  /** Writes a keep-alive when the stream was quiet for `quietMs`. */
  beat(now: number, quietMs: number): void {
    if (quietMs === 0 || !this.#response.headersSent || this.#response.writableEnded) return;
    if (now - this.#lastWriteAt < quietMs) return;
    this.#cork();
    this.#response.write(this.#keepalive);
  }

  /** The socket, not the response: a response that ends while it is corked loses what waits (Node 24). */
  #cork(): void {
    const { socket } = this.#response;
    if (this.#isCorked || socket === null) return;
    this.#isCorked = true;
    socket.cork();
    queueMicrotask(() => {
      this.#isCorked = false;
      this.#lastWriteAt = performance.now();
      socket.uncork();
      this.#flow.wrote();
    });
  }

  #nameLine(payload: Buffer, type: EventType): Buffer {
    if (type.index === 0) return Buffer.from(`event: ${nameOf(payload)}`);
    let line = this.#names.get(type);
    if (line === undefined) this.#names.set(type, (line = Buffer.from(`event: ${type.name}`)));
    return line;
  }
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

/**
 * A payload whose provider sent it in several lines: each further one would need a `data:` of its own here, and what had
 * none could pass for a field or another event. Within JSON a line break is white space, as good as any other.
 */
function inOneLine(payload: Buffer): Buffer {
  if (!payload.includes(LF) && !payload.includes(CR)) return payload;
  return Buffer.from(payload.map((byte) => (byte === LF || byte === CR ? SPACE : byte)));
}

/** Does the response end with it? */
export function isTerminal(type: EventType): boolean {
  return type.role === 'completed' || type.role === 'incomplete' || type.role === 'failed';
}

/** The name of an event that the catalogue does not have. */
function nameOf(payload: Buffer): string {
  const text = findTopLevelType(payload)?.name ?? '';
  return /^[\w.:-]{1,128}$/.test(text) ? text : 'message';
}
