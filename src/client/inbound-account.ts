/**
 * The bytes that one connection has on their way in: frames that are being received, and requests that wait for their
 * turn. They count against the process's budget; the requests also against this connection's share of it.
 */
import type { Socket } from 'node:net';
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import type { Budget } from '../turn/budget.ts';
import { beyondInbound, INBOUND_IS_FULL } from './inbound-refusals.ts';

/** A control frame's header and mask. */
const CONTROL_FRAME_BYTES = 6;

/**
 * What each read from a socket costs beside its bytes while a message is collected (measured: 840, for a Buffer, its
 * memory's own books and its place in lists). Without it a message sent byte by byte would cost hundreds of times
 * what is counted.
 */
const READ_OVERHEAD_BYTES = 1024;

/** What a request costs beside its bytes while it waits (an estimate: its turn, its record, its place in lists). */
const REQUEST_OVERHEAD_BYTES = 3 * 1024;

/** While the process's budget is used up a client may still send this much: it is not the one who filled it. */
const MIN_PENDING_BYTES = 64 * 1024;

/**
 * How much of the process's budget the waiting requests of one connection may fill: with an eighth, one client that
 * fills its queue leaves room for seven others.
 */
const CONNECTION_SHARE = 1 / 8;

export class InboundAccount {
  readonly #budget: Budget;
  readonly #socket: Socket;
  readonly #maxFrameBytes: () => number;
  readonly #onExhausted: () => void;
  #pendingBytes = 0;
  #pendingReads = 0;
  #heldBytes = 0;
  readonly #onData = (chunk: Buffer): void => this.#received(chunk.length);

  /**
   * The WebSocket library collects a message before it hands it over, so its bytes are counted where they arrive, on
   * the socket: before the library hears of them, so that what completes a message is counted with it.
   * @param maxFrameBytes The largest message that is taken now: a connection may always hold one.
   */
  constructor(socket: Socket, budget: Budget, maxFrameBytes: () => number, onExhausted: () => void) {
    this.#socket = socket;
    this.#budget = budget;
    this.#maxFrameBytes = maxFrameBytes;
    this.#onExhausted = onExhausted;
    socket.prependListener('data', this.#onData);
  }

  /** A message is complete: its bytes are counted by whoever holds it from here on. */
  messageDone(): void {
    this.#pend(0, 0);
  }

  /** A ping or pong between (or within) messages. */
  controlFrame(payloadBytes: number): void {
    const left = Math.max(0, this.#pendingBytes - payloadBytes - CONTROL_FRAME_BYTES);
    this.#pend(left, left === 0 ? 0 : this.#pendingReads);
  }

  /** Counts a request that is kept until its turn has begun; or says why there is no room for it. */
  hold(requestBytes: number): ErrorAnswer | undefined {
    const bytes = requestBytes + REQUEST_OVERHEAD_BYTES;
    if (bytes > this.#budget.limitBytes) return beyondInbound(this.#budget.limitBytes);
    const shareBytes = Math.max(
      Math.floor(this.#budget.limitBytes * CONNECTION_SHARE),
      this.#maxFrameBytes(),
    );
    if (this.#heldBytes + bytes > shareBytes) {
      return refusal(
        'slow_down',
        `The requests that wait on this connection have ${this.#heldBytes} bytes, of ${shareBytes} that one connection may hold (a share of --inbound-budget); send this one again when one of them has begun.`,
      );
    }
    if (!this.#budget.take(bytes)) return INBOUND_IS_FULL;
    this.#heldBytes += bytes;
    return undefined;
  }

  /** A request is not kept any more. Whoever was allowed to hold it calls this, also after `close`. */
  letGo(requestBytes: number): void {
    const bytes = requestBytes + REQUEST_OVERHEAD_BYTES;
    this.#heldBytes -= bytes;
    this.#budget.give(bytes);
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
    this.#pend(0, 0);
  }

  #received(bytes: number): void {
    this.#pend(this.#pendingBytes + bytes, this.#pendingReads + 1);
    if (this.#budget.isExhausted && this.#countedBytes > MIN_PENDING_BYTES) this.#onExhausted();
  }

  /** What the message under way costs so far. */
  get #countedBytes(): number {
    return this.#pendingBytes + this.#pendingReads * READ_OVERHEAD_BYTES;
  }

  #pend(bytes: number, reads: number): void {
    const before = this.#countedBytes;
    this.#pendingBytes = bytes;
    this.#pendingReads = reads;
    const more = this.#countedBytes - before;
    if (more > 0) this.#budget.add(more);
    else this.#budget.give(-more);
  }
}
