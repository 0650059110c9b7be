import { expect, test } from '@jest/globals';
import { MicroClock, microTime, toMicros } from '../../../src/kube/micro-time.ts';

test('a time has exactly six fractional digits, also where they are zeros', () => {
  expect(microTime(1_760_000_000_123_456)).toBe('2025-10-09T08:53:20.123456Z');
  expect(microTime(1_760_000_000_000_000)).toBe('2025-10-09T08:53:20.000000Z');
  expect(microTime(1_760_000_000_000_007)).toBe('2025-10-09T08:53:20.000007Z');
  expect(microTime(0)).toBe('1970-01-01T00:00:00.000000Z');
});

test('the microseconds of a wall clock are whole ones', () => {
  expect(toMicros(1_760_000_000_123)).toBe(1_760_000_000_123_000);
  expect(toMicros(1_760_000_000_123.5)).toBe(1_760_000_000_123_500);
  expect(microTime(toMicros(1_760_000_000_123.5))).toMatch(/\.123500Z$/);
});

test('no two moments have the same time, also where the calendar stands still or goes back', () => {
  let wallMs = 5000;
  const clock = new MicroClock(() => wallMs);
  expect([clock.next(), clock.next()]).toEqual([5_000_000, 5_000_001]);
  wallMs = 10;
  expect([clock.next(), clock.next()]).toEqual([5_000_002, 5_000_003]);
  wallMs = 5001;
  expect(clock.next()).toBe(5_001_000);
});
