/**
 * What the end of an attempt means, as long as the client has heard nothing: may another provider be asked, does it count
 * against this one, is there another way to the same one. Pure; nobody acts here.
 */
import { providerCodeOf } from '../frames/provider-refusal.ts';
import { isFinalLimit } from '../frames/retry-signals.ts';
import { isJsonObject, parseJson } from '../json/json-object.ts';
import type { EventType } from '../events/event-type.ts';
import type { AttemptEnd, ProviderFault } from '../provider/provider.ts';
import type { FailoverCause } from '../route/failover-causes.ts';
import type { CompiledProvider } from '../route/snapshot.ts';
import { readErrorEvent, readFailedEvent, statusOfError } from './error-event.ts';
import { isClientsFault } from './error-type.ts';
import type { FallbackReason } from './facts.ts';
import { toRetryAfterMs } from './retry-after.ts';
import type { WebSocketLack } from './transport-memory.ts';

export interface Judgement {
  /** Another provider may be asked for it, where the route says so; undefined: it would do no good, or no harm is done. */
  readonly cause: FailoverCause | undefined;
  /** It counts against the provider's health. */
  readonly isFailure: boolean;
  /** It counts for the provider's health: it answered, or refused what is the client's fault or beyond the client's limit. */
  readonly isAnswer: boolean;
  /** Later turns of the lane need not come here. */
  readonly releasesPin: boolean;
  /** The provider asked everybody to stay away for so long, above 0. Whoever it serves with their own keys asks for themselves. */
  readonly retryAfterMs: number | undefined;
  /** The same provider may be asked over HTTP, which comes before all else; undefined: it may not, or was. */
  readonly fallback: FallbackReason | undefined;
  /** Why its WebSocket need not be tried for a while. */
  readonly lack: WebSocketLack | undefined;
  /** The socket was dead or at its end: one more try on a fresh one comes before all else. */
  readonly isStale: boolean;
}

type JudgedProvider = Pick<CompiledProvider, 'auth' | 'transport'>;

/** How the attempt went out, and how far it came. */
export interface JudgedAttempt {
  readonly transport: 'http' | 'websocket';
  /** The provider had accepted it (`onAnswer`). */
  readonly isAnswered: boolean;
}

/** Neither good nor bad, and nothing to be done. */
const NOTHING: Judgement = {
  cause: undefined,
  isFailure: false,
  isAnswer: false,
  releasesPin: false,
  retryAfterMs: undefined,
  fallback: undefined,
  lack: undefined,
  isStale: false,
};
const ANSWERED: Judgement = { ...NOTHING, isAnswer: true };

function failedBy(cause: FailoverCause): Judgement {
  return { ...NOTHING, cause, isFailure: true, releasesPin: true };
}

/**
 * An attempt ended before its first event.
 *
 * @param wallNow Milliseconds since 1970, for a `retry-after` that is a date.
 */
export function judgeEnd(
  end: AttemptEnd,
  provider: JudgedProvider,
  attempt: JudgedAttempt,
  wallNow: number = Date.now(),
): Judgement {
  switch (end.kind) {
    case 'finished':
      return failedBy('ServerError');
    case 'refused':
      return end.phase === 'upgrade'
        ? judgeUpgrade(end, provider, wallNow)
        : judgeRefusal(end, provider, wallNow);
    case 'lost':
      return judgeLoss(end, provider, attempt);
  }
}

/** No event came within `timeouts.firstEventSeconds`. */
export function judgeTimeout(): Judgement {
  return failedBy('Timeout');
}

/**
 * The first event that says something: whatever is neither keep-alive nor metadata. An `error` or `response.failed` is
 * judged before anybody hears it.
 */
export function judgeFirstEvent(
  payload: Buffer,
  type: EventType,
  provider: JudgedProvider,
  transport: JudgedAttempt['transport'],
  wallNow: number = Date.now(),
): Judgement {
  switch (type.role) {
    case 'error': {
      const { status, headers, error } = readErrorEvent(payload);
      const said = wordsOf(error);
      if (said.code === SPENT_SOCKET && transport === 'websocket') return spentSocket(provider);
      return judgeVerdict({ ...said, status }, provider, headers, wallNow);
    }
    case 'failed': {
      const error = readFailedEvent(payload);
      return judgeVerdict({ ...wordsOf(error), status: statusOfError(error) }, provider, {}, wallNow);
    }
    case 'keepalive':
    case 'metadata':
      return NOTHING;
    case 'created':
    case 'item-added':
    case 'item-done':
    case 'output':
    case 'completed':
    case 'incomplete':
    case 'other':
      return ANSWERED;
  }
}

type Refused = Extract<AttemptEnd, { kind: 'refused' }>;

/** How servers refuse an upgrade that they do not know. */
const NO_WEBSOCKET: ReadonlySet<number> = new Set([400, 404, 405, 426, 501]);

function judgeUpgrade(refused: Refused, provider: JudgedProvider, wallNow: number): Judgement {
  const { status } = refused;
  const isUnknown = NO_WEBSOCKET.has(status);
  if (provider.transport === 'Auto') {
    if (!isUnknown) return { ...NOTHING, fallback: 'upgrade_refused' };
    return { ...NOTHING, fallback: 'not_supported', lack: status === 400 ? 'bad_request' : 'not_supported' };
  }
  // A route that wants a WebSocket where there is none: the provider cannot be used. A 400 may be about the client's headers.
  if (isUnknown && status !== 400) return failedBy('ServerError');
  return judgeRefusal(refused, provider, wallNow);
}

