/**
 * Writing text frames to one client. All frames that come out of one read of a provider's socket leave in one
 * write: the first frame corks the socket, a microtask (which runs when that read has been worked through)
 * uncorks it. Measured, this is ten times cheaper in bulk than a write per frame.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { EventType } from '../events/event-type.ts';
import type { FrameCounts } from './facts.ts';
import type { Flow } from './flow.ts';

const TEXT = { binary: false, fin: true, compress: false } as const;

export class Outbox {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #flow: Flow;
  readonly #counts: FrameCounts;
  #isCorked = false;
  #bytes = 0;
  #lastTextAt: number;
  readonly #flush = (): void => this.#uncork();

  constructor(ws: WebSocket, socket: Socket, flow: Flow, counts: FrameCounts) {
    this.#ws = ws;
    this.#socket = socket;
    this.#flow = flow;
    this.#counts = counts;
    this.#lastTextAt = performance.now();
  }

  /** Payload bytes sent so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the last text went out, for keep-alives. */
  get lastTextAt(): number {
    return this.#lastTextAt;
  }

  /** Sends one text message. Once the socket is closing it is dropped: nobody is there to read it. */
  send(payload: Buffer, type: EventType): void {
    if (this.#ws.readyState !== 1) return; // OPEN
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      queueMicrotask(this.#flush);
    }
    this.#bytes += payload.length;
    this.#counts.bytesOut += payload.length;
    this.#counts.outByType[type.index]!++;
    this.#ws.send(payload, TEXT);
  }

  #uncork(): void {
    this.#isCorked = false;
    this.#lastTextAt = performance.now();
    this.#socket.uncork();
    this.#flow.wrote();
  }
}
