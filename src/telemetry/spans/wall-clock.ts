/**
 * From the process's monotonic milliseconds to the time of day. The two drift apart in a process that lives for weeks;
 * within a trace they must not jump, so each trace keeps the {@link WallTime} it began with.
 */

/** The time of day as it was understood at one moment. */
export interface WallTime {
  /** @returns milliseconds since 1970, with their fraction */
  at(monotonicMs: number): number;
}

/** Below this the steadier clock is the better one: `Date.now` has whole milliseconds. */
const MAX_DRIFT_MS = 5;

export class WallClock {
  #offset: number;
  #time: WallTime;
  readonly #monotonic: () => number;
  readonly #wall: () => number;

  constructor(
    monotonic: () => number = () => performance.now(),
    wall: () => number = () => Date.now(),
    offset: number = performance.timeOrigin,
  ) {
    this.#monotonic = monotonic;
    this.#wall = wall;
    this.#offset = offset;
    this.#time = wallTime(offset);
  }

  /** Follows the time of day, if it has gone its own way. Call when a trace begins; what was given before stays. */
  now(): WallTime {
    const drift = this.#wall() - (this.#offset + this.#monotonic());
    if (Math.abs(drift) > MAX_DRIFT_MS) {
      this.#offset += drift;
      this.#time = wallTime(this.#offset);
    }
    return this.#time;
  }
}

function wallTime(offset: number): WallTime {
  return { at: (monotonicMs) => offset + monotonicMs };
}
