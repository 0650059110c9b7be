import { expect, test } from '@jest/globals';
import { manualClock } from './clock.ts';
import { until, within } from './wait-for.ts';

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

test('until gives the fact, and says in vain what it awaited and last saw', async () => {
  let count = 0;
  expect(await until(() => ((count += 1) > 3 ? count : undefined), 'a count')).toBe(4);
  expect(await until(() => 0, 'a number, even zero')).toBe(0);
  await expect(until(() => false, 'the impossible', 5)).rejects.toThrow(
    'waited 5 ms for the impossible; last seen: false',
  );
});

test('within gives the outcome, and says in vain what it awaited', async () => {
  expect(await within(Promise.resolve(1), 'one')).toBe(1);
  const never = Promise.withResolvers<void>().promise;
  await expect(within(never, 'nothing', 5, () => 'silence')).rejects.toThrow(
    'waited 5 ms for nothing; seen: silence',
  );
});
