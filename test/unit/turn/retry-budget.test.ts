import { expect, test } from '@jest/globals';
import { RetryBudgets } from '../../../src/turn/retry-budget.ts';
import { manualClock } from '../../harness/clock.ts';

function takeAll(budgets: RetryBudgets, route = 'ai/a'): number {
  let taken = 0;
  while (budgets.take(route)) taken++;
  return taken;
}

test('a quiet route may make thirty retries in ten seconds', () => {
  const clock = manualClock();
  const budgets = new RetryBudgets(clock);
  expect(takeAll(budgets)).toBe(30);
  clock.advance(9_999);
  expect(takeAll(budgets)).toBe(0);
  clock.advance(1);
  expect(takeAll(budgets)).toBe(30);
});

test('a busy route may make a fifth more', () => {
  const budgets = new RetryBudgets(manualClock());
  for (let i = 0; i < 1_000; i++) budgets.turnStarted('ai/a');
  expect(takeAll(budgets)).toBe(230);
});

test('turns count for ten seconds', () => {
  const clock = manualClock();
  const budgets = new RetryBudgets(clock);
  for (let second = 0; second < 30; second++) {
    for (let i = 0; i < 10; i++) budgets.turnStarted('ai/a');
    clock.advance(1_000);
  }
  // the second that has just begun is one of the ten
  expect(takeAll(budgets)).toBe(30 + 18);
});

test('a route does not spend the budget of another', () => {
  const budgets = new RetryBudgets(manualClock());
  takeAll(budgets, 'ai/a');
  expect(takeAll(budgets, 'ai/b')).toBe(30);
});

test('routes that come and go leave nothing behind that others would feel', () => {
  const clock = manualClock();
  const budgets = new RetryBudgets(clock);
  takeAll(budgets, 'ai/kept');
  for (let i = 0; i < 100; i++) {
    budgets.turnStarted(`ai/route-${i}`);
    clock.advance(50);
  }
  expect(takeAll(budgets, 'ai/kept')).toBe(0);
  clock.advance(10_000);
  expect(takeAll(budgets, 'ai/kept')).toBe(30);
  clock.advance(10_000);
  budgets.turnStarted('ai/new');
  expect(budgets.size).toBe(1);
});
