/**
 * The HTTP answers that each TCP connection still waits for. Requests may be pipelined: then several are there, and
 * only the first one's answer goes to the socket.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests on one connection without an answer. Real clients have one; the rest is bounded before it is admitted. */
const MAX_PIPELINED = 16;

export class AnswersDue {
  readonly #bySocket = new WeakMap<Socket, Set<ServerResponse>>();

  /**
   * Resolves when all answers before this one are written. Node would keep an answer that is written sooner in memory,
   * whole, where no backpressure reaches it. False: the connection is gone, and nothing is to be done.
   */
  async turnOf(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const { socket } = request;
    const due = this.#bySocket.get(socket) ?? new Set();
    this.#bySocket.set(socket, due.add(response));
    response.once('close', () => due.delete(response));
    if (response.socket !== null) return true;
    if (due.size > MAX_PIPELINED) {
      socket.destroy();
      return false;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once('socket', () => resolve());
    request.once('close', () => resolve()); // the answer of a connection that ends has no 'close' before its turn
    await promise;
    return response.socket !== null;
  }

  /**
   * Would words of ours land in or before somebody's answer? True when a whole request waits for its answer, or an
   * answer has begun.
   */
  isAnswering(socket: Socket): boolean {
    for (const { req, headersSent } of this.#bySocket.get(socket) ?? []) {
      if (req.complete || headersSent) return true;
    }
    return false;
  }
}
