/** Chance that a seed brings back. */
export class Random {
  #state: number;

  /** @param seed 32 bits of it count. Neighbouring seeds have nothing in common. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, not including, 1. The generator is mulberry32. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to, not including, `limit`; 0 for a limit of 0. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** True once in so many. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of a list that is not empty. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** Mostly small, now and then up to the limit: sizes that matter are at both ends. */
  size(limit: number): number {
    return this.below(2 ** this.below(Math.log2(limit) + 1)) + 1;
  }
}
