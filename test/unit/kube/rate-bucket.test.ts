import { expect, test } from '@jest/globals';
import { RateBucket } from '../../../src/kube/rate-bucket.ts';

test('a full bucket gives its burst at once, then one token each time one has come back', () => {
  const bucket = new RateBucket({ burst: 3, perSecond: 2 }, 1000);
  expect([1, 2, 3, 4].map(() => bucket.take(1000))).toEqual([true, true, true, false]);
  expect(bucket.take(1499)).toBe(false);
  expect(bucket.take(1500)).toBe(true);
  expect(bucket.take(1500)).toBe(false);
});

test('those who reserve are spread evenly, and none is promised more than the bound', () => {
  const bucket = new RateBucket({ burst: 1, perSecond: 10 }, 0);
  expect([1, 2, 3, 4].map(() => bucket.reserve(0, 10_000))).toEqual([0, 100, 200, 300]);
  expect(bucket.reserve(0, 250)).toBe(250);
  // The last one got the bound and made no debt.
  expect(bucket.reserve(300, 10_000)).toBe(100);
});

test('it never holds more than its burst, and time that goes back gives nothing', () => {
  const bucket = new RateBucket({ burst: 2, perSecond: 1 }, 0);
  bucket.take(0);
  expect(bucket.isFull(0)).toBe(false);
  expect(bucket.isFull(3_600_000)).toBe(true);
  expect([1, 2, 3].map(() => bucket.take(3_600_000))).toEqual([true, true, false]);
  expect(bucket.take(0)).toBe(false);
  expect(bucket.take(3_600_500)).toBe(false);
  expect(bucket.take(3_601_000)).toBe(true);
});

test.each([
  { burst: 0, perSecond: 1 },
  { burst: 1, perSecond: 0 },
  { burst: Number.NaN, perSecond: 1 },
])('a limit of %p is refused', (limit) => {
  expect(() => new RateBucket(limit, 0)).toThrow('a rate limit needs');
});
