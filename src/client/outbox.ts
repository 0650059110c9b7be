/**
 * Sending text to one client. All messages that come out of one read of a provider's socket leave in one write: the
 * first one asks for a microtask, which runs when that read has been worked through. Measured, this is ten times
 * cheaper in bulk than a write for each.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { EventLatency } from '../events/event-latency.ts';
import type { EventType } from '../events/event-type.ts';
import type { ConnectionTools } from './connection-tools.ts';
import type { FrameCounts } from './facts.ts';
import type { Flow } from './flow.ts';
import { FrameBatch } from './frame-batch.ts';

export class Outbox {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #flow: Flow;
  readonly #counts: FrameCounts;
  readonly #latency: EventLatency;
  readonly #batch = new FrameBatch();
  #bytes = 0;
  #lastTextAt: number;
  readonly #flush = (): void => this.flush();

  constructor(
    ws: WebSocket,
    socket: Socket,
    flow: Flow,
    { counts, latency }: Pick<ConnectionTools, 'counts' | 'latency'>,
  ) {
    this.#latency = latency;
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
    if (this.#batch.isEmpty) queueMicrotask(this.#flush);
    this.#batch.add(payload);
    this.#bytes += payload.length;
    this.#counts.bytesOut += payload.length;
    this.#counts.outByType[type.index]!++;
  }

  /** Writes what waits now. Call before the close frame: no text may follow that. */
  flush(): void {
    if (this.#batch.isEmpty) return;
    if (this.#ws.readyState !== 1) return this.#batch.clear();
    this.#lastTextAt = performance.now();
    this.#batch.writeTo(this.#socket);
    this.#flow.wrote();
    this.#latency.wrote();
  }
}
