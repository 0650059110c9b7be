/** What all attempts of a transport share, and the bounds of each. */
import type { EventLatency } from '../events/event-latency.ts';
import { DEFAULT_MAX_EVENT_BYTES } from '../events/sse-scanner.ts';
import type { CallbackDepth } from './answer-flow.ts';
import type { ByteAccount } from './held-answer.ts';

/** Owned by the transport. */
export interface AttemptTools {
  readonly limits: AttemptLimits;
  /** What answers keep until they are whole. */
  readonly answers: ByteAccount;
  readonly callbacks: CallbackDepth;
  readonly latency: EventLatency;
  /** Hears what our own code threw where nobody could catch it. Must not throw. */
  readonly onMistake: (error: unknown) => void;
}

/** Bounds of an attempt; see {@link DEFAULT_ATTEMPT_LIMITS} for the reasons. */
export interface AttemptLimits {
  readonly maxEventBytes: number;
  readonly maxRefusalBytes: number;
  readonly refusalMs: number;
  readonly maxReleaseBytes: number;
  readonly releaseMs: number;
}

/** The defaults, with their reasons. */
export const DEFAULT_ATTEMPT_LIMITS: AttemptLimits = {
  maxEventBytes: DEFAULT_MAX_EVENT_BYTES,
  /** An error's text; what is longer is a web page. */
  maxRefusalBytes: 64 * 1024,
  /** The status is known: the client should not wait for a body that dawdles. */
  refusalMs: 1_000,
  /** After the terminal event a few bytes at most are left; a new connection costs more than reading those. */
  maxReleaseBytes: 64 * 1024,
  releaseMs: 1_000,
};

/**
 * Runs a step; never throws. What the step throws is a mistake of ours or of the listener, and those who lead here
 * (undici, zlib, timers, microtasks) would lose it or end the process over it: so it is reported, and the attempt given
 * up.
 */
export function runGuarded(step: () => void, giveUp: () => void, onMistake: (error: unknown) => void): void {
  try {
    step();
  } catch (error) {
    onMistake(error);
    try {
      giveUp();
    } catch (another) {
      onMistake(another);
    }
  }
}
