/**
 * The bytes of frames that are being received, against the process's budget. The WebSocket library collects a
 * message before it hands it over, so they are counted where they arrive: on the socket.
 */
import type { Socket } from 'node:net';
import type { Budget } from '../turn/budget.ts';

/** A control frame's header and mask. */
const CONTROL_FRAME_BYTES = 6;

/** While the process's budget is used up a client may still send this much: it is not the one who filled it. */
const MIN_PENDING_BYTES = 64 * 1024;

export class InboundAccount {
  readonly #budget: Budget;
  readonly #socket: Socket;
  readonly #onExhausted: () => void;
  #pendingBytes = 0;
  readonly #onData = (chunk: Buffer): void => this.#received(chunk.length);

  /** Counts before the library does, so that what completes a message is counted with it. */
  constructor(socket: Socket, budget: Budget, onExhausted: () => void) {
    this.#socket = socket;
    this.#budget = budget;
    this.#onExhausted = onExhausted;
    socket.prependListener('data', this.#onData);
  }

  /** A message is complete: its bytes are counted by whoever holds it from here on. */
  messageDone(): void {
    this.#give(this.#pendingBytes);
  }

  /** A ping or pong between (or within) messages. */
  controlFrame(payloadBytes: number): void {
    this.#give(Math.min(this.#pendingBytes, payloadBytes + CONTROL_FRAME_BYTES));
  }

  /**
   * Nothing that comes from now on is kept, by the library either (it does the same with a peer that breaks the
   * protocol), so nothing is counted any more. What was held stays counted until `close`.
   */
  discard(): void {
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
  }

  /** May be called twice. */
  close(): void {
    this.#socket.off('data', this.#onData);
    this.#give(this.#pendingBytes);
  }

  #received(bytes: number): void {
    this.#pendingBytes += bytes;
    this.#budget.add(bytes);
    if (this.#budget.isExhausted && this.#pendingBytes > MIN_PENDING_BYTES) this.#onExhausted();
  }

  #give(bytes: number): void {
    this.#pendingBytes -= bytes;
    this.#budget.give(bytes);
  }
}
