/** Waits for a quiet moment: many changes that come together cause one compilation. */

/** After the last change. Long enough for what one `kubectl apply -f folder` sends, far below what a person notices. */
const QUIET_MS = 75;
/** After the first change, whatever still comes: it has to be in effect within a second, and the rest takes its time too. */
const MAX_WAIT_MS = 400;

export interface QuietMomentOptions {
  readonly onQuiet: () => void;
  /** Milliseconds that never go back; `performance.now` by default. */
  readonly now?: () => number;
  readonly quietMs?: number;
  readonly maxWaitMs?: number;
}

export class QuietMoment {
  readonly #onQuiet: () => void;
  readonly #now: () => number;
  readonly #quietMs: number;
  readonly #maxWaitMs: number;
  #timer: NodeJS.Timeout | undefined;
  #firstAt = 0;
  #phase: 'open' | 'closed' = 'open';

  constructor({
    onQuiet,
    now = () => performance.now(),
    quietMs = QUIET_MS,
    maxWaitMs = MAX_WAIT_MS,
  }: QuietMomentOptions) {
    this.#onQuiet = onQuiet;
    this.#now = now;
    this.#quietMs = quietMs;
    this.#maxWaitMs = maxWaitMs;
  }

  /** Something changed. */
  disturb(): void {
    if (this.#phase === 'closed') return;
    const now = this.#now();
    if (this.#timer === undefined) this.#firstAt = now;
    clearTimeout(this.#timer);
    const waitMs = Math.max(0, Math.min(this.#quietMs, this.#firstAt + this.#maxWaitMs - now));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#onQuiet();
    }, waitMs);
  }

  /** Nothing is called any more. May be called twice. */
  close(): void {
    this.#phase = 'closed';
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
