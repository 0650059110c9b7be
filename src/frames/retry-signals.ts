/**
 * Whether a client on a socket tries again. The Codex CLI reads it from the status of an `error` frame and from the code
 * of a `response.failed`, by rules of its own (measured: docs/errors.md). What it would repeat in vain is said in the
 * form that it stops at, and what it would give up although waiting cures it in the form that it waits for.
 */
import type { ErrorAnswer } from './errors.ts';

/** Codes and types of 429 that no waiting cures. */
const FINAL_LIMITS: ReadonlySet<string> = new Set([
  'insufficient_quota',
  'usage_limit_reached',
  'usage_not_included',
  'billing_hard_limit_reached',
]);

/** A limit that is not over when one tries again. */
export function isFinalLimit(error: Pick<ErrorAnswer['error'], 'type' | 'code'>): boolean {
  return FINAL_LIMITS.has(error.code ?? '') || FINAL_LIMITS.has(error.type);
}

/** 4xx that another try may cure: a login that is renewed, a timeout, a conflict, too early, too many. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([401, 408, 409, 425, 429]);

/** A route's mistake: a gateway's failure to those who read statuses as meant, and not cured by another try. */
const NO_WEBSOCKET = 'provider_has_no_websocket';

/** Codes that say by themselves "send it all again on a new socket". */
const NEW_SOCKET_CODES: ReadonlySet<string> = new Set([
  'previous_response_not_found',
  'websocket_connection_limit_reached',
]);

/**
 * The status of an `error` frame. Codex stops at 400, and at 404 for `model_not_found`; every other refusal of a request
 * (402, 403, 404, 413, 422 …) it would send six times with its whole input, and then leave WebSockets for good.
 */
export function toFrameStatus({ status, error }: Pick<ErrorAnswer, 'status' | 'error'>): number {
  if (error.code === NO_WEBSOCKET) return 400;
  if (status < 400 || status >= 500 || PASSING_STATUSES.has(status)) return status;
  return status === 404 && error.code === 'model_not_found' ? status : 400;
}

/** Codes at which Codex stops, with a text of its own. */
const FINAL_FAILED_CODES: ReadonlySet<string> = new Set([
  'context_length_exceeded',
  'insufficient_quota',
  'invalid_prompt',
]);

/** `error` of a `response.failed`. */
export interface FailedError {
  readonly code: string;
  readonly message: string;
}

/**
 * An error as the ending of a response. There is no status here, and no header: Codex tries everything again but a few
 * codes, `server_is_overloaded` among them, and reads how long to wait from the message of `rate_limit_exceeded`.
 */
export function toFailedError({ status, error, headers }: ErrorAnswer): FailedError {
  const { message } = error;
  const code = error.code ?? 'server_error';
  if (FINAL_FAILED_CODES.has(code) || NEW_SOCKET_CODES.has(code)) return { code, message };
  if (isFinalLimit(error)) return { code: 'insufficient_quota', message };
  const isFinal = code === NO_WEBSOCKET || (status >= 400 && status < 500 && !PASSING_STATUSES.has(status));
  if (isFinal) return { code: 'invalid_prompt', message }; // the API's own word for a request that cannot be answered
  if (status === 429 || code === 'server_is_overloaded') {
    return { code: 'rate_limit_exceeded', message: withDelay(message, headers['retry-after']) };
  }
  return { code, message };
}

/** The pattern that Codex looks for. */
const DELAY = /try again in [0-9.]+ ?(?:ms|s)/i;

function withDelay(message: string, seconds: string | undefined): string {
  if (seconds === undefined || DELAY.test(message)) return message;
  return `${message} Please try again in ${seconds}s.`;
}
