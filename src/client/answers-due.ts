/**
 * The HTTP answers that each TCP connection still waits for, and how a process that leaves parts from its connections.
 * Requests may be pipelined: then several are there, and only the first one's answer goes to the socket.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests on one connection without an answer. Real clients have one; the rest is bounded before it is admitted. */
const MAX_PIPELINED = 16;
/**
 * How long a connection that was promised to be kept stays when the process parts from it: a client that has its next
 * request at hand sends it within a round trip, and a FIN in that very moment would lose it.
 */
const PARTING_MS = 1_000;

/**
 * `leaving`: every answer from now on says `Connection: close`. One that began before has promised the opposite, so its
 * connection takes one more request. `parting`: nor does such a connection stay longer than `partingMs` without one.
 */
type Stage = 'keeping' | 'leaving' | 'parting';

/** `gone`: nothing is to be done. `first` of its connection, or the `next`: that one was told that it could come. */
export type RequestOrder = 'gone' | 'first' | 'next';

export class AnswersDue {
  readonly #bySocket = new Map<Socket, Set<ServerResponse>>();
  /** Connections that may send one more request, and until when. */
  readonly #parting = new Map<Socket, NodeJS.Timeout>();
  readonly #onParted: () => void;
  readonly #partingMs: number;
  #stage: Stage = 'keeping';

  /**
   * @param onParted A connection of `parting` is over.
   * @param partingMs See `ConnectionSettings`.
   */
  constructor(onParted: () => void, partingMs: number = PARTING_MS) {
    this.#onParted = onParted;
    this.#partingMs = partingMs;
  }

  /** Connections that may send one more request before they are closed; 0 but for the end of a drain. */
  get parting(): number {
    return this.#parting.size;
  }

  /**
   * Resolves when all answers before this one are written. Node would keep an answer that is written sooner in memory,
   * whole, where no backpressure reaches it.
   */
  async turnOf(request: IncomingMessage, response: ServerResponse): Promise<RequestOrder> {
    const { socket } = request;
    // after our FIN no answer could follow, so nothing is done, and the client has to learn that (RFC 9112 9.6)
    if (socket.writableEnded || socket.destroyed) {
      socket.destroy();
      return 'gone';
    }
    const order = this.#bySocket.has(socket) ? 'next' : 'first';
    const due = this.#dueOn(socket).add(response);
    this.#stay(socket);
    if (this.#stage !== 'keeping') response.shouldKeepAlive = false;
    response.once('close', () => {
      due.delete(response);
      if (this.#stage === 'parting' && due.size === 0) this.#part(socket);
    });
    if (response.socket !== null) return order;
    if (due.size > MAX_PIPELINED) {
      socket.destroy();
      return 'gone';
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once('socket', () => resolve());
    request.once('close', () => resolve()); // the answer of a connection that ends has no 'close' before its turn
    await promise;
    return response.socket === null ? 'gone' : order;
  }

  /** From now on answers end their connections: the client goes elsewhere with the next request. */
  leave(): void {
    if (this.#stage !== 'keeping') return;
    this.#stage = 'leaving';
    for (const due of this.#bySocket.values()) {
      for (const response of due) if (!response.headersSent) response.shouldKeepAlive = false;
    }
  }

  /** From now on connections whose last answer promised to keep them are closed soon after it. */
  part(): void {
    this.leave();
    this.#stage = 'parting';
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

  #dueOn(socket: Socket): Set<ServerResponse> {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    const due = new Set<ServerResponse>();
    this.#bySocket.set(socket, due);
    socket.once('close', () => {
      this.#bySocket.delete(socket);
      if (this.#stay(socket)) this.#onParted();
    });
    return due;
  }

  #part(socket: Socket): void {
    if (socket.writableEnded || socket.destroyed) return; // the answer said so itself
    const timer = setTimeout(() => {
      this.#parting.delete(socket);
      socket.end();
      this.#onParted();
    }, this.#partingMs);
    this.#parting.set(socket, timer);
  }

  /** @returns whether it was about to go. */
  #stay(socket: Socket): boolean {
    clearTimeout(this.#parting.get(socket));
    return this.#parting.delete(socket);
  }
}
