/** The steps of a script in which nothing is sent. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action } from './actions.ts';

export type Pause = Extract<Action, { kind: 'wait' | 'until' | 'stall' | 'reset' }>;

/** Whether an action is a pause, or the reset that a pause may end in. */
export function isPause(action: Action): action is Pause {
  return ['wait', 'until', 'stall', 'reset'].includes(action.kind);
}

/** Waits, or breaks off; `over` when nothing may follow. Rejects with an AbortError when the signal is aborted meanwhile. */
export async function playPause(action: Pause, gone: AbortSignal, reset: () => void): Promise<'over' | 'on'> {
  if (action.kind === 'wait') await sleep(action.ms, undefined, { signal: gone });
  else if (action.kind === 'until') await Promise.race([action.promise, aborted(gone)]);
  else if (action.kind === 'stall') await aborted(gone);
  else reset();
  return gone.aborted || action.kind === 'reset' ? 'over' : 'on';
}

/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}
