/** How long to wait before a watch is opened again. Pure: chance is an argument. */

export interface BackoffTimes {
  /** The most before the second attempt; it doubles with each further one. */
  readonly firstMs: number;
  /** It does not grow beyond this. */
  readonly maxMs: number;
  /** Whoever was connected for so long was well: the next trouble is a new one. */
  readonly healthyMs: number;
}

/**
 * Numbers of client-go's reflector, but for the longest wait, which is 30 s there: a bridge asks for one Secret, there
 * are a few dozen of them, and after an outage a revoked key is to be refused within seconds.
 */
export const WATCH_BACKOFF: BackoffTimes = { firstMs: 800, maxMs: 10_000, healthyMs: 120_000 };

/** Longest wait that a server may ask for: it may be wrong about itself. */
const MAX_ASKED_MS = 60_000;

/** Doubling more often than this changes nothing, and would leave the range of numbers some day. */
const MAX_DOUBLINGS = 30;

export class WatchBackoff {
  readonly #times: BackoffTimes;
  readonly #random: () => number;
  #failures = 0;

  /** @param random From 0 to below 1. */
  constructor(times: BackoffTimes, random: () => number) {
    this.#times = times;
    this.#random = random;
  }

  /** An attempt ended as it should: nothing is held against the server any more. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * An attempt failed.
   *
   * @param connectedMs How long it had been connected; 0: never.
   * @param askedMs How long the server asked us to wait, if it did.
   * @returns Milliseconds to wait: any time up to the bound, so that a hundred bridges do not come at once.
   */
  next(connectedMs: number, askedMs: number | undefined): number {
    const { firstMs, maxMs, healthyMs } = this.#times;
    if (connectedMs >= healthyMs) this.#failures = 0;
    const bound = Math.min(maxMs, firstMs * 2 ** Math.min(this.#failures, MAX_DOUBLINGS));
    this.#failures += 1;
    return Math.max(bound * this.#random(), Math.min(askedMs ?? 0, MAX_ASKED_MS));
  }
}

/** The seconds of a `Retry-After`, in milliseconds; undefined for anything else than seconds. */
export function parseRetryAfter(header: string | readonly string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,6}$/.test(header.trim()) ? Number(header) * 1000 : undefined;
}
