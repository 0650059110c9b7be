/**
 * How fast a client takes what we send. A client that reads slowly pauses its provider; one that takes nothing
 * for long is let go. One per socket, for WebSocket connections and HTTP answers alike.
 */
import type { Socket } from 'node:net';
import type { Budget } from '../turn/budget.ts';

export interface FlowLimits {
  /** Unsent bytes at which the provider is paused (`--client-send-buffer`). */
  readonly maxUnsentBytes: number;
  /** How long a client may take no byte at all while some are waiting (`--client-stall-timeout`). */
  readonly maxStallMs: number;
}

export interface FlowListener {
  onPause(): void;
  /** @param pausedMs How long it was paused. */
  onResume(pausedMs: number): void;
  onStalled(): void;
}

/** While the process's budget is used up a single client may have this much waiting and no more. */
const MIN_UNSENT_BYTES = 64 * 1024;

export class Flow {
  readonly #socket: Socket;
  readonly #limits: FlowLimits;
  readonly #budget: Budget;
  readonly #listener: FlowListener;
  #countedBytes = 0;
  #pausedAt: number | undefined;
  #progress = { takenBytes: 0, kernelQueue: 0, at: performance.now() };
  readonly #onDrain = (): void => this.#drained();

  constructor(socket: Socket, limits: FlowLimits, budget: Budget, listener: FlowListener) {
    this.#socket = socket;
    this.#limits = limits;
    this.#budget = budget;
    this.#listener = listener;
    socket.on('drain', this.#onDrain);
  }

  get isPaused(): boolean {
    return this.#pausedAt !== undefined;
  }

  /** The kernel has no room for what we have: whether the client is still there shows in whether it takes any of it. */
  get isBehind(): boolean {
    return this.#socket.writableLength > 0;
  }

  /** Call after a batch of writes. */
  wrote(): void {
    const unsent = this.#socket.writableLength;
    if (unsent === this.#countedBytes) return;
    if (this.#countedBytes === 0) this.#noteProgress();
    this.#count(unsent);
    if (this.#pausedAt !== undefined) return;
    const limit = this.#budget.isExhausted ? MIN_UNSENT_BYTES : this.#limits.maxUnsentBytes;
    if (unsent <= limit) return;
    this.#pausedAt = performance.now();
    this.#listener.onPause();
  }

  /** Call now and then: notices a client that takes nothing. */
  beat(now: number): void {
    if (!this.isBehind) return;
    if (this.#hasProgressed()) this.#noteProgress();
    else if (now - this.#progress.at > this.#limits.maxStallMs) this.#listener.onStalled();
  }

  /** Gives back what was counted. May be called twice. */
  close(): void {
    this.#socket.off('drain', this.#onDrain);
    this.#count(0);
  }

  #drained(): void {
    this.#count(this.#socket.writableLength);
    this.#noteProgress();
    if (this.#pausedAt === undefined) return;
    const pausedMs = performance.now() - this.#pausedAt;
    this.#pausedAt = undefined;
    this.#listener.onResume(pausedMs);
  }

  #count(unsent: number): void {
    if (unsent > this.#countedBytes) this.#budget.add(unsent - this.#countedBytes);
    else this.#budget.give(this.#countedBytes - unsent);
    this.#countedBytes = unsent;
  }

  #hasProgressed(): boolean {
    return (
      this.#progress.takenBytes !== takenBytes(this.#socket) ||
      this.#progress.kernelQueue !== kernelQueue(this.#socket)
    );
  }

  #noteProgress(): void {
    this.#progress = {
      takenBytes: takenBytes(this.#socket),
      kernelQueue: kernelQueue(this.#socket),
      at: performance.now(),
    };
  }
}

/** Bytes of writes that are complete. One large write completes late: hence the second figure. */
function takenBytes(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}

/**
 * What libuv still has to hand to the kernel of the write under way. Node's own socket timeout looks at the
 * same figure (lib/net.js, `_onTimeout`); it is not public, so its absence means no more than a coarser view.
 * Under TLS the figure that moves is that of the handle below: TLS hands it everything at once.
 */
function kernelQueue(socket: Socket): number {
  const handle = (socket as Socket & { readonly _handle?: Handle | null })._handle;
  return (handle?._parent ?? handle)?.writeQueueSize ?? 0;
}

interface Handle {
  readonly writeQueueSize?: number;
  readonly _parent?: Handle;
}
