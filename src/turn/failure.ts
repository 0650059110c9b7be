/**
 * The one place where what went wrong on the far side becomes what the client hears, how the turn is counted,
 * and under which name (docs/errors.md).
 */
import { isJsonObject, parseJson } from '../json/json-object.ts';
import { MAX_VALUE_BYTES, memberOf, membersOf, valueOf, type Member } from '../json/object-walk.ts';
import { refusal, type ErrorAnswer, type ErrorCode } from '../frames/errors.ts';
import { providerCodeOf, toErrorAnswer } from '../frames/provider-refusal.ts';
import type { AttemptEnd, ProviderFaultCode } from '../provider/provider.ts';
import type { CompiledProvider } from '../route/snapshot.ts';
import { isClientsFault, toErrorType, toFaultType } from './error-type.ts';
import type { TurnOutcome } from './facts.ts';

/** A turn's failure, ready to be told. */
export interface TurnFailure {
  readonly answer: ErrorAnswer;
  readonly outcome: TurnOutcome;
  readonly errorType: string;
}

/** How a turn ended with a failure that the provider told. */
export type ToldEnding = Pick<TurnFailure, 'outcome' | 'errorType'>;

/** A refusal before any attempt. */
export function rejected(answer: ErrorAnswer): TurnFailure {
  return { answer, outcome: 'rejected', errorType: answer.error.code ?? answer.error.type };
}

/** One of our own limits ran out. */
export function timedOut(
  code: 'first_event_timeout' | 'idle_timeout' | 'turn_timeout',
  message: string,
): TurnFailure {
  return { answer: refusal(code, message), outcome: 'timeout', errorType: code };
}

const FAULT_CODES: Readonly<Record<ProviderFaultCode, ErrorCode>> = {
  connect_failed: 'provider_unreachable',
  connect_timeout: 'connect_timeout',
  dns_failed: 'provider_unreachable',
  tls_failed: 'provider_unreachable',
  address_refused: 'provider_unreachable',
  connection_lost: 'provider_connection_lost',
  protocol_error: 'provider_protocol_error',
  no_room: 'slow_down',
  request_too_large: 'payload_too_large',
};

/** An attempt ended before the provider's terminal event. */
export function fromAttemptEnd(end: AttemptEnd, provider: CompiledProvider): TurnFailure {
  switch (end.kind) {
    case 'finished':
      return {
        answer: refusal(
          'provider_stream_ended',
          `Provider ${provider.name} ended its stream without a terminal event.`,
        ),
        outcome: 'provider_error',
        errorType: 'upstream_stream_ended',
      };
    case 'refused': {
      const body = quotesKey(end.body, provider) ? undefined : parseJson(end.body);
      const answer = toErrorAnswer({
        status: end.status,
        headers: end.headers,
        body,
        ownKey: provider.auth.type !== 'Passthrough',
        provider: provider.name,
      });
      return {
        answer,
        ...toEnding(provider, {
          code: codeOfRefusal(answer, body),
          type: answer.error.type,
          status: end.status,
          otherwise: end.status >= 500 || end.status < 400 ? 'provider_error' : 'failed',
        }),
      };
    }
    case 'lost':
      return {
        answer: refusal(FAULT_CODES[end.fault.code], `${end.fault.message}.`),
        outcome: end.fault.code === 'request_too_large' ? 'rejected' : 'provider_error',
        errorType: toFaultType(end.fault.code, end.fault.reason),
      };
  }
}

interface Told {
  readonly code: string | undefined;
  readonly type?: string;
  readonly status: number | undefined;
  /** The outcome if it was not the client's fault. */
  readonly otherwise: TurnOutcome;
}

function toEnding({ auth }: CompiledProvider, { otherwise, ...told }: Told): ToldEnding {
  const isRejected = isClientsFault({ ...told, isClientsKey: auth.type === 'Passthrough' });
  return { outcome: isRejected ? 'rejected' : otherwise, errorType: toErrorType(told.code, told.status) };
}

/** Shorter keys are words that any text may hold. */
const MIN_QUOTED_KEY = 8;

/** A provider that repeats the bridge's own key in its refusal: nobody else may read that text. */
function quotesKey(body: Buffer, { auth }: CompiledProvider): boolean {
  const key = auth.type === 'APIKey' ? auth.key.reveal() : '';
  return key.length >= MIN_QUOTED_KEY && body.includes(key);
}

