/**
 * The access log: what turns and connections announce, as log lines. One `turn.end` per turn, one
 * `connection.close` per connection; everything that can come in floods is limited to a line per second and reason.
 */
import type {
  ClientFact,
  ClientFactListener,
  ConnectionRecord,
  TlsFailure,
  TunnelRecord,
} from '../../client/facts.ts';
import type { AttemptRecord, TurnFact, TurnFactListener, TurnOutcome, TurnRecord } from '../../turn/facts.ts';
import { isFailed } from '../is-failed.ts';
import { providerId } from '../provider-id.ts';
import { errorFields } from './error-fields.ts';
import type { Log } from './log.ts';
import type { LogFields, LogLevel } from './log-line.ts';
import { logChoice } from './provider-log.ts';
import { traceFields } from './turn-fields.ts';

/** `info` unless somebody should look: our bug is an error, a turn that failed for no fault of its client a warning. */
const LEVELS: Readonly<Record<TurnOutcome, Exclude<LogLevel, 'debug'>>> = {
  completed: 'info',
  incomplete: 'info',
  failed: 'info',
  provider_error: 'warn',
  timeout: 'warn',
  rejected: 'info',
  cancelled: 'info',
  disconnected: 'info',
  drained: 'warn',
  bridge_error: 'error',
};

/**
 * Listens to facts and writes lines. The listeners hold no state of their own and need no closing; the log stays its
 * owner's.
 */
export function turnLog(log: Log): { turnFacts: TurnFactListener; clientFacts: ClientFactListener } {
  return {
    turnFacts: (fact) => logTurnFact(log, fact),
    clientFacts: (fact) => logClientFact(log, fact),
  };
}

function logTurnFact(log: Log, fact: TurnFact): void {
  switch (fact.kind) {
    case 'turn.started':
      log.debug('turn.start', 'turn started', turnStartFields(fact.turn));
      return;
    case 'attempt.ended':
      if (isFailed(fact.attempt)) logFailedAttempt(log, fact.turn, fact.attempt);
      return;
    case 'turn.ended': {
      const level = LEVELS[fact.turn.outcome ?? 'bridge_error'];
      log[level]('turn.end', 'turn ended', turnEndFields(fact.turn));
      return;
    }
    case 'bridge.mistake':
      log.error('bridge.mistake', 'the bridge made a mistake', errorFields(fact.error));
      return;
    case 'transcript.evicted':
      log.debug('transcript.evict', 'transcript given up', {
        connection_id: fact.connectionId,
        bytes: fact.bytes,
      });
      return;
    case 'turn.failover':
    case 'turn.failover-denied':
    case 'turn.transport-fallback':
    case 'provider.ejected':
    case 'provider.returned':
    case 'provider.rate-limit':
      logChoice(log, fact);
      return;
    case 'turn.queued':
    case 'attempt.started':
    case 'turn.first-event':
    case 'turn.first-output':
    case 'warmup.answered':
      return; // metrics and spans tell these
  }
}

function logClientFact(log: Log, fact: ClientFact): void {
  switch (fact.kind) {
    case 'handshake': {
      const { result, via, status, failed } = fact.handshake;
      if (result === 'accepted') return;
      const whose = failed === undefined ? '' : `:${failed.route}/${failed.provider}:${failed.errorType}`;
      log.warnRepeated(`reject:${result}${whose}`, 'connection.reject', 'request refused', {
        via,
        result,
        status_code: status,
        route: failed?.route,
        provider: failed?.provider,
        path: failed?.path,
        error_type: failed?.errorType,
      });
      return;
    }
    case 'connection.opened':
      log.debug('connection.open', 'connection opened', connectionFields(fact.connection));
      return;
    case 'connection.closed':
      log.info('connection.close', 'connection closed', closeFields(fact.connection));
      return;
    case 'tunnel.opened':
      log.debug('tunnel.open', 'WebSocket is passed on', tunnelFields(fact.tunnel));
      return;
    case 'tunnel.closed':
      log.info('tunnel.close', 'WebSocket that was passed on closed', tunnelCloseFields(fact.tunnel));
      return;
    case 'frame.refused':
      if (fact.reason === 'leaving') return; // a part of every drain, and no mistake of anybody's
      log.warnRepeated(`frame:${fact.reason}`, 'protocol.error', 'frame refused', {
        connection_id: fact.connectionId,
        reason: fact.reason,
      });
      return;
    case 'tls.failed':
      logTlsFailure(log, fact.reason);
      return;
    case 'bridge.mistake':
      log.error('bridge.mistake', 'the bridge made a mistake', errorFields(fact.error));
      return;
    case 'backpressure.ended':
      log.debug('slow.consumer', 'provider was paused for a slow client', {
        connection_id: fact.connectionId,
        paused_ms: fact.ms,
      });
      return;
    case 'ping.answered':
      return;
  }
}

