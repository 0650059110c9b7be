/**
 * How long an attempt may take: until the provider's first event, between two events, in all. Nothing is armed per
 * event: an event notes the time, and the timer looks when it fires.
 */
import type { CompiledRoute } from '../route/snapshot.ts';
import type { Clock, Timer } from './clock.ts';
import { timedOut, type TurnFailure } from './failure.ts';

export class TurnTimers {
  readonly #clock: Clock;
  readonly #limits: CompiledRoute['timeouts'];
  readonly #onTimeout: (failure: TurnFailure) => void;
  readonly #deadline: Timer;
  #silence: Timer;
  #heardAt: number;
  #hasHeard = false;
  #pausedAt: number | undefined;
  #pausedMs = 0;
  #maxGapMs = 0;

  /** @param turnStartedAt The deadline is the turn's: each of its attempts has what the others have left of it. */
  constructor(
    clock: Clock,
    limits: CompiledRoute['timeouts'],
    turnStartedAt: number,
    onTimeout: (failure: TurnFailure) => void,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#onTimeout = onTimeout;
    this.#heardAt = clock.now();
    const leftMs = Math.max(0, turnStartedAt + limits.turnDeadlineMs - this.#heardAt);
    this.#deadline = clock.setTimer(leftMs, () => this.#deadlinePassed());
    this.#silence = clock.setTimer(limits.firstEventMs, () => this.#lookForSilence());
  }

  /** Longest silence after an event so far, without the time in which we did not read; the one that goes on counts. */
  get maxGapMs(): number {
    const isSilent = this.#hasHeard && this.#pausedAt === undefined;
    return isSilent ? Math.max(this.#maxGapMs, this.#clock.now() - this.#heardAt) : this.#maxGapMs;
  }

  /** When the last event came; when the wait began, before the first one. */
  get heardAt(): number {
    return this.#heardAt;
  }

  get pausedMs(): number {
    return this.#pausedMs + (this.#pausedAt === undefined ? 0 : this.#clock.now() - this.#pausedAt);
  }

  /** The provider sent an event. */
  heard(): void {
    const now = this.#clock.now();
    if (this.#hasHeard) {
      const gap = now - this.#heardAt;
      if (gap > this.#maxGapMs) this.#maxGapMs = gap;
    } else {
      this.#hasHeard = true;
      this.#silence.cancel();
      this.#silence = this.#clock.setTimer(this.#limits.idleMs, () => this.#lookForSilence());
    }
    this.#heardAt = now;
  }

  /** The provider showed that it is there, without an event: between events that counts, before the first not. */
  lives(): void {
    if (this.#hasHeard) this.#heardAt = this.#clock.now();
  }

  /** We stop reading: the provider's silence is no longer its own. */
  pause(): void {
    this.#pausedAt ??= this.#clock.now();
  }

  resume(): void {
    if (this.#pausedAt === undefined) return;
    const now = this.#clock.now();
    this.#pausedMs += now - this.#pausedAt;
    this.#pausedAt = undefined;
    this.#heardAt = now;
  }

  cancel(): void {
    this.#deadline.cancel();
    this.#silence.cancel();
  }

  #lookForSilence(): void {
    const limit = this.#hasHeard ? this.#limits.idleMs : this.#limits.firstEventMs;
    const since = this.#pausedAt === undefined ? this.#heardAt : this.#clock.now();
    const leftMs = since + limit - this.#clock.now();
    // a timer may fire a little before its time by the other clock
    if (leftMs > 1) {
      this.#silence = this.#clock.setTimer(leftMs, () => this.#lookForSilence());
      return;
    }
    const seconds = limit / 1000;
    this.#onTimeout(
      this.#hasHeard
        ? timedOut('idle_timeout', `The provider sent nothing for ${seconds} s (timeouts.idleSeconds).`)
        : timedOut(
            'first_event_timeout',
            `The provider sent no event within ${seconds} s (timeouts.firstEventSeconds).`,
          ),
    );
  }

  #deadlinePassed(): void {
    const seconds = this.#limits.turnDeadlineMs / 1000;
    this.#onTimeout(
      timedOut('turn_timeout', `The turn took longer than ${seconds} s (timeouts.turnDeadlineSeconds).`),
    );
  }
}
