/** When a key that failed is tried again. The figures are client-go's, which operators of clusters know. */
import { RateBucket, type RateLimit } from './rate-bucket.ts';

/** After the first failure of a key; each further one doubles it. */
const BASE_DELAY_MS = 5;

/** A key that keeps failing is tried at least this often: a cure that no event announces is found within 17 minutes. */
export const maxRetryDelayMs = 1_000_000;

/** Of all keys of a queue together, so that an API server that comes back is not met by a thousand retries at once. */
const RETRIES_OF_ALL_KEYS: RateLimit = { burst: 100, perSecond: 10 };

/** Milliseconds to wait for after so many failures in a row; the first is 1. */
export function keyDelayMs(failures: number): number {
  return Math.min(maxRetryDelayMs, BASE_DELAY_MS * 2 ** (failures - 1));
}

/** The delay of one queue's retries: the key's own, or longer where all keys together fail too often. */
export class QueueBackoff {
  readonly #all: RateBucket;

  /** @param now Of the monotonic clock that all later calls use. */
  constructor(now: number) {
    this.#all = new RateBucket(RETRIES_OF_ALL_KEYS, now);
  }

  /** @param failures Of this key, in a row, with the one that just happened. */
  delayMs(failures: number, now: number): number {
    return Math.max(keyDelayMs(failures), this.#all.reserve(now, maxRetryDelayMs));
  }
}
