/** Waiting for facts, with a failure that says what was awaited. */
import { setImmediate as nextLoop } from 'node:timers/promises';

/** Long enough for a busy machine, short enough that a broken test says so soon. */
export const defaultWaitMs = 5000;

/** Facts that no event announces are looked at this often. */
const pollMs = 2;

/** How often a wait looks at the clock. */
const tickMs = 50;

/** The most that may pass between two looks at the clock, unless this thread worked: beyond it the process stood still. */
const maxTickMs = 250;

/**
 * How long one wait goes on: so many milliseconds in which this process was awake. After a while in which the machine
 * did not let it run, timers fire before a byte is read that came meanwhile: by the clock alone, what is there already
 * would have come too late.
 */
export class Patience implements Disposable {
  /** Resolves when it is at its end and whatever waited by then has been read: the next look is the last one. */
  readonly over: Promise<void>;
  readonly #end: () => void;
  #isOver = false;
  #leftMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = resolve;
    this.#leftMs = ms;
    this.#tick();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #tick(): void {
    const from = performance.now();
    const workedBefore = workedMs();
    this.#timer = setTimeout(
      () => {
        // what a test has in its own process may hold the event loop by its work: that is no stall
        const worked = workedMs() - workedBefore;
        this.#leftMs -= Math.max(worked, Math.min(performance.now() - from, maxTickMs));
        if (this.#leftMs > 0) this.#tick();
        else void this.#finish();
      },
      Math.min(tickMs, this.#leftMs),
    );
  }

  async #finish(): Promise<void> {
    // The first one may be this side of the reading.
    await nextLoop();
    await nextLoop();
    this.#isOver = true;
    this.#end();
  }
}

/** CPU time of this thread. */
function workedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Resolves with the condition's value once it is neither undefined, null nor false. Rejects after the time, saying what was last seen. */
export async function until<T>(
  condition: () => T | Promise<T>,
  description: string,
  timeoutMs: number = defaultWaitMs,
): Promise<Exclude<T, undefined | null | false>> {
  using patience = new Patience(timeoutMs);
  for (;;) {
    const isLastLook = patience.isOver;
    const seen = await condition();
    if (seen !== undefined && seen !== null && seen !== false) {
      return seen as Exclude<T, undefined | null | false>;
    }
    if (isLastLook) {
      throw new Error(`waited ${String(timeoutMs)} ms for ${description}; last seen: ${String(seen)}`);
    }
    await pause(pollMs);
  }
}

/** The promise's outcome, or a rejection when it does not settle in time. `seen` adds what is known by then. */
export async function within<T>(
  promise: Promise<T>,
  description: string,
  timeoutMs: number = defaultWaitMs,
  seen: () => string = () => '',
): Promise<T> {
  using patience = new Patience(timeoutMs);
  const late = patience.over.then(() => {
    throw new Error(`waited ${String(timeoutMs)} ms for ${description}${prefixed(seen())}`);
  });
  return await Promise.race([promise, late]);
}

function prefixed(seen: string): string {
  return seen === '' ? '' : `; seen: ${seen}`;
}

function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, ms);
  return promise;
}
