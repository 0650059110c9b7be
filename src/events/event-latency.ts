/**
 * How long an event takes through the bridge: from the read that brought it to the write that sends it on. Looked at
 * once in so many reads, so that it costs a read a subtraction and no look at the clock.
 */

/** One read in so many: often enough for a percentile, too seldom to be felt. */
const SAMPLE_EVERY = 64;

export class EventLatency {
  readonly #observe: (seconds: number) => void;
  #untilNext = SAMPLE_EVERY;
  /** When the read under way began, if it is a sample; else 0. */
  #readAt = 0;
  readonly #over = (): void => void (this.#readAt = 0);

  constructor(observe: (seconds: number) => void) {
    this.#observe = observe;
  }

  /** A read of a provider's socket begins. */
  read(): void {
    if (--this.#untilNext > 0) return;
    this.#untilNext = SAMPLE_EVERY;
    this.#readAt = performance.now();
    // what it brings is written within its own callback: a later write is somebody else's
    setImmediate(this.#over);
  }

  /** What was read has been written to a client's socket. */
  wrote(): void {
    if (this.#readAt === 0) return;
    this.#observe((performance.now() - this.#readAt) / 1000);
    this.#readAt = 0;
  }
}
