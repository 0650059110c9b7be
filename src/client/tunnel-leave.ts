/**
 * When a tunnel may be closed although nobody has done wrong (drain, age, a route that is gone). It has no turns whose
 * end could be waited for: silence is taken for one.
 */
import type { CloseCodeValue } from '../frames/close-codes.ts';

export interface WantedClose {
  readonly code: CloseCodeValue;
  readonly reason: string;
}

/**
 * Silence after which nothing is under way, messages of both sides counted and pings not. A realtime session that
 * listens sends audio several times a second; one that answers does so within a second or two.
 */
const QUIET_MS = 5_000;
/**
 * How long beyond its age a tunnel that is never quiet is let be. A drain has a deadline of its own.
 */
const PATIENCE_MS = 60_000;

export class TunnelLeave {
  readonly #agedAt: number;
  /** A message moved since the last look. */
  #wasHeard = false;
  #heardAt: number;
  #wanted: WantedClose | undefined;

  /** @param maxAgeMs Of this tunnel, jitter included. */
  constructor(now: number, maxAgeMs: number) {
    this.#heardAt = now;
    this.#agedAt = now + maxAgeMs;
  }

  /** A message has passed, either way. */
  heard(): void {
    this.#wasHeard = true; // a clock is not asked for each
  }

  isBusy(now: number): boolean {
    if (this.#wasHeard) {
      this.#wasHeard = false;
      this.#heardAt = now;
    }
    return now - this.#heardAt < QUIET_MS;
  }

  /** It shall close as soon as it is quiet. The first wish holds. */
  want(close: WantedClose): void {
    this.#wanted ??= close;
  }

  /** How to close now; undefined: not yet. Ask now and then. */
  due(now: number): WantedClose | undefined {
    const isBusy = this.isBusy(now);
    if (this.#wanted === undefined && now >= this.#agedAt) {
      this.#wanted = { code: 1012, reason: 'maximum connection age' };
    }
    if (this.#wanted === undefined) return undefined;
    return !isBusy || now >= this.#agedAt + PATIENCE_MS ? this.#wanted : undefined;
  }
}
