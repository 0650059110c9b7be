/** What a step of `doctor` is: a name and a function from what is known to what it saw. */
import type { Endpoint } from './endpoint.ts';
import type { ResponsesSocket } from './responses-socket.ts';

/** `skip`: not tried, because an earlier step failed or it does not apply. */
export type StepStatus = 'ok' | 'warn' | 'fail' | 'skip';

export interface StepResult {
  readonly status: StepStatus;
  /** What was seen, in words. */
  readonly saw: string;
  /** What to change, when it is wrong. */
  readonly change?: string | undefined;
}

/** What a step may use. Bounds of time are in milliseconds. */
export interface DoctorTarget {
  readonly endpoint: Endpoint;
  readonly key: string | undefined;
  readonly model: string;
  /** Seconds of silence to try; undefined: not tried. */
  readonly idleSeconds: number | undefined;
  /** For everything that needs no model. */
  readonly stepTimeoutMs: number;
  /** For a turn of the model. */
  readonly turnTimeoutMs: number;
  /** Ends everything, by the person who started it. */
  readonly signal: AbortSignal;
}

/** What earlier steps leave for later ones. Its owner, run-doctor.ts, closes the socket. */
export interface DoctorState {
  isReachable: boolean;
  socket: ResponsesSocket | undefined;
  /** Answer to the warm-up, for the turn that continues it. */
  warmUpId: string | undefined;
}

export interface Step {
  /** One or two words, for the first column. */
  readonly name: string;
  /** What must have gone well before; it is skipped otherwise. */
  readonly needs: 'nothing' | 'reachable' | 'socket';
  /** May throw a ProbeFault: it becomes a failure with its remedy. */
  run(target: DoctorTarget, state: DoctorState): Promise<StepResult>;
}

export function ok(saw: string): StepResult {
  return { status: 'ok', saw };
}

export function warn(saw: string, change: string | undefined): StepResult {
  return { status: 'warn', saw, change };
}

export function fail(saw: string, change: string | undefined): StepResult {
  return { status: 'fail', saw, change };
}

export function skip(saw: string): StepResult {
  return { status: 'skip', saw };
}
