/** A wait that can be cut short. */
import { kubeClock } from './kube-clock.ts';
import type { KubeClock } from './kube-clock.ts';

export interface PauseTimes {
  readonly ms: number;
  /** Of it, what is waited in any case. */
  readonly leastMs: number;
}

export interface Pause {
  /** Resolves when it is over; never rejects. */
  readonly over: Promise<void>;
  /** Not longer than the least. */
  hurry(): void;
}

/** @param signal Ends it at once. */
export function openPause(clock: KubeClock, { ms, leastMs }: PauseTimes, signal: AbortSignal): Pause {
  const { promise, resolve } = Promise.withResolvers<void>();
  const startedAt = clock.now();
  const end = (): void => resolve();
  let timer = clock.setTimer(ms, end);
  if (signal.aborted) end();
  signal.addEventListener('abort', end);
  return {
    over: promise.finally(() => {
      timer.cancel();
      signal.removeEventListener('abort', end);
    }),
    hurry() {
      timer.cancel();
      timer = clock.setTimer(Math.max(0, startedAt + Math.min(leastMs, ms) - clock.now()), end);
    },
  };
}

/** The same by the machine's clock, for whoever never hurries. */
export function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return openPause(kubeClock, { ms, leastMs: ms }, signal).over;
}
