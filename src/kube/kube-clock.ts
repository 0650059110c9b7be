/** Time for everything in this folder, as an argument: the process hands in the machine's, a test one that it moves by hand. */
export interface KubeClock {
  /** Milliseconds of a monotonic clock: setting the machine's time does not move it. It never stands still. */
  now(): number;
  /** Calls `fn` once, after `ms`; not before the caller has returned. */
  setTimer(ms: number, fn: () => void): KubeTimer;
}

export interface KubeTimer {
  /** May be called twice, and after it fired. */
  cancel(): void;
}

/** Node's timers hold 31 bits; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. Its timers keep the process alive: whoever set one cancels it. */
export const kubeClock: KubeClock = {
  now: () => performance.now(),
  setTimer(ms, fn) {
    const timer = setTimeout(fn, Math.min(ms, MAX_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};
