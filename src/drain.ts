/** How a bridge leaves: it goes on accepting for a while, lets turns finish, and cuts what is left at the deadline. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientListener } from './client/listener.ts';
import type { Log } from './telemetry/log/log.ts';

/** None may be longer than a timer of Node's can be, 24.8 days: it would be over at once. */
export interface DrainTimes {
  /** Goes on accepting for so long, so that balancers notice that it is not ready any more. */
  readonly delayMs: number;
  /** Idle connections are closed at random moments of this time. */
  readonly spreadMs: number;
  /** Measured from the start of the drain: whatever still runs then is cut. */
  readonly deadlineMs: number;
  /** After a cut: stays for so long, so that what became of the turns that were cut can be scraped. */
  readonly lingerMs: number;
}

/**
 * Resolves when nobody is left, or everybody was cut; the caller closes the listener.
 * @param left Aborted when everything ends now: nothing is waited for any more, and no timer stays.
 */
export async function drain(
  listener: ClientListener,
  { delayMs, spreadMs, deadlineMs, lingerMs }: DrainTimes,
  log: Log,
  left: AbortSignal,
): Promise<void> {
  log.info('process.drain', 'drain started', { connections: listener.connections });
  listener.leave();
  const deadline = wait(deadlineMs, left).then(() => 'passed' as const);
  await Promise.race([wait(delayMs, left), deadline]);
  if (left.aborted) return;
  const outcome = await Promise.race([listener.drain(spreadMs), deadline]);
  if (outcome !== 'passed' || left.aborted) return;
  log.warn('process.drain', 'drain deadline passed: cutting', { connections: listener.connections });
  listener.cut();
  await wait(lingerMs, left);
}

/** Resolves when the time is over, or the signal is aborted. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal }).catch(() => undefined); // an abort, and nothing else
}
