/**
 * Is the other end of a socket still there? Pings at an interval; two after which nothing at all came say no. A
 * half-open connection, whose peer is gone without a word, is found in no other way while nothing is sent.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

const MAX_MISSED_PONGS = 2;

export class Liveness {
  readonly #ws: Pick<WebSocket, 'ping'>;
  readonly #socket: Pick<Socket, 'bytesRead'>;
  readonly #intervalMs: number;
  readonly #onRoundTrip: (ms: number) => void;
  #nextPingAt: number;
  #pingSentAt: number | undefined;
  #bytesReadAtPing = 0;
  #missed = 0;

  /** @param intervalMs 0: no pings. */
  constructor(
    ws: Pick<WebSocket, 'ping'>,
    socket: Pick<Socket, 'bytesRead'>,
    intervalMs: number,
    now: number,
    onRoundTrip: (ms: number) => void,
  ) {
    this.#ws = ws;
    this.#socket = socket;
    this.#intervalMs = intervalMs;
    this.#onRoundTrip = onRoundTrip;
    this.#nextPingAt = now + intervalMs;
  }

  /** Sends a ping when one is due. False: the peer is gone. */
  beat(now: number): boolean {
    if (this.#intervalMs === 0 || now < this.#nextPingAt) return true;
    const { bytesRead } = this.#socket;
    // a pong has to wait until the frame before it is through, which may be a large one: any byte is a sign of life
    const isMissed = this.#pingSentAt !== undefined && bytesRead === this.#bytesReadAtPing;
    this.#missed = isMissed ? this.#missed + 1 : 0;
    if (this.#missed >= MAX_MISSED_PONGS) return false;
    this.#pingSentAt = now;
    this.#bytesReadAtPing = bytesRead;
    this.#nextPingAt = now + this.#intervalMs;
    this.#ws.ping();
    return true;
  }

  /**
   * Instead of a beat, while the peer is behind with reading: a ping would stand behind what it has not taken yet, and
   * its pong might not be read. The interval begins again.
   */
  hold(now: number): void {
    this.#pingSentAt = undefined;
    this.#missed = 0;
    this.#nextPingAt = now + this.#intervalMs;
  }

  ponged(now: number): void {
    if (this.#pingSentAt !== undefined) this.#onRoundTrip(now - this.#pingSentAt);
    this.#pingSentAt = undefined;
    this.#missed = 0;
  }
}
