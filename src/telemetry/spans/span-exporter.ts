/**
 * The end of the pipeline: what is finished waits in a bounded queue, and leaves in batches. A receiver that is down,
 * slow or refuses costs spans, which are counted, and never a turn.
 */
import type { Context } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import type { ReadableSpan, Span, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace';
import type { SpanStats } from '../span-stats.ts';

/** Spans that nobody will see. */
export interface LostSpans {
  /** There was no room for them; the receiver did not take them; the process left before it had. */
  readonly how: 'dropped' | 'failed' | 'unsent';
  readonly spans: number;
  /** The receiver's status, or the system's word for what went wrong; never a text of its. */
  readonly reason: string | undefined;
}

/** 26 MB at worst (3.1 kB each); 27 s of an outage at 100 turns a second. */
const MAX_QUEUED_SPANS = 8_192;
/** Serializing a batch holds the loop: 1.5 ms for 128, 6 ms for the library's default of 512 (measured). */
const MAX_BATCH_SPANS = 128;
/** At the end all of them leave at once; by default the exporter drops what is beyond thirty. */
export const MAX_QUEUED_BATCHES = Math.ceil(MAX_QUEUED_SPANS / MAX_BATCH_SPANS) + 1;
const BATCH_EVERY_MS = 1_000;
/** Longer than a receiver that lives takes; the next batch waits behind it. */
const EXPORT_TIMEOUT_MS = 10_000;

export class CountedSpans implements SpanProcessor {
  readonly #batches: BatchSpanProcessor;
  readonly #onLost: (loss: LostSpans) => void;
  #exported = 0;
  #dropped = 0;
  #failed = 0;
  #queued = 0;

  /** @param onLost Hears each time that spans are lost; to be logged, rate limited. */
  constructor(exporter: SpanExporter, onLost: (loss: LostSpans) => void) {
    this.#onLost = onLost;
    this.#batches = new BatchSpanProcessor({
      exporter: this.#counting(exporter),
      maxQueueSize: MAX_QUEUED_SPANS,
      maxExportBatchSize: MAX_BATCH_SPANS,
      scheduledDelayMillis: BATCH_EVERY_MS,
      exportTimeoutMillis: EXPORT_TIMEOUT_MS,
    });
  }

  get stats(): SpanStats {
    return {
      exported: this.#exported,
      dropped: this.#dropped,
      failed: this.#failed,
      queued: this.#queued,
    };
  }

  onStart(span: Span, context: Context): void {
    this.#batches.onStart(span, context);
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & 1) === 0) return;
    if (this.#queued >= MAX_QUEUED_SPANS) {
      this.#dropped++;
      this.#onLost({ how: 'dropped', spans: 1, reason: undefined });
      return;
    }
    this.#queued++;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }

  #counting(exporter: SpanExporter): SpanExporter {
    return {
      export: (spans, done) =>
        exporter.export(spans, (result) => {
          this.#queued -= spans.length;
          if (result.code === ExportResultCode.SUCCESS) this.#exported += spans.length;
          else {
            this.#failed += spans.length;
            this.#onLost({ how: 'failed', spans: spans.length, reason: reasonOf(result.error) });
          }
          done(result);
        }),
      forceFlush: async () => exporter.forceFlush?.(),
      shutdown: () => exporter.shutdown(),
    };
  }
}

/** Of what the exporter reports: it hides the system's word behind one or two errors of its own. */
function reasonOf(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < 4 && typeof current === 'object' && current !== null; depth++) {
    const { code, cause, errors }: { code?: unknown; cause?: unknown; errors?: unknown } = current;
    if (typeof code === 'number') return String(code);
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code;
    current = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return undefined;
}
