/**
 * The word for a failure in metrics, logs and spans: from a closed list, whatever a provider calls it. And whose fault
 * it was.
 */
import { ERROR_CODES, type ErrorCode } from '../frames/errors.ts';
import { isFinalLimit } from '../frames/retry-signals.ts';
import type { ProviderFaultCode } from '../provider/provider.ts';

/** The provider's codes that telemetry may name; its texts are not ours to trust as labels. */
const PROVIDER_CODES = new Set([
  'server_error',
  'rate_limit_exceeded',
  'invalid_prompt',
  'data_residency_mismatch',
  'bio_policy',
  'vector_store_timeout',
  'image_error',
  'previous_response_not_found',
  'websocket_connection_limit_reached',
  'insufficient_quota',
  'usage_limit_reached',
  'context_length_exceeded',
  'model_not_found',
  'invalid_api_key',
  'invalid_request_error',
  'server_is_overloaded',
  'slow_down',
  'provider_unauthorized',
]);

/** The code that a client hears, as telemetry names it: one of ours or a known one of providers, else `_OTHER`. */
export function toAnswerCode(code: string): string {
  return PROVIDER_CODES.has(code) || ERROR_CODES.has(code as ErrorCode) ? code : '_OTHER';
}

const STATUS_TYPES = new Set([
  400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504, 529,
]);

/** The label of a provider's failure: its code when it is a known one, else its status, else `_OTHER`. */
export function toErrorType(code: string | undefined, status?: number): string {
  if (code !== undefined && PROVIDER_CODES.has(code)) return code;
  return status !== undefined && STATUS_TYPES.has(status) ? String(status) : '_OTHER';
}

/** The provider's codes for a request that it cannot answer as it was asked. */
const CLIENT_FAULTS: ReadonlySet<string> = new Set([
  'invalid_prompt',
  'invalid_request_error',
  'context_length_exceeded',
  'bio_policy',
  'data_residency_mismatch',
  'image_error',
  'model_not_found',
  'previous_response_not_found',
]);

/**
 * Not 402, 408 and 429: a bill, a provider's clock and its limits. Nor 404 and 405 without a known code: more often the
 * `url` of a route is wrong than a model's name, and that nobody may miss.
 */
const CLIENT_FAULT_STATUSES: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

/** What a provider says of a failure. */
export interface ProviderVerdict {
  /** The provider's own code; undefined if it gave none. */
  readonly code: string | undefined;
  /** The error's `type`, where it is known. */
  readonly type?: string;
  /** Undefined for an ending that has none (`response.failed`). */
  readonly status: number | undefined;
  /** It was asked with the key that the client sent: `auth` of the provider is `Passthrough`. */
  readonly isClientsKey: boolean;
}

/**
 * Is this failure what the client asked for, not the provider's trouble nor ours? Such a turn is `rejected`: no alert,
 * service level or span holds it against anybody. A code that is known decides, else the status.
 */
export function isClientsFault({ code, type = '', status, isClientsKey }: ProviderVerdict): boolean {
  if (code === 'invalid_api_key') return isClientsKey;
  if (code !== undefined && PROVIDER_CODES.has(code)) return CLIENT_FAULTS.has(code);
  if (status === undefined || isFinalLimit({ code: code ?? null, type })) return false;
  return status === 401 || status === 403 ? isClientsKey : CLIENT_FAULT_STATUSES.has(status);
}

/** System error names that telemetry may carry. */
const REASONS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EAI_AGAIN',
]);

/** The label of a fault between us and a provider. */
export function toFaultType(code: ProviderFaultCode, reason: string | undefined): string {
  if (code === 'tls_failed') return 'tls_error';
  if (code === 'protocol_error') return 'upstream_protocol_error';
  return reason !== undefined && REASONS.has(reason) ? reason : code;
}
