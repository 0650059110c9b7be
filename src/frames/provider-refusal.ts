/**
 * A provider's refusal as the client hears it. Status, code and message are kept, with the few changes that make
 * the measured clients do the right thing: retry where a retry helps, stop where it cannot. The Codex CLI stops
 * for good on a 429 or an overloaded 503 without `retry-after`, and repeats a 413 five times with the full
 * payload.
 */
import { isJsonObject } from '../json/json-object.ts';
import { refusal, type ErrorAnswer } from './errors.ts';
import { isFinalLimit } from './retry-signals.ts';

/** What came back instead of a stream. */
export interface ProviderRefusal {
  readonly status: number;
  /** Names in lower case; already reduced to what clients may see. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed body; undefined when it was no JSON (plain text, HTML of a proxy): the status speaks. */
  readonly body: unknown;
  /** The provider was called with the bridge's own key, or with none: its refusal is not about the client's. */
  readonly ownKey: boolean;
  /** For the sentence that names who has to act. */
  readonly provider: string;
}

/** Seconds to wait where the provider says that it is too busy and not for how long. */
const DEFAULT_RETRY_AFTER_S = 5;
/** Longest delay that is handed on: beyond it a client should hear the error now. */
const MAX_RETRY_AFTER_S = 3600;

/** Turns a refusal of the provider into the client's error. */
export function toErrorAnswer(refused: ProviderRefusal): ErrorAnswer {
  if (refused.ownKey && (refused.status === 401 || refused.status === 403)) {
    // The text of such an answer may quote the key, and the client's own key is fine.
    return refusal(
      'provider_unauthorized',
      `Provider ${refused.provider} refused the credentials that this bridge holds for it ` +
        `(status ${refused.status}). Whoever runs the bridge has to mend them; trying again will not help.`,
    );
  }
  const error = readError(refused);
  return {
    // 3xx: a provider that redirects is not where its URL says; nothing a client can act on
    status: refused.status === 413 ? 400 : refused.status < 400 ? 502 : refused.status,
    error,
    headers: withRetryAfter(refused, error),
  };
}

type ErrorBody = ErrorAnswer['error'];

function readError(refused: ProviderRefusal): ErrorBody {
  const given = findError(refused.body);
  const fallback = {
    type:
      refused.status >= 500 || refused.status < 400
        ? 'server_error'
        : refused.status === 429
          ? 'rate_limit_error'
          : 'invalid_request_error',
    code: fallbackCode(refused.status),
    message: `Provider ${refused.provider} answered with status ${refused.status}.`,
    param: null,
  };
  if (given === undefined) return fallback;
  return {
    ...shallowFields(given),
    type: textOr(given['type'], fallback.type),
    code: codeOf(given['code']) ?? (typeof given['type'] === 'string' ? null : fallback.code),
    message: textOr(given['message'], fallback.message),
    param: typeof given['param'] === 'string' ? given['param'] : null,
  };
}

/** Deepest value that is handed on beside an error's own fields: plans, reset times, a review's address. */
const MAX_EXTRA_DEPTH = 4;

function shallowFields(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => isShallow(value, MAX_EXTRA_DEPTH)));
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => isShallow(inner, depth - 1));
}

function fallbackCode(status: number): string | null {
  if (status === 404) return 'not_found';
  if (status === 413) return 'payload_too_large';
  if (status === 429) return 'rate_limit_exceeded';
  return status >= 500 || status < 400 ? 'server_error' : null;
}

/** The forms that are met: `{error:{…}}`, `{error:"…"}`, `{message}`, `{detail}` as text or object, and arrays of these. */
function findError(value: unknown): Record<string, unknown> | undefined {
  const body = Array.isArray(value) ? value[0] : value;
  if (!isJsonObject(body)) return undefined;
  const inner = body['error'];
  if (isJsonObject(inner)) return inner;
  if (typeof inner === 'string') return { message: inner };
  if (typeof body['message'] === 'string')
    return { message: body['message'], code: body['code'], type: body['type'] };
  const { detail } = body;
  if (typeof detail === 'string') return { message: detail };
  return isJsonObject(detail) ? detail : undefined;
}

/** The code that a provider gave in its answer's body, in whatever form; undefined if it gave none. */
export function providerCodeOf(body: unknown): string | undefined {
  return codeOf(findError(body)?.['code']);
}

function codeOf(code: unknown): string | undefined {
  if (typeof code === 'string') return code;
  return typeof code === 'number' ? String(code) : undefined; // OpenRouter's are numbers
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}

/**
 * Where Codex would stop for good without `retry-after`: any 429 that waiting cures, and an overloaded 503. A plain
 * 503 it tries again by itself, after 0.2 s and unseen (measured): a delay of ours would only be felt.
 */
function withRetryAfter(refused: ProviderRefusal, error: ErrorBody): Readonly<Record<string, string>> {
  const { headers, status } = refused;
  const given = headers['retry-after'];
  if (given !== undefined) {
    // clients read seconds only; HTTP allows a date as well
    const seconds = /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : (Date.parse(given) - Date.now()) / 1000;
    if (Number.isFinite(seconds)) return { ...headers, 'retry-after': String(clampDelay(seconds)) };
  }
  const wantsDelay = status === 429 || (status === 503 && error.code === 'server_is_overloaded');
  if (!wantsDelay) return headers;
  if (isFinalLimit(error)) return headers;
  return { ...headers, 'retry-after': String(delaySeconds(headers, error.message)) };
}

function delaySeconds(headers: Readonly<Record<string, string>>, message: string): number {
  const ms = Number(headers['retry-after-ms']);
  if (Number.isFinite(ms) && ms > 0) return clampDelay(ms / 1000);
  const said = /try again in ([0-9.]+) ?(ms|s)\b/i.exec(message);
  if (said) return clampDelay(Number(said[1]) / (said[2]?.toLowerCase() === 'ms' ? 1000 : 1));
  return DEFAULT_RETRY_AFTER_S;
}

function clampDelay(seconds: number): number {
  return Number.isFinite(seconds)
    ? Math.min(Math.max(Math.ceil(seconds), 1), MAX_RETRY_AFTER_S)
    : DEFAULT_RETRY_AFTER_S;
}
