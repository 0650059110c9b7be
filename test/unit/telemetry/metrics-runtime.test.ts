import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import type { Metrics } from '../../../src/telemetry/metrics/metrics.ts';
import { drainDelays, takeDelays } from '../../../src/telemetry/metrics/runtime-watch.ts';
import { HistogramSeries } from '../../../src/telemetry/metrics/series.ts';
import { until } from '../../harness/wait-for.ts';
import { open, scrape } from './metrics-setup.ts';

const BOUNDS = [0.001, 0.01, 0.1, 1];

/** As Node's histogram: delays in milliseconds on top of the 10 ms that it waits. */
function samplesOf(delaysMs: readonly number[]) {
  const sorted = [...delaysMs].sort((a, b) => a - b);
  let reads = 0;
  return {
    count: sorted.length,
    percentile: (percent: number) => {
      reads += 1;
      const rank = Math.max(1, Math.round((percent / 100) * sorted.length));
      return (sorted[rank - 1]! + 10) * 1e6;
    },
    get reads() {
      return reads;
    },
  };
}

describe('delays of the event loop', () => {
  test('are each counted once, in the bucket of what exceeds the wait', () => {
    const series = new HistogramSeries(BOUNDS);
    takeDelays(samplesOf([0, 0.5, 0.9, 5, 5, 50, 700, 2000]), series);
    expect([...series.counts]).toEqual([3, 2, 1, 1, 1]);
  });

  test('that are shorter than the wait are none, and no samples change nothing', () => {
    const series = new HistogramSeries(BOUNDS);
    takeDelays(samplesOf([-3, -1]), series);
    takeDelays(samplesOf([]), series);
    expect([...series.counts, series.sum]).toEqual([2, 0, 0, 0, 0, 0]);
  });

  test('are found among thousands of samples with few reads', () => {
    const delays = Array.from({ length: 6000 }, (_, i) => (i % 1000 === 0 ? 50 : 0.2));
    const samples = samplesOf(delays);
    const series = new HistogramSeries(BOUNDS);
    takeDelays(samples, series);
    expect([...series.counts]).toEqual([5994, 0, 6, 0, 0]);
    expect(samples.reads).toBeLessThan(60);
  });

  test('are seen also when every round of the loop takes longer than the time between two looks', () => {
    const series = new HistogramSeries(BOUNDS);
    let delays: number[] = [];
    let hasBegun = false; // as Node: after a reset, the next moment only begins a measurement
    const reset = () => {
      delays = [];
      hasBegun = false;
    };
    for (let round = 0; round < 33; round += 1) {
      if (hasBegun) delays.push(2000);
      hasBegun = true;
      drainDelays({ ...samplesOf(delays), reset }, series);
    }
    expect([...series.counts]).toEqual([0, 0, 0, 0, 30]);
  });

  test('are seen when the loop is blocked, and so is how busy it was', async () => {
    const metrics = open();
    const read = async () => {
      const samples = await scrape(metrics);
      const name = 'turnbridge_event_loop_delay_seconds';
      return {
        late: samples.get(`${name}_count`)! - samples.get(`${name}_bucket{le="0.1"}`)!,
        sum: samples.get(`${name}_sum`)!,
        utilization: samples.get('turnbridge_event_loop_utilization_ratio')!,
      };
    };
    expect(await read()).toEqual({ late: 0, sum: 0, utilization: 0 });
    const seen = await until(
      async () => {
        // once more each time: the first turn of the loop only arms the measurement
        block(250);
        const now = await read();
        return now.late > 0 && now.utilization > 0 ? now : undefined;
      },
      'a late loop',
      10_000,
    );
    expect(seen.sum).toBeGreaterThan(0.1);
    expect(seen.utilization).toBeLessThanOrEqual(1);
  });
});

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;

/** Three collections in one go, so that they are announced together. */
function collectGarbage(): void {
  for (let i = 0; i < 3; i += 1) collect({ type: 'minor' });
}

const minorOf = async (metrics: Metrics) =>
  (await scrape(metrics)).get('turnbridge_gc_duration_seconds_count{kind="minor"}')!;

test('every collection of garbage is counted, also those that are announced together', async () => {
  let announced = 0;
  let largestBatch = 0;
  const observer = new PerformanceObserver((list) => {
    const minor = list.getEntries().filter((entry) => {
      const { detail } = entry as unknown as { readonly detail: { readonly kind: number } };
      return detail.kind === constants.NODE_PERFORMANCE_GC_MINOR;
    });
    announced += minor.length;
    largestBatch = Math.max(largestBatch, minor.length);
  });
  const metrics = open();
  observer.observe({ entryTypes: ['gc'] });
  try {
    await until(
      () => {
        if (largestBatch < 2) collectGarbage();
        return largestBatch >= 2;
      },
      'two collections at once',
      10_000,
    );
    // both sides go on counting: what was announced is read first, so ours has to be level at some moment
    const level = await until(
      async () => {
        const before = announced;
        const counted = await minorOf(metrics);
        return counted >= before && { before, counted };
      },
      'as many counted as announced',
      10_000,
    );
    expect(level.counted).toBeGreaterThanOrEqual(2);
  } finally {
    observer.disconnect();
  }
});

test('nothing is measured any more once closed; what was counted can still be read', async () => {
  const closed = open();
  const other = open();
  closed.close();
  closed.close();
  collectGarbage();
  const watched = async (metrics: Metrics) => {
    const samples = await scrape(metrics);
    return {
      delays: samples.get('turnbridge_event_loop_delay_seconds_count')!,
      utilization: samples.get('turnbridge_event_loop_utilization_ratio')!,
      collections: samples.get('turnbridge_gc_duration_seconds_count{kind="minor"}')!,
    };
  };
  // the other one measures the same process, and began later
  await until(
    async () => Object.values(await watched(other)).every((value) => value > 0),
    'what the other one measures',
    10_000,
  );
  expect(await watched(closed)).toEqual({ delays: 0, utilization: 0, collections: 0 });
  expect((await scrape(closed)).get('turnbridge_ready')).toBe(1);
});
