import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { QuietMoment } from '../../../src/operator/quiet-moment.ts';

let calls = 0;
let quiet: QuietMoment;

beforeEach(() => {
  jest.useFakeTimers();
  calls = 0;
  quiet = new QuietMoment({ onQuiet: () => (calls += 1), quietMs: 75, maxWaitMs: 1000 });
});

afterEach(() => {
  quiet.close();
  jest.useRealTimers();
});

test('changes that come together are one', () => {
  for (let change = 0; change < 5; change += 1) {
    quiet.disturb();
    jest.advanceTimersByTime(50);
  }
  expect(calls).toBe(0);
  jest.advanceTimersByTime(25);
  expect(calls).toBe(1);
});

test('changes that never stop are taken once a second all the same', () => {
  for (let ms = 0; ms < 2900; ms += 50) {
    quiet.disturb();
    jest.advanceTimersByTime(50);
  }
  expect(calls).toBe(2);
});

test('the wait begins anew with the next change', () => {
  quiet.disturb();
  jest.advanceTimersByTime(75);
  jest.advanceTimersByTime(10_000);
  quiet.disturb();
  jest.advanceTimersByTime(74);
  expect(calls).toBe(1);
  jest.advanceTimersByTime(1);
  expect(calls).toBe(2);
});

test('nothing is called after the end, nor waited for', () => {
  quiet.disturb();
  quiet.close();
  quiet.close();
  quiet.disturb();
  expect(jest.getTimerCount()).toBe(0);
  jest.advanceTimersByTime(10_000);
  expect(calls).toBe(0);
});
