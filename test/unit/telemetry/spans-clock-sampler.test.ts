import { describe, expect, test } from '@jest/globals';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { randomBytes } from 'node:crypto';
import { TraceSampler, trustingSampling } from '../../../src/telemetry/spans/trace-sampler.ts';
import { WallClock } from '../../../src/telemetry/spans/wall-clock.ts';

describe('the time of day', () => {
  const clockAt = (wall: { now: number }) =>
    new WallClock(
      () => 100,
      () => wall.now,
      1000,
    );

  test('follows the steady clock while the two differ by 5 ms or less', () => {
    const wall = { now: 1105 };
    expect(clockAt(wall).now().at(100.25)).toBe(1100.25);
    wall.now = 1095;
    expect(clockAt(wall).now().at(100.25)).toBe(1100.25);
  });

  test('follows the clock of the day when it was set, either way', () => {
    const wall = { now: 1106 };
    const clock = clockAt(wall);
    expect(clock.now().at(100.25)).toBe(1106.25);
    wall.now = 500;
    expect(clock.now().at(100.25)).toBe(500.25);
  });

  test('as it was given stays as it is', () => {
    const wall = { now: 1100 };
    const clock = clockAt(wall);
    const before = clock.now();
    wall.now = 90_000;
    expect(clock.now().at(100)).toBe(90_000);
    expect(before.at(100)).toBe(1100);
  });

  test('is the real one without being told of another', () => {
    expect(Math.abs(new WallClock().now().at(performance.now()) - Date.now())).toBeLessThan(1000);
  });
});

describe('of all traces', () => {
  const KEPT = 2;
  const DROPPED = 0;
  const ids = Array.from({ length: 20_000 }, () => randomBytes(16).toString('hex'));
  const decide = (ratio: number, id: string) =>
    new TraceSampler(ratio).shouldSample(ROOT_CONTEXT, id).decision;

  test.each([0.01, 0.1, 0.5, 0.9])('a share of %d is kept', (ratio) => {
    const kept = ids.filter((id) => decide(ratio, id) === KEPT).length / ids.length;
    // five standard deviations: one run in two million is beyond
    expect(Math.abs(kept - ratio)).toBeLessThan(5 * Math.sqrt((ratio * (1 - ratio)) / ids.length));
  });

  test('none is kept with 0, and all with 1, also the first and the last id', () => {
    const edges = [...ids.slice(0, 100), '0'.repeat(31) + '1', 'f'.repeat(32)];
    expect(edges.filter((id) => decide(0, id) === KEPT)).toEqual([]);
    expect(edges.filter((id) => decide(1, id) === DROPPED)).toEqual([]);
  });

  test('two replicas keep the same ones, and one that keeps more keeps those too', () => {
    const [one, other, larger] = [new TraceSampler(0.3), new TraceSampler(0.3), new TraceSampler(0.6)];
    const keptBy = (sampler: TraceSampler) =>
      new Set(ids.filter((id) => sampler.shouldSample(ROOT_CONTEXT, id).decision === KEPT));
    expect(keptBy(other)).toEqual(keptBy(one));
    const keptByLarger = keptBy(larger);
    expect([...keptBy(one)].filter((id) => !keptByLarger.has(id))).toEqual([]);
  });

  const parent = (traceFlags: 0 | 1, isRemote: boolean) =>
    trace.setSpanContext(ROOT_CONTEXT, {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags,
      isRemote,
    });

  test.each([
    ['a stranger that says yes', 0, parent(1, true), DROPPED],
    ['a stranger that says no', 1, parent(0, true), KEPT],
    ['a trusted client that says yes', 0, trustingSampling(parent(1, true)), KEPT],
    ['a trusted client that says no', 1, trustingSampling(parent(0, true)), DROPPED],
    ['a span of ours that is kept', 0, parent(1, false), KEPT],
    ['a span of ours that is not', 1, parent(0, false), DROPPED],
  ])('%s, at a ratio of %d', (_who, ratio, context, expected) => {
    expect(new TraceSampler(ratio).shouldSample(context, 'a'.repeat(32)).decision).toBe(expected);
  });

  test('the sampler names itself and its ratio', () => {
    expect(String(new TraceSampler(0.25))).toBe('TraceSampler{0.25}');
  });
});
