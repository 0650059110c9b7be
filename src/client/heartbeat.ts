/** One timer for everything that has to look at the clock now and then: pings, ages, keep-alives, stalls. */
export interface Beating {
  /** @param now Milliseconds of the monotonic clock. */
  beat(now: number): void;
}

/** How often. A ping, an age or a keep-alive may be late by this much; ten thousand looks cost about a millisecond. */
const PERIOD_MS = 500;

export class Heartbeat {
  readonly #members = new Set<Beating>();
  readonly #timer: NodeJS.Timeout;

  /**
   * Whoever makes one stops it.
   * @param onMistake Hears what a member throws; the others are looked after all the same.
   */
  constructor(onMistake: (error: unknown) => void) {
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const member of this.#members) {
        try {
          member.beat(now);
        } catch (error) {
          onMistake(error);
        }
      }
    }, PERIOD_MS);
  }

  add(member: Beating): void {
    this.#members.add(member);
  }

  delete(member: Beating): void {
    this.#members.delete(member);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
