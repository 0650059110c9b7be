/** What one label set of a metric has counted: plain numbers, so that an observation costs some nanoseconds. */
import type { TraceIds } from '../../turn/facts.ts';

/** Counts up. */
export class CounterSeries {
  value = 0;
}

/** One observation of which the trace is kept, so that a person can go from a bar of a chart to a turn. */
export interface Exemplar {
  readonly labelSet: { readonly trace_id: string; readonly span_id: string };
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/** Counts values by size. */
export class HistogramSeries {
  /** Ascending; the bound itself belongs to its bucket. */
  readonly bounds: readonly number[];
  /** Not cumulative: one for each bound, and one for what is above the last. */
  readonly counts: Float64Array;
  sum = 0;
  #traced: Traced | undefined;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @param trace of what was measured; the last sampled one of each bucket is kept. */
  observe(value: number, trace: TraceIds | undefined): void {
    const bucket = this.bucketOf(value);
    this.counts[bucket]! += 1;
    this.sum += value;
    if (trace?.isSampled !== true) return;
    this.#traced ??= newTraced(this.counts.length);
    this.#traced.traces[bucket] = trace;
    this.#traced.values[bucket] = value;
    this.#traced.times[bucket] = Date.now();
  }

  /** Takes many values of about the same size at once. */
  observeMany(value: number, times: number): void {
    this.counts[this.bucketOf(value)]! += times;
    this.sum += value * times;
  }

  /** @returns the index in `counts` */
  bucketOf(value: number): number {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket += 1;
    return bucket;
  }

  /** @param bucket index in `counts` */
  exemplarOf(bucket: number): Exemplar | undefined {
    const trace = this.#traced?.traces[bucket];
    if (this.#traced === undefined || trace === undefined) return undefined;
    return {
      labelSet: { trace_id: trace.traceId, span_id: trace.spanId },
      value: this.#traced.values[bucket]!,
      timestamp: this.#traced.times[bucket]! / 1000,
    };
  }
}

/** The last sampled observation of each bucket. */
interface Traced {
  readonly traces: (TraceIds | undefined)[];
  readonly values: Float64Array;
  /** Milliseconds since 1970. */
  readonly times: Float64Array;
}

function newTraced(buckets: number): Traced {
  return {
    traces: Array.from<undefined>({ length: buckets }),
    values: new Float64Array(buckets),
    times: new Float64Array(buckets),
  };
}
