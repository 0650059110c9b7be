/** One timer for all WebSockets to providers: pings, idle times, ages. */

/** Looks at the clock now and then. */
export interface Beating {
  /** @param now Milliseconds of the monotonic clock. */
  beat(now: number): void;
}

/** Runs only while there is somebody to look after, and keeps no process alive. */
export class SocketHeartbeat {
  readonly #periodMs: number;
  readonly #onMistake: (error: unknown) => void;
  readonly #members = new Set<Beating>();
  #timer: NodeJS.Timeout | undefined;

  /** @param onMistake Hears what a member throws; the others are looked after all the same. */
  constructor(periodMs: number, onMistake: (error: unknown) => void) {
    this.#periodMs = periodMs;
    this.#onMistake = onMistake;
  }

  add(member: Beating): void {
    this.#members.add(member);
    this.#timer ??= setInterval(() => this.#beat(), this.#periodMs).unref();
  }

  delete(member: Beating): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #beat(): void {
    const now = performance.now();
    for (const member of this.#members) {
      try {
        member.beat(now);
      } catch (error) {
        this.#onMistake(error);
      }
    }
  }
}
