import { expect, test } from '@jest/globals';
import { keyDelayMs, maxRetryDelayMs, QueueBackoff } from '../../../src/kube/queue-backoff.ts';

test('a key waits 5 ms after its first failure, twice as long after each further one, at most 1000 s', () => {
  expect([1, 2, 3, 4, 10].map((failures) => keyDelayMs(failures))).toEqual([5, 10, 20, 40, 2560]);
  expect(keyDelayMs(18)).toBe(655_360);
  expect([19, 20, 1000, 1e9].map((failures) => keyDelayMs(failures))).toEqual(
    Array.from({ length: 4 }, () => 1_000_000),
  );
  expect(maxRetryDelayMs).toBe(1_000_000);
});

test('a hundred keys may fail at once; the following ones are tried ten a second', () => {
  const backoff = new QueueBackoff(0);
  const delays = Array.from({ length: 120 }, () => backoff.delayMs(1, 0));
  expect(delays.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => 5));
  expect(delays.slice(100, 103)).toEqual([100, 200, 300]);
  expect(delays.at(-1)).toBe(2000);
});

test('however many keys fail, none waits longer than 1000 s, and an hour of peace makes good for all of it', () => {
  const backoff = new QueueBackoff(0);
  const delays = Array.from({ length: 20_000 }, () => backoff.delayMs(1, 0));
  expect(Math.max(...delays)).toBe(1_000_000);
  expect(backoff.delayMs(1, 3_600_000)).toBe(5);
});
