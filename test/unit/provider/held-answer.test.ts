import { describe, expect, test } from '@jest/globals';
import { HeldAnswer } from '../../../src/provider/held-answer.ts';
import { Budget } from '../../../src/turn/budget.ts';

const kib = 1024;

describe('what an answer keeps', () => {
  test('counts beyond its first 64 KiB, up and down', () => {
    const budget = new Budget('answers', 100 * kib);
    const held = new HeldAnswer(budget);
    expect(held.keeps(64 * kib)).toBe(true);
    expect(budget.usedBytes).toBe(0);
    expect(held.keeps(100 * kib)).toBe(true);
    expect(budget.usedBytes).toBe(36 * kib);
    expect(held.keeps(70 * kib)).toBe(true);
    expect(budget.usedBytes).toBe(6 * kib);
    expect(held.keeps(0)).toBe(true);
    expect(budget.usedBytes).toBe(0);
  });

  test('is refused where all answers together have no room, and says that it is our fault', () => {
    const budget = new Budget('answers', 100 * kib);
    const first = new HeldAnswer(budget);
    const second = new HeldAnswer(budget);
    expect(first.keeps(144 * kib)).toBe(true);
    expect(second.keeps(64 * kib)).toBe(true);
    expect(second.faultCode).toBe('protocol_error');
    expect(second.keeps(100 * kib)).toBe(false);
    expect(second.faultCode).toBe('no_room');
    expect(budget.usedBytes).toBe(80 * kib);
  });

  test('is given back when it is closed, once', () => {
    const budget = new Budget('answers', 100 * kib);
    const held = new HeldAnswer(budget);
    held.keeps(150 * kib);
    held.close();
    held.close();
    expect(budget.usedBytes).toBe(0);
  });

  test('is not counted once it is closed: the event that ends a turn may come in the middle of a read', () => {
    const budget = new Budget('answers', 100 * kib);
    const held = new HeldAnswer(budget);
    held.keeps(150 * kib);
    held.close();
    expect(held.keeps(150 * kib)).toBe(true);
    expect(budget.usedBytes).toBe(0);
  });
});
