/**
 * What a client has sent through a tunnel and its provider has not taken yet: counted, bounded by pausing the client,
 * and given up when the provider takes nothing for long. The counterpart of flow.ts, for the way in.
 */
import type { Tunnel } from '../provider/tunnel.ts';
import type { Budget } from '../turn/budget.ts';
import type { FlowLimits } from './flow.ts';

export interface BacklogListener {
  onFull(): void;
  /** It may send again. */
  onRoom(): void;
  onStalled(): void;
}

/** While the process's budget is used up a single tunnel may have this much waiting and no more. */
const MIN_WAITING_BYTES = 64 * 1024;

export class TunnelBacklog {
  readonly #tunnel: Pick<Tunnel, 'bufferedBytes'>;
  readonly #limits: FlowLimits;
  readonly #budget: Budget;
  readonly #listener: BacklogListener;
  #countedBytes = 0;
  #sentBytes = 0;
  #isFull = false;
  #isClosed = false;
  /** The most that the provider was seen to have taken, the least that waited since the client was paused, and when. */
  #progress = { takenBytes: 0, waitingBytes: 0, at: 0 };

  /** @param limits The same as towards a client, in bytes and in time. */
  constructor(
    tunnel: Pick<Tunnel, 'bufferedBytes'>,
    limits: FlowLimits,
    budget: Budget,
    listener: BacklogListener,
  ) {
    this.#tunnel = tunnel;
    this.#limits = limits;
    this.#budget = budget;
    this.#listener = listener;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** The kernel has no room for what we have. */
  get isBehind(): boolean {
    return this.#tunnel.bufferedBytes > 0;
  }

  /** Call after each message that was handed over. */
  wrote(bytes: number): void {
    if (this.#isClosed) return;
    if (this.#countedBytes === 0) this.#noteProgress(); // nothing waited: its time begins now
    this.#sentBytes += bytes;
    this.#count();
    const limit = this.#budget.isExhausted ? MIN_WAITING_BYTES : this.#limits.maxUnsentBytes;
    if (this.#isFull || this.#countedBytes <= limit) return;
    this.#isFull = true;
    this.#progress.waitingBytes = this.#countedBytes;
    this.#listener.onFull();
  }

  /** The tunnel says that little waits now. */
  drained(): void {
    if (this.#isClosed) return;
    this.#count();
    this.#noteProgress();
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#listener.onRoom();
  }

  /** Call now and then: notices a provider that takes nothing. */
  beat(now: number): void {
    if (this.#isClosed) return;
    this.#count();
    // pings fill it as well, and a tunnel tells of messages only
    if (this.#isFull && this.#countedBytes < MIN_WAITING_BYTES) return this.drained();
    if (this.#countedBytes === 0 || this.#hasProgressed()) this.#noteProgress(now);
    else if (now - this.#progress.at > this.#limits.maxStallMs) this.#listener.onStalled();
  }

  /** Gives back what was counted. May be called twice. */
  close(): void {
    this.#isClosed = true;
    this.#budget.give(this.#countedBytes);
    this.#countedBytes = 0;
  }

  #count(): void {
    const waiting = this.#tunnel.bufferedBytes;
    if (waiting > this.#countedBytes) this.#budget.add(waiting - this.#countedBytes);
    else this.#budget.give(this.#countedBytes - waiting);
    this.#countedBytes = waiting;
  }

  /** Headers of frames wait as well and are not among what was sent, so what was taken is rather told too low. */
  get #takenBytes(): number {
    return this.#sentBytes - this.#countedBytes;
  }

  #hasProgressed(): boolean {
    const { takenBytes, waitingBytes } = this.#progress;
    return this.#takenBytes > takenBytes || (this.#isFull && this.#countedBytes < waitingBytes);
  }

  #noteProgress(now = performance.now()): void {
    this.#progress = { takenBytes: this.#takenBytes, waitingBytes: this.#countedBytes, at: now };
  }
}
