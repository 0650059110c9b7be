/**
 * Every refusal of our own, in one table: what the client hears and the label that telemetry uses. A frame with
 * an error always carries a numeric `status`: the Codex CLI ignores one without (measured) and waits out its
 * idle timeout instead.
 */
import { toFrameStatus } from './retry-signals.ts';

/** The codes of our own errors. docs/errors.md lists them; a test compares. */
export type ErrorCode = keyof typeof ERROR_TABLE;

interface ErrorRow {
  readonly status: number;
  readonly type: 'invalid_request_error' | 'server_error' | 'rate_limit_error' | 'authentication_error';
  /** Seconds for `retry-after`: given where a retry helps and a client would give up without it. */
  readonly retryAfter?: number;
}

const ERROR_TABLE = {
  // what a client may not say
  invalid_json: { status: 400, type: 'invalid_request_error' },
  unknown_event: { status: 400, type: 'invalid_request_error' },
  legacy_event: { status: 400, type: 'invalid_request_error' },
  unsupported_frame_type: { status: 400, type: 'invalid_request_error' },
  payload_too_large: { status: 400, type: 'invalid_request_error' },
  invalid_stream_id: { status: 400, type: 'invalid_request_error' },
  websocket_stream_limit_reached: { status: 400, type: 'invalid_request_error' },
  invalid_request: { status: 400, type: 'invalid_request_error' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error' },
  // what it asks for and is not there
  previous_response_not_found: { status: 400, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  websocket_upgrade_required: { status: 426, type: 'invalid_request_error' },
  unsupported_encoding: { status: 415, type: 'invalid_request_error' },
  // who it is
  invalid_api_key: { status: 401, type: 'authentication_error' },
  origin_not_allowed: { status: 403, type: 'invalid_request_error' },
  loop_detected: { status: 400, type: 'invalid_request_error' },
  // how much there is
  queue_full: { status: 429, type: 'rate_limit_error', retryAfter: 1 },
  too_many_connections: { status: 503, type: 'server_error', retryAfter: 2 },
  slow_down: { status: 503, type: 'server_error', retryAfter: 1 },
  not_ready: { status: 503, type: 'server_error', retryAfter: 1 },
  server_draining: { status: 503, type: 'server_error', retryAfter: 1 },
  websocket_connection_limit_reached: { status: 400, type: 'invalid_request_error' },
  // the provider
  provider_unreachable: { status: 502, type: 'server_error' },
  provider_has_no_websocket: { status: 502, type: 'server_error' }, // 400 on a socket (retry-signals.ts)
  provider_connection_lost: { status: 502, type: 'server_error' },
  provider_protocol_error: { status: 502, type: 'server_error' },
  provider_stream_ended: { status: 502, type: 'server_error' },
  provider_unauthorized: { status: 400, type: 'invalid_request_error' },
  connect_timeout: { status: 504, type: 'server_error' },
  first_event_timeout: { status: 504, type: 'server_error' },
  idle_timeout: { status: 504, type: 'server_error' },
  turn_timeout: { status: 504, type: 'server_error' },
  // us
  internal_error: { status: 500, type: 'server_error' },
} as const satisfies Record<string, ErrorRow>;

/** All codes with their rows, for documentation and its test. */
export const ERROR_CODES: ReadonlyMap<ErrorCode, ErrorRow> = new Map(
  Object.entries(ERROR_TABLE) as [ErrorCode, ErrorRow][],
);

/**
 * An error as a client hears it: on a socket as an `error` event, over HTTP as a status and a JSON body. Either
 * one of ours ({@link refusal}) or a provider's, carried over (provider-error.ts).
 */
export interface ErrorAnswer {
  readonly status: number;
  /** `type`, `code`, `message`, `param`, and what else a provider put beside them. */
  readonly error: {
    readonly type: string;
    readonly code: string | null;
    readonly message: string;
    readonly param: string | null;
    readonly [more: string]: unknown;
  };
  /** Header values a client acts on: `retry-after`, `x-codex-*`, `x-ratelimit-*`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An error of our own. The message says what, and what to do instead. */
export function refusal(code: ErrorCode, message: string, param: string | null = null): ErrorAnswer {
  const row: ErrorRow = ERROR_TABLE[code];
  return {
    status: row.status,
    error: { type: row.type, code, message, param },
    headers: row.retryAfter === undefined ? {} : { 'retry-after': String(row.retryAfter) },
  };
}

/** The `error` event of a socket. `streamId` is echoed where the failed request named a lane. */
export function toErrorFrame(answer: ErrorAnswer, streamId?: string): Buffer {
  const hasHeaders = Object.keys(answer.headers).length > 0;
  return Buffer.from(
    JSON.stringify({
      type: 'error',
      status: toFrameStatus(answer),
      error: answer.error,
      ...(hasHeaders ? { headers: answer.headers } : {}),
      ...(streamId === undefined ? {} : { stream_id: streamId }),
    }),
  );
}

/** The JSON body of the same error over HTTP. */
export function toErrorBody(answer: ErrorAnswer): string {
  return JSON.stringify({ error: answer.error });
}
