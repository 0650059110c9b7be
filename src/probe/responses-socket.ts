/**
 * The client's half of the WebSocket transport: opens a socket, sends frames, hears events. It reads what comes only
 * as fast as it is asked for events.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { readBody } from './http-request.ts';
import { type ProbeEvent, toProbeEvent, turnEndOf } from './probe-event.ts';
import { faultOfAbort, faultOfConnect, ProbeFault } from './probe-fault.ts';
import { toHeaders } from './turn-request.ts';

/** As Codex: one message of at most 64 MiB. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** Beyond this many unread events the socket is paused; TCP then slows the far side. */
const MAX_UNREAD_EVENTS = 256;
/** How long the far side may take to answer our close frame. */
const CLOSE_TIMEOUT_MS = 1000;

export interface SocketOptions {
  readonly url: URL;
  readonly key?: string | undefined;
  /** Ends the opening; afterwards each wait has its own. */
  readonly signal: AbortSignal;
}

/** What arrives: events, and in the end that it is closed, again and again. */
export type Received =
  | { readonly kind: 'event'; readonly event: ProbeEvent }
  /** 1006 = without a close frame. */
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string };

/**
 * Opens a socket. Its owner closes it.
 * @throws ProbeFault `connect_failed`, `refused`, `timeout`, `interrupted`
 */
export async function openResponsesSocket(options: SocketOptions): Promise<ResponsesSocket> {
  const startedAt = performance.now();
  const ws = new WebSocket(options.url, {
    headers: toHeaders(options.key),
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  });
  // Listening from the start: frames may come in the same read as the 101.
  const socket = new ResponsesSocket(ws, startedAt);
  await opened(ws, options);
  return socket;
}

