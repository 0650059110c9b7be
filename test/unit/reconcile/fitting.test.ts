import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { findFitting } from '../../../src/reconcile/fitting.ts';
import { runs } from '../../harness/property-runs.ts';

/** Entries that fill a room of a size; counts how often it is asked. */
function room(lengths: readonly number[], size: number) {
  let questions = 0;
  return {
    all: sumOf(lengths) / size,
    fillOf: async (indexes: readonly number[]) => {
      questions++;
      return sumOf(indexes.map((index) => lengths[index] ?? 0)) / size;
    },
    questions: () => questions,
  };
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function tens(count: number): readonly number[] {
  return Array.from({ length: count }, () => 10);
}

/** One after the other, each as long as there is room. */
function oneByOne(lengths: readonly number[], size: number): readonly number[] {
  let left = size;
  return lengths.flatMap((length, index) => {
    if (length > left) return [];
    left -= length;
    return [index];
  });
}

describe('of entries that do not fit all', () => {
  test('the first ones are chosen, few questions are asked', async () => {
    const lengths = tens(1000);
    const { all, fillOf, questions } = room(lengths, 6345);
    expect(await findFitting(lengths, all, fillOf)).toEqual(oneByOne(lengths, 6345));
    expect(questions()).toBeLessThanOrEqual(10);
  });

  test('one that is too large is left out, and all others go on', async () => {
    const lengths = tens(1000).with(300, 11_000);
    const { all, fillOf, questions } = room(lengths, 12_000);
    expect(await findFitting(lengths, all, fillOf)).toEqual(
      lengths.map((_, index) => index).filter((index) => index !== 300),
    );
    expect(questions()).toBeLessThanOrEqual(20);
  });

  test('a small one at the end still finds its place', async () => {
    const lengths = [...tens(1000), 3];
    const { all, fillOf, questions } = room(lengths, 6345);
    expect((await findFitting(lengths, all, fillOf)).at(-1)).toBe(1000);
    expect(questions()).toBeLessThanOrEqual(12);
  });

  test('those that fill the room to the last are chosen', async () => {
    const lengths = [10, 10, 10, 5];
    const { all, fillOf } = room(lengths, 20);
    expect(await findFitting(lengths, all, fillOf)).toEqual([0, 1]);
  });

  test('the only one is left out', async () => {
    expect(await findFitting([10], 2, room([10], 5).fillOf)).toEqual([]);
  });

  test('where every second one is too large, it ends after a bounded number of questions', async () => {
    const lengths = Array.from({ length: 2000 }, (_, index) => (index % 2 === 0 ? 1 : 100_000 - index));
    const { all, fillOf, questions } = room(lengths, 5_000);
    const chosen = await findFitting(lengths, all, fillOf);
    expect(questions()).toBeLessThanOrEqual(20);
    expect(chosen.length).toBeGreaterThan(5);
    expect(await room(lengths, 5_000).fillOf(chosen)).toBeLessThanOrEqual(1);
  });
});

test('what is chosen fits, ascends, and is what one by one would choose where questions suffice', async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(lengths, fc.double({ min: 0.01, max: 0.99, noNaN: true }), async (entries, share) => {
      const size = sumOf(entries) * share;
      const { all, fillOf, questions } = room(entries, size);
      const chosen = await findFitting(entries, all, fillOf);
      expect(chosen).toEqual([...new Set(chosen)].toSorted((a, b) => a - b));
      expect(await room(entries, size).fillOf(chosen)).toBeLessThanOrEqual(1);
      expect(questions()).toBeLessThanOrEqual(20);
      expect(questions() === 20 ? undefined : chosen).toEqual(
        questions() === 20 ? undefined : oneByOne(entries, size),
      );
    }),
    runs(300),
  );
});
