/** Waiting for facts, with a failure that says what was awaited. */

/** Long enough for a busy machine, short enough that a broken test says so soon. */
export const defaultWaitMs = 5000;

/** Facts that no event announces are looked at this often. */
const pollMs = 2;

/** Resolves with the condition's value once it is neither undefined, null nor false. Rejects after the time, saying what was last seen. */
export async function until<T>(
  condition: () => T | Promise<T>,
  description: string,
  timeoutMs: number = defaultWaitMs,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await condition();
    if (seen !== undefined && seen !== null && seen !== false) {
      return seen as Exclude<T, undefined | null | false>;
    }
    if (performance.now() > deadline) {
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
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`waited ${String(timeoutMs)} ms for ${description}${prefixed(seen())}`));
  }, timeoutMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function prefixed(seen: string): string {
  return seen === '' ? '' : `; seen: ${seen}`;
}

function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, ms);
  return promise;
}