/** The provider's own code: what the client hears may be a word of ours for its status. */
function codeOfRefusal({ error: { code } }: ErrorAnswer, body: unknown): string | undefined {
  return code === 'provider_unauthorized' ? code : providerCodeOf(body);
}

/** An `error` event in the provider's stream: nested, or flat as the schema has it. */
export function fromErrorEvent(payload: Buffer, provider: CompiledProvider): TurnFailure {
  const members = membersOf(payload);
  const read = (key: string): unknown => {
    const member = memberOf(members, key);
    return member === undefined ? undefined : valueOf(payload, member);
  };
  const given = read('status') ?? read('status_code');
  const body = readError(payload, memberOf(members, 'error')) ?? {
    type: 'server_error',
    code: read('code'),
    message: read('message'),
    param: read('param'),
  };
  const status = typeof given === 'number' && given >= 400 && given <= 599 ? given : statusOfCode(body);
  const headers = toHeaders(read('headers'));
  const answer = toErrorAnswer({
    status,
    headers,
    body: { error: body },
    ownKey: provider.auth.type !== 'Passthrough',
    provider: provider.name,
  });
  const { code, type } = answer.error;
  return { answer, ...toEnding(provider, { code: code ?? undefined, type, status, otherwise: 'failed' }) };
}

/** A `response.failed` event, which passes as it is. @param code `error.code` of its response */
export function fromFailedResponse(code: string | undefined, provider: CompiledProvider): ToldEnding {
  return toEnding(provider, { code: code ?? 'server_error', status: undefined, otherwise: 'failed' });
}

/** A `response.failed` event as an error over HTTP, for clients that did not ask for a stream. */
export function fromFailedEvent(payload: Buffer): ErrorAnswer {
  const response = memberOf(membersOf(payload), 'response');
  const inner = response === undefined ? [] : membersOf(payload, response);
  const value = readError(payload, memberOf(inner, 'error'));
  const error = isJsonObject(value) ? value : {};
  const body = { type: 'server_error', code: 'server_error', message: 'The response failed.', ...error };
  return toErrorAnswer({
    status: statusOfCode(body),
    headers: {},
    body: { error: body },
    ownKey: false,
    provider: '',
  });
}

/** An error's value; of one too large to be parsed, what decides how it is told. */
function readError(payload: Buffer, error: Member | undefined): unknown {
  if (error === undefined) return undefined;
  if (error.end - error.start <= MAX_VALUE_BYTES) return valueOf(payload, error);
  const kept = membersOf(payload, error).filter(({ key }) => key === 'code' || key === 'type');
  return Object.fromEntries(kept.map((member) => [member.key, valueOf(payload, member)]));
}

/** Codes whose status the event did not give; without one the client would ignore the frame. */
const STATUS_OF_CODE: ReadonlyMap<string, number> = new Map(
  Object.entries({
    rate_limit_exceeded: 429,
    insufficient_quota: 429,
    usage_limit_reached: 429,
    usage_not_included: 429,
    billing_hard_limit_reached: 429,
    server_is_overloaded: 503,
    slow_down: 503,
    previous_response_not_found: 400,
    context_length_exceeded: 400,
    invalid_prompt: 400,
    invalid_request_error: 400,
    model_not_found: 404,
    invalid_api_key: 401,
  }),
);

function statusOfCode(body: unknown): number {
  if (typeof body !== 'object' || body === null) return 502;
  const { code, type } = body as { code?: unknown; type?: unknown };
  for (const word of [code, type]) {
    const status = typeof word === 'string' ? STATUS_OF_CODE.get(word) : undefined;
    if (status !== undefined) return status;
    if (typeof word === 'number' && word >= 400 && word <= 599) return word;
  }
  return 502;
}

/** Characters that a header value may have (RFC 9110 5.5); an event may hold any. */
const HEADER_TEXT = /^[\t\x20-\x7e]*$/;
const HEADER_NAME = /^(?:retry-after|retry-after-ms|x-ratelimit-[a-z0-9-]{1,64}|x-codex-[a-z0-9-]{1,64})$/;

/** The `headers` of an error event that clients act on. */
function toHeaders(value: unknown): Record<string, string> {
  if (!isJsonObject(value)) return {};
  const headers: Record<string, string> = {};
  for (const [given, field] of Object.entries(value)) {
    const name = given.toLowerCase();
    const text = typeof field === 'number' ? String(field) : field;
    if (HEADER_NAME.test(name) && typeof text === 'string' && HEADER_TEXT.test(text)) headers[name] = text;
  }
  return headers;
}
