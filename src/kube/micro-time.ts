/** Kubernetes' MicroTime: RFC 3339 with exactly six fractional digits. The API server refuses a JavaScript date's three. */

/**
 * @param micros Microseconds since 1970, a whole number.
 * @throws RangeError for what is no time.
 */
export function microTime(micros: number): string {
  const millis = Math.floor(micros / 1000);
  const rest = String(micros - millis * 1000).padStart(3, '0');
  return new Date(millis).toISOString().replace('Z', `${rest}Z`);
}

/** Microseconds since 1970 from the wall clock's milliseconds. */
export function toMicros(wallMs: number): number {
  return Math.floor(wallMs * 1000);
}

/** Gives each moment a time of its own: strictly rising, also where the calendar stands still or goes back. */
export class MicroClock {
  readonly #wallMs: () => number;
  #last = 0;

  /** @param wallMs Milliseconds since 1970. */
  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** Microseconds since 1970; never the same twice. */
  next(): number {
    this.#last = Math.max(toMicros(this.#wallMs()), this.#last + 1);
    return this.#last;
  }
}
