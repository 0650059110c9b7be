/** How a probe can fail, as values that the commands explain. */
import type { IncomingHttpHeaders } from 'node:http';

export type ProbeFaultCode =
  | 'connect_failed' // no connection, or none that TLS accepts
  | 'refused' // an HTTP answer that is not what was asked for
  | 'closed' // the connection ended before the turn
  | 'bad_answer' // not the protocol that was asked for
  | 'timeout'
  | 'interrupted'; // by the person who started it

/** An HTTP answer that refused something. At most 64 KiB of its body. */
export interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A failed probe. The message is a whole sentence for a person. */
export class ProbeFault extends Error {
  readonly code: ProbeFaultCode;
  /** The system's word (`ECONNREFUSED`), where there is one. */
  readonly reason: string | undefined;
  readonly refusal: Refusal | undefined;

  constructor(
    code: ProbeFaultCode,
    message: string,
    details: { readonly reason?: string | undefined; readonly refusal?: Refusal } = {},
  ) {
    super(message);
    this.name = 'ProbeFault';
    this.code = code;
    this.reason = details.reason;
    this.refusal = details.refusal;
  }
}

/** @returns the fault that an aborted signal stands for: its time-out, or a person's Ctrl-C */
export function faultOfAbort(signal: AbortSignal, waitedFor: string): ProbeFault {
  const { name } = Object(signal.reason) as { name?: unknown };
  return name === 'TimeoutError'
    ? new ProbeFault('timeout', `no ${waitedFor} within the time allowed`)
    : new ProbeFault('interrupted', 'interrupted');
}

/** @returns the fault for an error of a socket that was being opened */
export function faultOfConnect(error: NodeJS.ErrnoException, url: URL): ProbeFault {
  // Several addresses tried: the first error stands for all.
  const first =
    'errors' in error && Array.isArray(error.errors) ? (error.errors[0] as NodeJS.ErrnoException) : error;
  const reason = first.code ?? error.code;
  return new ProbeFault('connect_failed', `no connection to ${url.host} (${reason ?? error.message})`, {
    reason,
  });
}

/** @returns a signal that ends with the other one or after some time, whichever is first */
export function withTimeout(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}
