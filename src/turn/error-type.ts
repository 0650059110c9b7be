/** The word for a failure in metrics, logs and spans: from a closed list, whatever a provider calls it. */
import { ERROR_CODES, type ErrorCode } from '../frames/errors.ts';
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

const STATUS_TYPES = new Set([400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504, 529]);

/** The label of a provider's failure: its code when it is a known one, else its status, else `_OTHER`. */
export function toErrorType(code: string | undefined, status?: number): string {
  if (code !== undefined && PROVIDER_CODES.has(code)) return code;
  return status !== undefined && STATUS_TYPES.has(status) ? String(status) : '_OTHER';
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
  if (code === 'no_room') return 'slow_down';
  if (code === 'protocol_error') return 'upstream_protocol_error';
  return reason !== undefined && REASONS.has(reason) ? reason : code;
}
