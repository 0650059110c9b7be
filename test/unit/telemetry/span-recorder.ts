/** A tracer that keeps what it ends, for tests of the listeners that make spans. */
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { TracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { RecentTraces } from '../../../src/telemetry/spans/recent-traces.ts';
import type { SpanTools } from '../../../src/telemetry/spans/span-tools.ts';
import { TraceSampler } from '../../../src/telemetry/spans/trace-sampler.ts';
import { WallClock } from '../../../src/telemetry/spans/wall-clock.ts';

export interface SeenSpan {
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: ReadableSpan['attributes'];
  readonly links: ReadableSpan['links'];
  readonly events: readonly { readonly name: string; readonly attributes: object; readonly atMs: number }[];
}

export interface SpanRecorder {
  readonly tools: SpanTools;
  /** Those that have ended, in that order. */
  spans(): SeenSpan[];
}

/** When the monotonic clock of {@link recordSpans} began, in milliseconds since 1970. */
export const BEGAN_MS = Date.UTC(2026, 10, 21);

/** Its clocks go alike, unless a test brings its own. */
export function recordSpans(over: Partial<SpanTools> = {}, ratio = 1): SpanRecorder {
  const memory = new InMemorySpanExporter();
  const provider = new TracerProvider({
    sampler: new TraceSampler(ratio),
    spanProcessors: [new SimpleSpanProcessor({ exporter: memory })],
  });
  return {
    tools: {
      tracer: provider.getTracer('test'),
      propagator: new W3CTraceContextPropagator(),
      semconv: 'latest',
      clock: new WallClock(
        () => 0,
        () => BEGAN_MS,
        BEGAN_MS,
      ),
      recent: new RecentTraces(),
      ...over,
    },
    spans: () => memory.getFinishedSpans().map(toSeen),
  };
}

function toSeen(span: ReadableSpan): SeenSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    kind: SpanKind[span.kind],
    status: SpanStatusCode[span.status.code],
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    startMs: toMs(span.startTime),
    endMs: toMs(span.endTime),
    attributes: span.attributes,
    links: span.links,
    events: span.events.map(({ name, attributes = {}, time }) => ({ name, attributes, atMs: toMs(time) })),
  };
}

function toMs([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1000 + nanoseconds / 1e6;
}