/** Balancers and kubelets try whether the port is open, and go: that is nobody's trouble. */
function logTlsFailure(log: Log, reason: TlsFailure): void {
  if (reason === 'disconnected') log.debug('tls.handshake', 'TLS handshake failed', { reason });
  else log.warnRepeated(`tls:${reason}`, 'tls.handshake', 'TLS handshake failed', { reason });
}

function logFailedAttempt(log: Log, turn: TurnRecord, attempt: AttemptRecord): void {
  const key = `attempt:${turn.route}/${attempt.provider}:${attempt.errorType}`;
  log.warnRepeated(key, 'attempt.fail', 'attempt failed', {
    ...traceFields(attempt.trace),
    connection_id: turn.connectionId,
    turn_id: turn.id,
    route: turn.route,
    provider: attempt.provider,
    origin: attempt.origin,
    transport: attempt.transport,
    attempt: attempt.number,
    reason: attempt.reason,
    transport_reason: attempt.transportReason,
    error_type: attempt.errorType,
    status_code: attempt.status,
    retry_after_s: attempt.retryAfterS,
    close_code: attempt.closeCode,
    provider_request_id: providerId(attempt.requestId),
    duration_ms: between(attempt.startedAt, attempt.endedAt),
  });
}

function turnStartFields(turn: TurnRecord): LogFields {
  return {
    ...traceFields(turn.trace),
    connection_id: turn.connectionId,
    turn_id: turn.id,
    turn_index: turn.index,
    via: turn.via,
    client: turn.clientKind,
    tenant: turn.tenant,
    route: turn.route,
    provider: turn.provider,
    model: turn.model,
    lane: turn.lane,
    session: turn.session,
    queue_ms: between(turn.receivedAt, turn.startedAt),
  };
}

function turnEndFields(turn: TurnRecord): LogFields {
  return {
    ...turnStartFields(turn),
    transport: turn.transport,
    continuation: turn.continuation,
    outcome: turn.outcome,
    error_type: turn.errorType,
    code: turn.answerCode,
    status_code: turn.status,
    attempts: turn.attempts,
    duration_ms: between(turn.receivedAt, turn.endedAt),
    ttfe_ms: between(turn.receivedAt, turn.firstEventAt),
    ttfo_ms: between(turn.receivedAt, turn.firstOutputAt),
    max_gap_ms: turn.maxGapMs,
    paused_ms: turn.pausedMs,
    overhead_ms: turn.overheadMs,
    events: turn.events,
    bytes_in: turn.requestBytes,
    bytes_out: turn.bytesOut,
    input_tokens: turn.usage?.inputTokens,
    cached_tokens: turn.usage?.cachedTokens,
    output_tokens: turn.usage?.outputTokens,
    reasoning_tokens: turn.usage?.reasoningTokens,
    response_id: providerId(turn.responseId),
    provider_request_id: providerId(turn.providerRequestId),
  };
}

function connectionFields(connection: ConnectionRecord): LogFields {
  return {
    ...traceFields(connection.trace),
    connection_id: connection.id,
    client: connection.clientKind,
    tenant: connection.tenant,
    group: connection.group,
  };
}

function closeFields(connection: ConnectionRecord): LogFields {
  return {
    ...connectionFields(connection),
    close_code: connection.closeCode,
    close_initiator: connection.closeInitiator,
    close_reason: connection.closeReason,
    duration_ms: between(connection.openedAt, connection.closedAt),
    turns: connection.turns,
    frames_in: connection.framesIn,
    bytes_in: connection.bytesIn,
    bytes_out: connection.bytesOut,
  };
}

function tunnelFields(tunnel: TunnelRecord): LogFields {
  return {
    ...connectionFields(tunnel),
    route: tunnel.route,
    provider: tunnel.provider,
    path: tunnel.path,
  };
}

function tunnelCloseFields(tunnel: TunnelRecord): LogFields {
  const { turns: _none, ...fields } = closeFields(tunnel);
  return {
    ...tunnelFields(tunnel),
    ...fields,
    frames_out: tunnel.framesOut,
    ended_by: tunnel.endedBy,
    provider_close_code: tunnel.providerCloseCode,
  };
}

/** @returns milliseconds from one moment to the other; undefined if there was no other. */
function between(from: number, to: number | undefined): number | undefined {
  return to === undefined ? undefined : Math.max(0, to - from);
}