function judgeRefusal(
  { status, headers, body }: Refused,
  provider: JudgedProvider,
  wallNow: number,
): Judgement {
  const parsed = parseJson(body);
  const type = typeOf(parsed);
  return judgeVerdict({ code: providerCodeOf(parsed), type, status }, provider, headers, wallNow);
}

interface Verdict {
  readonly code: string | undefined;
  readonly type: string;
  /** Undefined: an event did not say. */
  readonly status: number | undefined;
}

const PIN_RELEASING: ReadonlySet<number> = new Set([401, 402, 403, 408, 429]);

function judgeVerdict(
  verdict: Verdict,
  { auth }: JudgedProvider,
  headers: Readonly<Record<string, string>>,
  wallNow: number,
): Judgement {
  const cause = causeOf(verdict, auth.type === 'APIKey');
  const isTheirs = isClientsFault({ ...verdict, isClientsKey: auth.type === 'Passthrough' });
  const releasesPin = cause !== undefined || PIN_RELEASING.has(verdict.status ?? 0);
  if (cause === undefined) return { ...NOTHING, isAnswer: isTheirs, releasesPin };
  const retryAfterMs = toRetryAfterMs(headers, wallNow);
  if (cause !== 'RateLimited') return { ...failedBy(cause), retryAfterMs };
  // Each client has a limit of its own: one that is beyond it must not send, nor keep, everybody else away.
  if (auth.type === 'Passthrough') return { ...ANSWERED, cause, releasesPin };
  return { ...failedBy(cause), isFailure: retryAfterMs === undefined, retryAfterMs };
}

/** What providers call their own trouble; so does an event that says no more than "error". */
const SERVER_CODES: ReadonlySet<string | undefined> = new Set([
  undefined,
  'server_error',
  'server_is_overloaded',
  'slow_down',
  'vector_store_timeout',
]);

/** Undefined: another provider would say the same, or nobody knows what this one says. */
function causeOf({ code, type, status }: Verdict, isOwnKey: boolean): FailoverCause | undefined {
  if (isClientsFault({ code, type, status: undefined, isClientsKey: !isOwnKey })) return undefined;
  if (status === 429 || isFinalLimit({ code: code ?? null, type })) return 'RateLimited';
  if (status === 408 || status === 504) return 'Timeout';
  if (status === undefined)
    return SERVER_CODES.has(code) || type === 'server_error' ? 'ServerError' : undefined;
  // one that redirects a turn is not where its URL says: no client can do anything about it
  if (status >= 500 || status < 400) return 'ServerError';
  return isOwnKey && (status === 401 || status === 402 || status === 403) ? 'ServerError' : undefined;
}

/** What a provider says on a WebSocket that it will take no more turns from. */
const SPENT_SOCKET = 'websocket_connection_limit_reached';

function spentSocket({ transport }: JudgedProvider): Judgement {
  const fallback = transport === 'Auto' ? 'socket_lost' : undefined;
  return { ...NOTHING, cause: 'ConnectFailure', fallback, isStale: true };
}

/** Close codes: "the message is too big", "try again later". */
const CLOSE_TOO_BIG = 1009;
const CLOSE_TRY_LATER = 1013;

function judgeLoss(
  { fault, isStale }: Extract<AttemptEnd, { kind: 'lost' }>,
  provider: JudgedProvider,
  { transport, isAnswered }: JudgedAttempt,
): Judgement {
  if (isStale) return spentSocket(provider);
  const mayFallBack = provider.transport === 'Auto' && transport === 'websocket';
  switch (fault.code) {
    case 'connect_failed':
    case 'connect_timeout':
    case 'dns_failed':
    case 'tls_failed':
    case 'address_refused':
      return failedBy('ConnectFailure'); // HTTP would go to the same host
    case 'handshake_timeout':
      if (!mayFallBack) return failedBy('ConnectFailure');
      return { ...NOTHING, fallback: 'handshake_timeout', lack: 'handshake_timeout' };
    case 'socket_closed':
      return judgeClose(fault, provider);
    case 'connection_lost':
      if (mayFallBack) return { ...NOTHING, fallback: 'socket_lost' };
      return failedBy(isAnswered ? 'ServerError' : 'ConnectFailure');
    case 'protocol_error':
      return failedBy('ServerError');
    case 'request_too_large':
      return mayFallBack ? { ...NOTHING, fallback: 'too_large' } : NOTHING;
    case 'no_room':
      return NOTHING; // our own memory
  }
}

function judgeClose({ closeCode }: ProviderFault, { auth, transport }: JudgedProvider): Judgement {
  const isAuto = transport === 'Auto';
  if (closeCode === CLOSE_TRY_LATER) {
    return { ...failedBy('RateLimited'), isFailure: auth.type !== 'Passthrough' };
  }
  if (closeCode === CLOSE_TOO_BIG) return isAuto ? { ...NOTHING, fallback: 'too_large' } : NOTHING;
  return isAuto ? { ...NOTHING, fallback: 'socket_lost' } : failedBy('ServerError');
}

/** `code` and `type` of an error, where they are words. */
function wordsOf(error: unknown): Pick<Verdict, 'code' | 'type'> {
  const body = { error };
  return { code: providerCodeOf(body), type: typeOf(body) };
}

function typeOf(body: unknown): string {
  const error = isJsonObject(body) ? body['error'] : undefined;
  const type = isJsonObject(error) ? error['type'] : undefined;
  return typeof type === 'string' ? type : '';
}
