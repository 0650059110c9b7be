/** A turn's record as a row of the page: copied field by field, so that nothing comes along that is not named here. */
import type { AttemptRecord, TurnRecord } from '../../turn/facts.ts';
import { OUTCOME_CLASSES } from '../names.ts';
import { providerId } from '../provider-id.ts';
import type { AttemptMarks, TurnRow } from './page-state.ts';

/**
 * @param attempts the ones to show, oldest first
 * @param at when the turn was received, in milliseconds since 1970
 */
export function toTurnRow(
  turn: TurnRecord,
  attempts: readonly AttemptRecord[],
  state: TurnRow['state'],
  at: number,
): TurnRow {
  const { receivedAt, outcome, usage, trace } = turn;
  return {
    id: turn.id,
    connection: turn.connectionId,
    index: turn.index,
    via: turn.via,
    client: turn.clientKind,
    lane: turn.lane,
    route: turn.route,
    provider: turn.provider,
    model: turn.model,
    continuation: turn.continuation,
    state,
    outcome,
    outcomeClass: outcome && OUTCOME_CLASSES[outcome],
    responseId: providerId(turn.responseId),
    answerCode: turn.answerCode,
    errorType: turn.errorType,
    status: turn.status,
    tokens: usage && {
      input: usage.inputTokens,
      cached: usage.cachedTokens,
      output: usage.outputTokens,
      reasoning: usage.reasoningTokens,
    },
    at: Math.round(at),
    startedMs: markOf(receivedAt, turn.startedAt),
    firstEventMs: markOf(receivedAt, turn.firstEventAt),
    firstOutputMs: markOf(receivedAt, turn.firstOutputAt),
    pausedFromMs: markOf(receivedAt, turn.firstPausedAt),
    pausedMs: toTenths(turn.pausedMs),
    endedMs: markOf(receivedAt, turn.endedAt),
    maxGapMs: toTenths(turn.maxGapMs),
    overheadMs: turn.overheadMs === undefined ? undefined : Math.round(turn.overheadMs * 1000) / 1000,
    attemptCount: turn.attempts,
    attempts: attempts.map((attempt) => toMarks(attempt, receivedAt)),
    events: turn.events,
    requestBytes: turn.requestBytes,
    bytesOut: turn.bytesOut,
    traceId: trace?.isSampled === true ? trace.traceId : undefined,
  };
}

function toMarks(attempt: AttemptRecord, receivedAt: number): AttemptMarks {
  return {
    number: attempt.number,
    provider: attempt.provider,
    transport: attempt.transport,
    reason: attempt.reason,
    transportReason: attempt.transportReason,
    startedMs: toTenths(attempt.startedAt - receivedAt),
    dialFromMs: markOf(receivedAt, attempt.dial?.startedAt),
    dialToMs: markOf(receivedAt, attempt.dial?.endedAt),
    answeredMs: markOf(receivedAt, attempt.answeredAt),
    firstEventMs: markOf(receivedAt, attempt.firstEventAt),
    endedMs: markOf(receivedAt, attempt.endedAt),
    requestId: providerId(attempt.requestId),
    result: attempt.result,
    errorType: attempt.errorType,
    status: attempt.status,
  };
}

function markOf(receivedAt: number, moment: number | undefined): number | undefined {
  return moment === undefined ? undefined : toTenths(moment - receivedAt);
}

/** A tenth of a millisecond is as much as can be seen; clocks of two sources never make a mark negative. */
function toTenths(ms: number): number {
  return Math.max(0, Math.round(ms * 10) / 10);
}
