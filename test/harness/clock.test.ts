import { expect, test } from '@jest/globals';
import { manualClock } from './clock.ts';

test('a manual clock stands still until it is moved', () => {
  const clock = manualClock(1000);
  const seen: number[] = [];
  clock.setTimer(50, () => seen.push(clock.now()));
  expect([clock.now(), clock.pending, seen]).toEqual([1000, 1, []]);
  clock.advance(49);
  expect(seen).toEqual([]);
  clock.advance(1);
  expect([clock.now(), clock.pending, seen]).toEqual([1050, 0, [1050]]);
});

test('a manual clock calls timers in order of time, also those set meanwhile', () => {
  const clock = manualClock();
  const seen: string[] = [];
  clock.setTimer(20, () => seen.push('b'));
  clock.setTimer(10, () => {
    seen.push('a');
    clock.setTimer(10, () => seen.push('c'));
    clock.setTimer(100, () => seen.push('never'));
  });
  clock.advance(20);
  expect(seen).toEqual(['a', 'b', 'c']);
  expect(clock.pending).toBe(1);
});

test('a cancelled timer of a manual clock is not called', () => {
  const clock = manualClock();
  const timer = clock.setTimer(10, () => {
    throw new Error('called');
  });
  timer.cancel();
  timer.cancel();
  clock.advance(1000);
  expect(clock.pending).toBe(0);
});
