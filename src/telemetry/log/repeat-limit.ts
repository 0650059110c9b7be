/**
 * Lets one line per key and second through and counts the rest, so that a flood of the same trouble costs one
 * line a second and still tells its size. Pure: the clock is an argument.
 */

/** One second: a person reading along sees that it goes on, a log store does not notice. */
const REPEAT_WINDOW_MS = 1000;

/** Keys come from closed sets (reasons, provider names). What comes beyond this many shares one key. */
const MAX_REPEAT_KEYS = 256;

interface Repeated {
  windowStart: number;
  suppressed: number;
}

export class RepeatLimit {
  readonly #keys = new Map<string, Repeated>();

  /**
   * @param now milliseconds of any clock
   * @returns how many lines of this key were suppressed since the last one that passed, if this one may pass;
   *   undefined if it may not
   */
  admit(key: string, now: number): number | undefined {
    const bounded = this.#keys.has(key) || this.#keys.size < MAX_REPEAT_KEYS ? key : '';
    const seen = this.#keys.get(bounded);
    if (seen === undefined) {
      this.#keys.set(bounded, { windowStart: now, suppressed: 0 });
      return 0;
    }
    // A clock that was set back must not silence a key until it has caught up.
    const elapsed = now - seen.windowStart;
    if (elapsed >= 0 && elapsed < REPEAT_WINDOW_MS) {
      seen.suppressed += 1;
      return undefined;
    }
    const { suppressed } = seen;
    seen.windowStart = now;
    seen.suppressed = 0;
    return suppressed;
  }

  /** How many lines were suppressed and not yet told about with a later one. */
  get untold(): number {
    let sum = 0;
    for (const seen of this.#keys.values()) sum += seen.suppressed;
    return sum;
  }
}
