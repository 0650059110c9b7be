/** What the span of a turn says: the server's side, as the client saw it. */
import { SpanStatusCode, type SpanStatus } from '@opentelemetry/api';
import type { TurnOutcome, TurnRecord } from '../../turn/facts.ts';
import { providerId } from '../provider-id.ts';
import type { SpanAttributes } from './attribute-names.ts';

/** What was chosen between providers while the turn ran. */
export interface TurnChoices {
  /** It went on to another provider. */
  readonly hasFailedOver: boolean;
  /** It travelled over HTTP, though its provider's WebSocket was preferred. */
  readonly hasFallenBack: boolean;
}

/** Everything, once it has ended. Durations are seconds; one that never was is left out. */
export function turnAttributes(turn: TurnRecord, choices?: TurnChoices): SpanAttributes {
  const { details, outcome } = turn;
  return {
    'network.protocol.name': turn.via,
    'http.request.method': turn.via === 'http' ? 'POST' : undefined,
    'http.route': turn.via === 'http' ? turn.path : undefined,
    'http.response.status_code': turn.via === 'http' ? httpStatusOf(turn) : undefined,
    'url.path': turn.path,
    'turnbridge.connection.id': turn.connectionId,
    'turnbridge.turn.id': turn.id,
    'turnbridge.turn.index': turn.index,
    'turnbridge.lane': details?.laneName ?? turn.lane,
    'turnbridge.client.kind': turn.clientKind,
    'turnbridge.tenant': turn.tenant,
    'turnbridge.route': turn.route,
    'turnbridge.model': turn.model,
    'turnbridge.provider': turn.provider,
    'session.id': turn.session,
    'turnbridge.codex.turn_id': details?.codexTurn,
    'turnbridge.codex.request_kind': details?.requestKind,
    'turnbridge.codex.subagent': details?.subagent,
    'turnbridge.warmup': turn.isWarmup ? true : undefined,
    'turnbridge.request.bytes': turn.requestBytes,
    'turnbridge.request.continuation': turn.asksToContinue ? 'previous_response_id' : 'none',
    'turnbridge.continuation': turn.continuation,
    'turnbridge.queue.duration': secondsOf(between(turn.receivedAt, turn.startedAt)),
    'turnbridge.attempts': turn.attempts,
    'turnbridge.transport': turn.attempts > 0 ? turn.transport : undefined,
    'turnbridge.failover': choices?.hasFailedOver === true ? true : undefined,
    'turnbridge.transport.fallback': choices?.hasFallenBack === true ? true : undefined,
    'turnbridge.time_to_first_event': secondsFrom(turn.receivedAt, turn.firstEventAt),
    'turnbridge.time_to_first_output': secondsFrom(turn.receivedAt, turn.firstOutputAt),
    'turnbridge.stream.events': turn.events,
    'turnbridge.stream.bytes': turn.bytesOut,
    'turnbridge.stream.max_gap': turn.maxGapMs / 1000,
    'turnbridge.stream.keepalives': turn.keepalives > 0 ? turn.keepalives : undefined,
    'turnbridge.backpressure.duration': secondsOf(turn.pausedMs),
    'turnbridge.overhead.duration': secondsOf(turn.overheadMs),
    'turnbridge.outcome': outcome,
    'turnbridge.code': turn.answerCode,
    'turnbridge.response.id': providerId(turn.responseId),
    'error.type': outcome !== undefined && isAborted(outcome) ? undefined : turn.errorType,
  };
}

/** A duration in seconds; undefined if there was none. */
function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined || ms <= 0 ? undefined : ms / 1000;
}

function between(from: number, to: number | undefined): number | undefined {
  return to === undefined ? undefined : to - from;
}

/**
 * What an HTTP client was answered with. Undefined where that cannot be told: it went away, or the failure came after
 * the first event, which a stream hears of with 200 and a client that waits for one JSON body with the failure's own.
 */
function httpStatusOf({ outcome, status, firstEventAt }: TurnRecord): number | undefined {
  if (outcome === 'completed' || outcome === 'incomplete') return 200;
  return firstEventAt === undefined ? status : undefined;
}

/**
 * An error is what somebody has to look at: not what a client asked for wrongly, and not what it did not want any more.
 * No description: a provider's words may quote a prompt.
 */
export function turnStatus(turn: TurnRecord): SpanStatus {
  return isServerError(turn) ? { code: SpanStatusCode.ERROR } : { code: SpanStatusCode.UNSET };
}

function isServerError({ outcome }: TurnRecord): boolean {
  switch (outcome) {
    case 'failed':
    case 'provider_error':
    case 'timeout':
    case 'drained':
    case 'bridge_error':
    case undefined: // only our bug ends a turn without an outcome
      return true;
    case 'completed':
    case 'incomplete':
    case 'rejected':
    case 'cancelled':
    case 'disconnected':
      return false;
  }
}

/** Nobody wanted it any more: no error, whatever was under way. */
export function isAborted(outcome: TurnOutcome): boolean {
  return outcome === 'cancelled' || outcome === 'disconnected';
}

/** Seconds between two moments in milliseconds; undefined if there was no second one. */
export function secondsFrom(from: number, to: number | undefined): number | undefined {
  return to === undefined ? undefined : Math.max(0, to - from) / 1000;
}
