/**
 * Is the other end of a socket still there? Pings at an interval; two that stay unanswered say no. A half-open
 * connection, whose peer is gone without a word, is found in no other way while nothing is sent.
 */
import type { WebSocket } from 'ws';

const MAX_MISSED_PONGS = 2;

export class Liveness {
  readonly #ws: WebSocket;
  readonly #intervalMs: number;
  readonly #onRoundTrip: (ms: number) => void;
  #nextPingAt: number;
  #pingSentAt: number | undefined;
  #missed = 0;

  /** @param intervalMs 0: no pings. */
  constructor(ws: WebSocket, intervalMs: number, now: number, onRoundTrip: (ms: number) => void) {
    this.#ws = ws;
    this.#intervalMs = intervalMs;
    this.#onRoundTrip = onRoundTrip;
    this.#nextPingAt = now + intervalMs;
  }

  /** Sends a ping when one is due. False: the peer is gone. */
  beat(now: number): boolean {
    if (this.#intervalMs === 0 || now < this.#nextPingAt) return true;
    if (this.#pingSentAt !== undefined && ++this.#missed >= MAX_MISSED_PONGS) return false;
    this.#pingSentAt = now;
    this.#nextPingAt = now + this.#intervalMs;
    this.#ws.ping();
    return true;
  }

  ponged(now: number): void {
    if (this.#pingSentAt !== undefined) this.#onRoundTrip(now - this.#pingSentAt);
    this.#pingSentAt = undefined;
    this.#missed = 0;
  }
}
