/** How long to wait before the next try: with full jitter, so that those who failed together do not come back together. */

/** The first wait is at most this long (client-go's reflector). */
export const BACKOFF_BASE_MS = 800;

/** Later ones at most this long. */
export const BACKOFF_MAX_MS = 30_000;

/** After as long without a failure the next one counts as the first. */
export const BACKOFF_RESET_MS = 120_000;

/** A server that asks for more is asked again all the same: nobody waits for hours because of one header. */
export const MAX_RETRY_AFTER_MS = 300_000;

/** The failures of one task. Time and chance are handed in. */
export class Backoff {
  readonly #random: () => number;
  #failures = 0;
  /** When the last wait was over. */
  #since = -Infinity;
  /** When one was cured without a wait. */
  #promptAt = -Infinity;

  /** @param random From 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Whether there was no failure for long enough. */
  isHealthy(nowMs: number): boolean {
    return this.#failures === 0 || nowMs - this.#since >= BACKOFF_RESET_MS;
  }

  /**
   * Counts a failure; how long to wait now, in milliseconds. What the server asked for is the least.
   * @param maxMs Of a failure that is expected for a while. However often it comes, another one waits little longer.
   */
  next(nowMs: number, retryAfterMs = 0, maxMs = BACKOFF_MAX_MS): number {
    if (this.isHealthy(nowMs)) this.#failures = 0;
    const most = Math.min(maxMs, BACKOFF_BASE_MS * 2 ** this.#failures);
    if (most < maxMs) this.#failures += 1;
    const waitMs = Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) + this.#random() * most;
    this.#since = nowMs + waitMs;
    return waitMs;
  }

  /**
   * Counts a failure that is cured at once: no wait the first time, and the usual one if it comes again soon. Failures
   * of other kinds before it do not matter: after an outage a server has forgotten what was.
   */
  nextPrompt(nowMs: number): number {
    const isFirst = nowMs - this.#promptAt >= BACKOFF_RESET_MS;
    const waitMs = this.next(nowMs);
    if (!isFirst) return waitMs;
    this.#promptAt = nowMs;
    this.#since = nowMs;
    return 0;
  }
}
