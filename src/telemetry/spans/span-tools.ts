/** What spans are made with. */
import type { Attributes, Span, SpanContext, TextMapPropagator, Tracer } from '@opentelemetry/api';
import type { TraceIds } from '../../turn/facts.ts';
import type { Semconv } from '../names.ts';
import type { SpanAttributes } from './attribute-names.ts';
import type { RecentTraces } from './recent-traces.ts';
import type { WallClock } from './wall-clock.ts';

export interface SpanTools {
  readonly tracer: Tracer;
  /** W3C Trace Context. */
  readonly propagator: TextMapPropagator;
  readonly semconv: Semconv;
  readonly clock: WallClock;
  /** Handshakes by connection, and turns by response: what turns are linked to. */
  readonly recent: RecentTraces;
}

/**
 * What a record's other listeners, and a provider's headers, need to know of a span.
 *
 * @param traceState The client's, for a provider to whom its trace is handed on; spans have none.
 */
export function idsOf(span: Span, traceState: string): TraceIds {
  return idsOfContext(span.spanContext(), traceState);
}

export function idsOfContext({ traceId, spanId, traceFlags }: SpanContext, traceState = ''): TraceIds {
  return { traceId, spanId, isSampled: (traceFlags & 1) === 1, traceState };
}

/** As the API wants them; the SDK leaves out what is undefined. */
export function known(attributes: SpanAttributes): Attributes {
  return attributes;
}
