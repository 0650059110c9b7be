/** A clock that moves when a test says so. */

export interface ManualClock {
  now(): number;
  exact(): number;
  /** Calls `fn` once, when the clock has been moved `ms` further; never by itself. */
  setTimer(ms: number, fn: () => void): { cancel(): void };
  /** Moves on, calling what falls due in order of time, also what is set meanwhile. */
  advance(ms: number): void;
  /** Timers that are set and neither due nor cancelled. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** Starts at `start` milliseconds. */
export function manualClock(start = 0): ManualClock {
  let now = start;
  const timers = new Set<Timer>();
  const nextDue = (limit: number): Timer | undefined =>
    // A Set keeps the order in which timers were set; sort is stable, so equal times keep it.
    [...timers].filter((timer) => timer.at <= limit).sort((a, b) => a.at - b.at)[0];
  return {
    now: () => now,
    exact: () => now,
    setTimer(ms, fn) {
      const timer: Timer = { at: now + Math.max(0, ms), fn };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    advance(ms) {
      const target = now + ms;
      for (let timer = nextDue(target); timer !== undefined; timer = nextDue(target)) {
        timers.delete(timer);
        now = timer.at;
        timer.fn();
      }
      now = target;
    },
    get pending() {
      return timers.size;
    },
  };
}
