/**
 * Starts OpenTelemetry. The only module that knows its SDK: import it dynamically, and only when traces are wanted, for
 * it costs 0.2 s and 40 MiB.
 */
import { trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { envDetector, resourceFromAttributes, serviceInstanceIdDetector } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { ClientFactListener } from '../../client/facts.ts';
import type { TurnFactListener } from '../../turn/facts.ts';
import type { Semconv } from '../names.ts';
import type { SpanStats } from '../span-stats.ts';
import { HandshakeSpans } from './handshake-spans.ts';
import { RecentTraces } from './recent-traces.ts';
import { CountedSpans, MAX_QUEUED_BATCHES, type LostSpans } from './span-exporter.ts';
import type { SpanTools } from './span-tools.ts';
import { TraceSampler } from './trace-sampler.ts';
import { TurnSpans } from './turn-spans.ts';
import { WallClock } from './wall-clock.ts';

export interface TracingOptions {
  /** Where OTLP over HTTP is taken, with its path: `http://collector:4318/v1/traces`. */
  readonly url: string;
  /** Share of traces that are kept, 0 to 1. */
  readonly ratio: number;
  readonly semconv: Semconv;
  readonly version: string;
  /** Hears each time that spans are lost; to be logged, rate limited. */
  readonly onLost: (loss: LostSpans) => void;
}

export interface Tracing {
  /** Must hear of each fact before the others: it puts the trace's ids into the records. */
  readonly turnFacts: TurnFactListener;
  readonly clientFacts: ClientFactListener;
  readonly stats: SpanStats;
  /** Sends what waits, for three seconds at most, and ends. May be called twice. */
  close(): Promise<void>;
}

/** How long what waits may take at the end: a drain has a deadline of its own, and a receiver may be gone. */
const FLUSH_MS = 3_000;

/**
 * Starts the SDK. What is not among the options is read from the environment, as everywhere in OpenTelemetry:
 * `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS`, `…_TIMEOUT`, `…_COMPRESSION`,
 * `…_CERTIFICATE`.
 */
export function openTracing(options: TracingOptions): Tracing {
  const spans = new CountedSpans(
    new OTLPTraceExporter({ url: options.url, concurrencyLimit: MAX_QUEUED_BATCHES }),
    options.onLost,
  );
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({ 'service.name': 'turnbridge', 'service.version': options.version }),
    // not the process's: its arguments may hold secrets
    resourceDetectors: [serviceInstanceIdDetector, envDetector],
    sampler: new TraceSampler(options.ratio),
    spanProcessors: [spans],
    // the values are bounded where they are read; to have each looked at again costs 3 µs a turn
    spanLimits: {
      eventCountLimit: 16,
      linkCountLimit: 4,
    },
    // by default it would start pipelines of its own for these
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
    textMapPropagator: null,
  });
  sdk.start();
  const tools: SpanTools = {
    tracer: trace.getTracer('turnbridge', options.version),
    propagator: new W3CTraceContextPropagator(),
    semconv: options.semconv,
    clock: new WallClock(),
    recent: new RecentTraces(),
  };
  const turns = new TurnSpans(tools);
  const handshakes = new HandshakeSpans(tools);
  let closing: Promise<void> | undefined;
  return {
    turnFacts: (fact) => turns.hear(fact),
    clientFacts: (fact) => handshakes.hear(fact),
    get stats() {
      return spans.stats;
    },
    close: () =>
      (closing ??= flushAndStop(sdk).then(() => {
        const { queued } = spans.stats;
        if (queued > 0) options.onLost({ how: 'unsent', spans: queued, reason: undefined });
      })),
  };
}

async function flushAndStop(sdk: NodeSDK): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, FLUSH_MS)));
  // what a batch loses meanwhile is counted; what still waits after that, close() tells
  await Promise.race([sdk.shutdown().catch(() => undefined), late]);
  clearTimeout(timer);
  trace.disable(); // for the next bridge of this process: tests have several
}
