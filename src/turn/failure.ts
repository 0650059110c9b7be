/**
 * The one place where what went wrong on the far side becomes what the client hears, how the turn is counted,
 * and under which name (docs/errors.md).
 */
import { isJsonObject, parseJson } from '../json/json-object.ts';
import { refusal, type ErrorAnswer, type ErrorCode } from '../frames/errors.ts';
import { providerCodeOf, toErrorAnswer } from '../frames/provider-refusal.ts';
import type { AttemptEnd, ProviderFault, ProviderFaultCode } from '../provider/provider.ts';
import type { CompiledProvider, CompiledRoute, UnusableProvider } from '../route/snapshot.ts';
import { readErrorEvent, readFailedEvent, statusOfError } from './error-event.ts';
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

/**
 * The route has a provider for it, and nothing to identify ourselves with. A Secret that is replaced is gone for a moment:
 * the client is told to try again.
 */
export function withoutCredentials(route: CompiledRoute, provider: UnusableProvider): TurnFailure {
  return {
    answer: refusal(
      'not_ready',
      `Provider ${provider.name} of route ${route.id} cannot be used now: its key or its authorities are missing. The status of the route says what to mend.`,
    ),
    outcome: 'failed',
    errorType: 'not_ready',
  };
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
  handshake_timeout: 'connect_timeout',
  socket_closed: 'provider_connection_lost',
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
      const isNoWebSocket = end.status < 400 || NO_WEBSOCKET.has(end.status);
      if (end.phase === 'upgrade' && isNoWebSocket) return withoutWebSocket(end.status, provider);
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
    case 'lost': {
      const code = codeOfFault(end.fault);
      return {
        answer: refusal(code, `${end.fault.message}.`),
        outcome: code === 'payload_too_large' ? 'rejected' : 'provider_error',
        errorType: toFaultType(end.fault.code, end.fault.reason),
      };
    }
  }
}

/** Statuses of an upgrade at a place without WebSockets, beside those that are no error. A 400 may be about what the client sent. */
const NO_WEBSOCKET: ReadonlySet<number> = new Set([404, 405, 426, 501]);

/** The route wants a WebSocket where there is none: nothing that a client could mend. */
function withoutWebSocket(status: number, { name }: CompiledProvider): TurnFailure {
  return {
    answer: refusal(
      'provider_has_no_websocket',
      `Provider ${name} has no WebSocket at this URL: it answered the upgrade with status ${status}. Whoever runs the bridge has to correct the url of its route, or to set its transport to HTTP or Auto, with https:// in the url: wss:// means WebSocket alone.`,
    ),
    outcome: 'provider_error',
    errorType: toErrorType(undefined, status),
  };
}

/** Close codes of a provider's WebSocket that say what to do: send less, come later (RFC 6455 7.4, and its registry). */
const CODES_OF_CLOSES: ReadonlyMap<number | undefined, ErrorCode> = new Map([
  [1009, 'payload_too_large'],
  [1013, 'slow_down'],
]);

function codeOfFault({ code, closeCode }: ProviderFault): ErrorCode {
  const told = code === 'socket_closed' ? CODES_OF_CLOSES.get(closeCode) : undefined;
  return told ?? FAULT_CODES[code];
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

/** An `error` event in the provider's stream. */
export function fromErrorEvent(payload: Buffer, provider: CompiledProvider): TurnFailure {
  const { status = 502, headers, error } = readErrorEvent(payload);
  const answer = toErrorAnswer({
    status,
    headers,
    body: quotesKey(payload, provider) ? undefined : { error },
    ownKey: provider.auth.type !== 'Passthrough',
    provider: provider.name,
  });
  const { code, type } = answer.error;
  return { answer, ...toEnding(provider, { code: code ?? undefined, type, status, otherwise: 'failed' }) };
}

/**
 * A `response.failed` event that cannot pass as it is, since it repeats the bridge's own key.
 * @returns undefined for all others
 */
export function fromQuotingEvent(payload: Buffer, provider: CompiledProvider): TurnFailure | undefined {
  if (!quotesKey(payload, provider)) return undefined;
  const error = readFailedEvent(payload);
  const { name } = provider;
  const status = statusOfError(error) ?? 502;
  const answer = toErrorAnswer({ status, headers: {}, body: undefined, ownKey: true, provider: name });
  return { answer, ...fromFailedResponse(providerCodeOf({ error }), provider) };
}

/**
 * The response that the request continues is not known there, as a code says, or in the words of the Codex backend: a plain
 * `invalid_request_error` about `previous_response_id`.
 */
export function saysForgotten({
  answer,
  errorType,
}: ToldEnding & Partial<Pick<TurnFailure, 'answer'>>): boolean {
  if (errorType === 'previous_response_not_found') return true;
  if (answer?.error.type !== 'invalid_request_error') return false;
  const { param, message } = answer.error;
  return param === 'previous_response_id' || (param === null && message.includes('previous_response_id'));
}

/** A `response.failed` event, which passes as it is. @param code `error.code` of its response */
export function fromFailedResponse(code: string | undefined, provider: CompiledProvider): ToldEnding {
  return toEnding(provider, { code: code ?? 'server_error', status: undefined, otherwise: 'failed' });
}

/** A `response.failed` event as an error over HTTP, for clients that did not ask for a stream. */
export function fromFailedEvent(payload: Buffer): ErrorAnswer {
  const value = readFailedEvent(payload);
  const error = isJsonObject(value) ? value : {};
  const body = { type: 'server_error', code: 'server_error', message: 'The response failed.', ...error };
  return toErrorAnswer({
    status: statusOfError(body) ?? 502,
    headers: {},
    body: { error: body },
    ownKey: false,
    provider: '',
  });
}
