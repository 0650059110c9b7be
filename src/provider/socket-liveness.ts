/**
 * Is a provider still at the other end of its WebSocket? Nobody sends anything on an idle one, so that a peer that is
 * gone without a word would be noticed by the next turn, after minutes.
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { unsentBytes } from './unsent-bytes.ts';

/** One may be a pause of ours or of theirs: some providers answer pings late while they write. */
const MAX_MISSED_PINGS = 2;

/**
 * Watches one socket. Any byte that comes is a sign of life; so is one that is taken of a message under way, behind which
 * our pings wait.
 */
export class SocketLiveness {
  readonly #ws: Pick<WebSocket, 'ping' | 'isPaused'>;
  readonly #socket: Socket;
  readonly #intervalMs: number;
  #nextAt: number;
  #bytesRead = 0;
  #bytesTaken = 0;
  #missed = 0;
  #isAsked = false;

  constructor(ws: Pick<WebSocket, 'ping' | 'isPaused'>, socket: Socket, intervalMs: number, now: number) {
    this.#ws = ws;
    this.#socket = socket;
    this.#intervalMs = intervalMs;
    this.#nextAt = now + intervalMs;
  }

  /** Sends a ping when one is due. False: two in a row had no answer. */
  beat(now: number): boolean {
    if (now < this.#nextAt) return true;
    this.#nextAt = now + this.#intervalMs;
    if (this.#ws.isPaused) {
      // what is not read says nothing
      this.#isAsked = false;
      this.#missed = 0;
      return true;
    }
    const { bytesRead, bytesWritten } = this.#socket;
    const unsent = unsentBytes(this.#socket);
    const bytesTaken = bytesWritten - unsent;
    // of nothing but our pings the kernel takes everything, whoever is at the other end
    const isUploading = unsent > 0 && bytesTaken > this.#bytesTaken;
    const isSilent = this.#isAsked && bytesRead === this.#bytesRead && !isUploading;
    this.#missed = isSilent ? this.#missed + 1 : 0;
    if (this.#missed >= MAX_MISSED_PINGS) return false;
    this.#bytesRead = bytesRead;
    this.#bytesTaken = bytesTaken;
    this.#isAsked = true;
    this.#ws.ping();
    return true;
  }
}
