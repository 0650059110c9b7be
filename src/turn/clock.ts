/** Time, as an argument: the process hands in the real one, a test one that it moves by hand. */
export interface Clock {
  /** Milliseconds of a monotonic clock. May stand still for as long as a callback runs. */
  now(): number;
  /** The same clock, which does not stand still: to measure our own work. */
  exact(): number;
  /** Calls `fn` once, after `ms`; not before the caller has returned. */
  setTimer(ms: number, fn: () => void): Timer;
}

export interface Timer {
  /** May be called twice, and after it fired. */
  cancel(): void;
}

let standing: number | undefined;
const goOn = (): void => void (standing = undefined);

/**
 * The machine's clock. It stands still until the callback under way has been worked through: a read that brings sixty
 * events has one time, and asks for it once. Its timers keep the process alive: whoever set one cancels it.
 */
export const systemClock: Clock = {
  now() {
    if (standing === undefined) {
      standing = performance.now();
      queueMicrotask(goOn);
    }
    return standing;
  },
  exact: () => performance.now(),
  setTimer(ms, fn) {
    const timer = setTimeout(fn, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
