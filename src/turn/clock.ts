/** Time, as an argument: the process hands in the real one, a test one that it moves by hand. */
export interface Clock {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Calls `fn` once, after `ms`; not before the caller has returned. */
  setTimer(ms: number, fn: () => void): Timer;
}

export interface Timer {
  /** May be called twice, and after it fired. */
  cancel(): void;
}

/** The machine's clock. Its timers keep the process alive: whoever set one cancels it. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(ms, fn) {
    const timer = setTimeout(fn, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
