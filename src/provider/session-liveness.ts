/**
 * Finds HTTP/2 connections that died without a word: a peer that lost its power, a balancer that forgot us. Over
 * HTTP/1.1 the first turn that meets such a connection ends it when its own time is over. Over HTTP/2 that turn ends
 * its stream alone, and every later turn would be sent the same dead way until TCP gives up, after a quarter of an hour.
 */
import type { Socket } from 'node:net';

/**
 * 10 s between two pings, which undici sends: a dead connection is found after 30 to 40 s, in time for turns that
 * may wait for 300 s; and one frame of 17 bytes keeps balancers from forgetting the connection in the first place.
 */
export const SESSION_PING_MS = 10_000;

/** One or two may be pauses of ours, in which nothing was read; the third in a row is the connection's own. */
const MAX_SILENT_INTERVALS = 2;

/** Ends a connection whose peer answers no pings. */
class SessionDead extends Error {
  readonly code = 'ETIMEDOUT';

  constructor() {
    super('the connection answers no HTTP/2 pings');
    this.name = 'SessionDead';
  }
}

/**
 * Ends the socket of an HTTP/2 session once not a byte has come from it for three whole intervals, in each of which a
 * ping was sent. Its own way out is the socket's end.
 *
 * @param pingMs The interval of the session's pings.
 */
export function watchSession(socket: Socket, pingMs: number): void {
  let bytesRead = socket.bytesRead;
  let silentIntervals = 0;
  const timer = setInterval(() => {
    silentIntervals = socket.bytesRead === bytesRead ? silentIntervals + 1 : 0;
    bytesRead = socket.bytesRead;
    if (silentIntervals > MAX_SILENT_INTERVALS) socket.destroy(new SessionDead());
  }, pingMs);
  timer.unref(); // an idle connection keeps no process alive
  socket.once('close', () => clearInterval(timer));
}
