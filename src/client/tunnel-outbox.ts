/** What a tunnel sends to its client: whole messages, pings and pongs of the provider's. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { TunnelRecord } from './facts.ts';
import type { Flow } from './flow.ts';

export class TunnelOutbox {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #flow: Flow;
  readonly #record: TunnelRecord;
  #isCorked = false;
  readonly #flush = (): void => this.flush();

  constructor(ws: WebSocket, socket: Socket, flow: Flow, record: TunnelRecord) {
    this.#ws = ws;
    this.#socket = socket;
    this.#flow = flow;
    this.#record = record;
  }

  /** False where nobody is there to read it: the client's side is closing. */
  message(data: Buffer, isBinary: boolean): boolean {
    if (!this.#begin()) return false;
    this.#record.framesOut++;
    this.#record.bytesOut += data.length;
    this.#ws.send(data, { binary: isBinary, compress: false });
    return true;
  }

  ping(data: Buffer): void {
    if (this.#begin()) this.#ws.ping(data);
  }

  pong(data: Buffer): void {
    if (this.#begin()) this.#ws.pong(data);
  }

  /** Writes what waits now. Call before the close frame. */
  flush(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
    this.#flow.wrote();
  }

  /** What one read of the provider's brings leaves in one write. */
  #begin(): boolean {
    if (this.#ws.readyState !== this.#ws.OPEN) return false;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      queueMicrotask(this.#flush);
    }
    return true;
  }
}
