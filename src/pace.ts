/**
 * Long work in portions, so that the event loop runs in between: a Lease is renewed, a probe is answered, a turn's
 * events go on while a thousand routes are read.
 */

/** The longest that work of all kinds together holds the event loop before timers and sockets have their turn. */
const PORTION_MS = 5;

export interface Pace {
  /**
   * Asked between two pieces of work. A promise: what there was time for is used up, wait for it; undefined: go on.
   * What waits at the same time goes on in the same turn of the event loop, and shares its portion.
   */
  readonly pause: () => Promise<void> | undefined;
}

/** @param now Milliseconds of a monotonic clock. */
export function openPace(now: () => number): Pace {
  let portionBeganAt = -Infinity;
  let next: Promise<void> | undefined;
  const nextTurn = (): Promise<void> =>
    new Promise((resolve) => {
      setImmediate(() => {
        portionBeganAt = now();
        next = undefined;
        resolve();
      });
    });
  return {
    pause() {
      if (now() - portionBeganAt < PORTION_MS) return undefined;
      next ??= nextTurn();
      return next;
    },
  };
}

/** Of this process: it has one event loop. */
export const { pause } = openPace(() => performance.now());
