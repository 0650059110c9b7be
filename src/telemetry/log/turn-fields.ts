/** Fields that lines about a turn have in common. */
import type { TraceIds, TurnRecord } from '../../turn/facts.ts';
import type { LogFields } from './log-line.ts';

/** Which turn, of which connection and route. */
export function turnFields(turn: TurnRecord): LogFields {
  return {
    ...traceFields(turn.trace),
    connection_id: turn.connectionId,
    turn_id: turn.id,
    route: turn.route,
  };
}

/** Joins the line with its span: top-level names, as OpenTelemetry has them for JSON logs. */
export function traceFields(trace: TraceIds | undefined): LogFields {
  if (trace === undefined) return {};
  return { trace_id: trace.traceId, span_id: trace.spanId, trace_flags: trace.isSampled ? '01' : '00' };
}
