/**
 * How busy the event loop is and how long garbage collection takes. The library has collectors for both; its lag is
 * reset by whoever scrapes first, and its collector of collections sees one of each batch only.
 */
import {
  constants,
  type EventLoopUtilization,
  monitorEventLoopDelay,
  performance,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks';
import { GC_KINDS, type GcKind } from '../names.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import type { Meter } from './meter.ts';
import type { HistogramSeries } from './series.ts';

/** The loop's delay is measured so often. Node counts this wait in: it is taken off again. */
const RESOLUTION_MS = 10;
/** The measurements are taken over so often; also the time over which the utilization is told. */
const INTERVAL_MS = 1000;

/**
 * A reset makes Node forget when it measured last, and so loses the next measurement. Were it done at each interval, a
 * loop that takes longer than an interval for every round would never be seen to be late.
 */
const MIN_SAMPLES = 10;

/** What Node's histogram tells: how many samples, and which is the n-th percent of them. Nanoseconds. */
export interface DelaySamples {
  readonly count: number;
  percentile(percent: number): number;
}

export interface RuntimeWatch {
  /** Stops measuring. May be called twice. */
  close(): void;
}

/** Registers the metrics and starts to measure. The caller closes it; it does not hold the process. */
export function openRuntimeWatch(meter: Meter): RuntimeWatch {
  const delays = meter.histogram(CATALOGUE.eventLoopDelay).series({});
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();

  let since: EventLoopUtilization = performance.eventLoopUtilization();
  let utilization = 0;
  meter.readGauge(CATALOGUE.eventLoopUtilization, () => [{ labels: {}, value: utilization }]);

  const timer = setInterval(() => {
    drainDelays(monitor, delays);
    const now = performance.eventLoopUtilization();
    utilization = performance.eventLoopUtilization(now, since).utilization;
    since = now;
  }, INTERVAL_MS);
  timer.unref();

  const collections = watchCollections(meter);
  return {
    close: () => {
      clearInterval(timer);
      monitor.disable();
      collections.disconnect();
    },
  };
}

/** Takes over the samples and forgets them there, if there are enough to make that worth one. */
export function drainDelays(samples: DelaySamples & { reset(): void }, into: HistogramSeries): void {
  if (samples.count < MIN_SAMPLES) return;
  takeDelays(samples, into);
  samples.reset();
}

/**
 * Takes over all samples, less the wait that is part of each. Node's histogram cannot be read bucket by bucket: ranks
 * are halved until the samples between two of them fall into the same bucket.
 */
export function takeDelays(samples: DelaySamples, into: HistogramSeries): void {
  const { count } = samples;
  if (count === 0) return;
  const secondsAt = (rank: number): number =>
    Math.max(0, samples.percentile((rank / count) * 100) / 1e9 - RESOLUTION_MS / 1000);
  const take = (first: number, last: number, low: number, high: number): void => {
    if (first === last || into.bucketOf(low) === into.bucketOf(high)) {
      into.observeMany((low + high) / 2, last - first + 1);
      return;
    }
    const middle = Math.floor((first + last) / 2);
    take(first, middle, low, secondsAt(middle));
    take(middle + 1, last, secondsAt(middle + 1), high);
  };
  take(1, count, secondsAt(1), secondsAt(count));
}

const KINDS: Readonly<Record<number, GcKind>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

function watchCollections(meter: Meter): PerformanceObserver {
  const durations = meter.histogram(
    CATALOGUE.gcDuration,
    GC_KINDS.map((kind) => ({ kind })),
  );
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as PerformanceEntry & { readonly detail: { readonly kind: number } };
      const kind = KINDS[detail.kind];
      if (kind !== undefined) durations.observe({ kind }, entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return observer;
}