function opened(ws: WebSocket, { url, signal }: SocketOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(faultOfAbort(signal, 'answer to the upgrade'));
      ws.terminate();
    };
    const settle = (then: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      then();
    };
    ws.on('open', () => settle(resolve));
    ws.on('error', (error: NodeJS.ErrnoException) => settle(() => reject(faultOfOpening(error, url))));
    ws.on('unexpected-response', (request, response: IncomingMessage) => {
      const { socket } = response;
      void readBody(response).then((body) => {
        const refusal = { status: response.statusCode ?? 0, headers: response.headers, body };
        settle(() =>
          reject(new ProbeFault('refused', `the upgrade was refused with ${refusal.status}`, { refusal })),
        );
        request.destroy();
        socket.destroy(); // the request let go of it when the answer was whole, and it would hold the process
      });
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** An answer that is neither a refusal nor an upgrade: `ws` says what is wrong with it, without a system's code. */
function faultOfOpening(error: NodeJS.ErrnoException, url: URL): ProbeFault {
  return error.code === undefined
    ? new ProbeFault('bad_answer', `the answer to the upgrade is not valid (${error.message})`)
    : faultOfConnect(error, url);
}

export class ResponsesSocket {
  /** From the first packet to the 101, in milliseconds. */
  openedInMs = 0;
  /** Headers of the 101. */
  headers: IncomingHttpHeaders = {};
  /** WebSocket pings that the far side sent so far. */
  pingsSeen = 0;
  readonly #ws: WebSocket;
  readonly #unread: ProbeEvent[] = [];
  #closed: { readonly kind: 'closed'; readonly code: number; readonly reason: string } | undefined;
  #wake: (() => void) | undefined;
  #error: Error | undefined;

  /** @param startedAt when the opening began, on the clock of `performance.now()` */
  constructor(ws: WebSocket, startedAt: number) {
    this.#ws = ws;
    ws.on('upgrade', (response: IncomingMessage) => {
      this.headers = response.headers;
      this.openedInMs = performance.now() - startedAt;
    });
    ws.on('message', (data: Buffer, isBinary: boolean) => this.#take(data, isBinary));
    ws.on('ping', () => (this.pingsSeen += 1));
    ws.on('pong', () => this.#wake?.());
    ws.on('error', (error) => (this.#error = error));
    ws.on('close', (code, reason) => {
      const text = reason.toString() || (this.#error?.message ?? '');
      this.#closed = { kind: 'closed', code, reason: text };
      this.#wake?.();
    });
  }

  /** The subprotocol that was selected; empty if none. */
  get protocol(): string {
    return this.#ws.protocol;
  }

  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN;
  }

  /** Sends one text frame. On a closed socket nothing is sent; the next wait tells. */
  send(text: string): void {
    if (this.isOpen) this.#ws.send(text);
  }

  /**
   * Waits for the next event, or for the close.
   * @throws ProbeFault `timeout`, `interrupted` when the signal ends
   */
  async receive(signal: AbortSignal): Promise<Received> {
    for (;;) {
      const event = this.#unread.shift();
      if (this.#ws.isPaused && this.#unread.length === 0) this.#ws.resume();
      if (event !== undefined) return { kind: 'event', event };
      if (this.#closed !== undefined) return this.#closed;
      // oxlint-disable-next-line no-await-in-loop -- one wait after the other is the point
      await this.#somethingHappens(signal, 'event');
    }
  }

  /**
   * Sends a frame and yields events until one ends the turn; that one is the last.
   * @throws ProbeFault `closed`, `timeout`, `interrupted`
   */
  async *turn(frame: Record<string, unknown>, signal: AbortSignal): AsyncGenerator<ProbeEvent, void> {
    this.send(JSON.stringify(frame));
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- a stream
      const received = await this.receive(signal);
      if (received.kind === 'closed') throw faultOfClose(received.code, received.reason);
      yield received.event;
      if (turnEndOf(received.event) !== undefined) return;
    }
  }

  /**
   * Sends a ping and waits for its pong.
   * @returns milliseconds
   * @throws ProbeFault `closed`, `timeout`, `interrupted`
   */
  async ping(signal: AbortSignal): Promise<number> {
    const startedAt = performance.now();
    let answered = false;
    this.#ws.once('pong', () => (answered = true));
    if (this.isOpen) this.#ws.ping();
    const hasAnswer = (): boolean => answered;
    while (!hasAnswer()) {
      if (this.#closed !== undefined) throw faultOfClose(this.#closed.code, this.#closed.reason);
      // oxlint-disable-next-line no-await-in-loop -- events may come before the pong
      await this.#somethingHappens(signal, 'pong');
    }
    return performance.now() - startedAt;
  }

  /** Closes with 1000 and waits for the answer, for a second at most. May be called twice. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ws.readyState === WebSocket.CLOSED) {
        resolve();
        return;
      }
      const timer = setTimeout(() => this.#ws.terminate(), CLOSE_TIMEOUT_MS);
      this.#ws.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#ws.resume(); // a paused socket would never read the answer
      this.#ws.close(1000);
    });
  }

  #take(data: Buffer, isBinary: boolean): void {
    const now = performance.now();
    this.#unread.push(
      isBinary
        ? { at: now, type: '(binary)', bytes: data.length, json: undefined }
        : toProbeEvent(data.toString(), now),
    );
    if (this.#unread.length >= MAX_UNREAD_EVENTS) this.#ws.pause();
    this.#wake?.();
  }

  #somethingHappens(signal: AbortSignal, waitedFor: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#wake = undefined;
        reject(faultOfAbort(signal, waitedFor));
      };
      if (signal.aborted) {
        onAbort();
        return;
      }
      signal.addEventListener('abort', onAbort, { once: true });
      this.#wake = () => {
        this.#wake = undefined;
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
    });
  }
}

function faultOfClose(code: number, reason: string): ProbeFault {
  const how = code === 1006 ? 'without a close frame' : `with ${code}`;
  const why = reason === '' ? '' : ` (${reason})`;
  return new ProbeFault('closed', `the connection was closed ${how}${why} before the turn ended`, {
    reason: String(code),
  });
}
