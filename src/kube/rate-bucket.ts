/** A bucket of tokens that fills at an even rate. Time is an argument, of a monotonic clock, in milliseconds. */
export interface RateLimit {
  /** Tokens that a full bucket holds. */
  readonly burst: number;
  /** Tokens that come back each second. */
  readonly perSecond: number;
}

export class RateBucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #filledAt: number;

  /** Full at the beginning. */
  constructor(limit: RateLimit, now: number) {
    if (!(limit.burst >= 1) || !(limit.perSecond > 0)) {
      throw new RangeError('a rate limit needs a burst of at least 1 and a rate above 0');
    }
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#filledAt = now;
  }

  /** Takes a token if there is one. */
  take(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /**
   * Takes a token that may come later, and says in how many milliseconds it does: at most `maxWaitMs`. Nobody takes
   * one for that moment who was not promised it, so many callers are spread evenly.
   */
  reserve(now: number, maxWaitMs: number): number {
    this.#fill(now);
    const waitMs = Math.max(0, ((1 - this.#tokens) / this.#limit.perSecond) * 1000);
    // Beyond the bound no debt is made: it would only delay those who come after a storm has passed.
    if (waitMs >= maxWaitMs) return maxWaitMs;
    this.#tokens -= 1;
    return waitMs;
  }

  /** Whether it is as good as new: nobody would notice if it was forgotten. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#limit.burst;
  }

  #fill(now: number): void {
    const elapsedMs = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + (elapsedMs / 1000) * this.#limit.perSecond);
    this.#filledAt = Math.max(now, this.#filledAt);
  }
}
