import { expect, test } from '@jest/globals';
import { assert, constantFrom, property, string, tuple } from 'fast-check';
import {
  canOverlap,
  closeness,
  covers,
  matchModel,
  modelPatternMistake,
  toModelPattern,
} from '../../../src/route/model-pattern.ts';

// Two letters, so that patterns and models meet often.
const text = string({ unit: constantFrom('a', 'b'), maxLength: 4 });
const pattern = tuple(text, constantFrom('exact', 'prefix', 'suffix')).map(([word, kind]) =>
  toModelPattern(kind === 'exact' ? `${word}a` : kind === 'prefix' ? `${word}*` : `*${word}`),
);

test('what fits two patterns is a model they share', () => {
  expect(() =>
    assert(
      property(pattern, pattern, text, (a, b, model) => {
        const fitsBoth = matchModel(a, model) !== undefined && matchModel(b, model) !== undefined;
        return canOverlap(a, b) === canOverlap(b, a) && (canOverlap(a, b) || !fitsBoth);
      }),
    ),
  ).not.toThrow();
});

test('what fits a covered pattern fits the one that covers it', () => {
  expect(() =>
    assert(
      property(pattern, pattern, text, (outer, inner, model) => {
        const isBroken =
          covers(outer, inner) &&
          matchModel(inner, model) !== undefined &&
          matchModel(outer, model) === undefined;
        return covers(outer, outer) && !isBroken;
      }),
    ),
  ).not.toThrow();
});

test('the text of the wildcard and the text of the pattern make the model', () => {
  expect(() =>
    assert(
      property(pattern, text, (some, model) => {
        const star = matchModel(some, model);
        return star === undefined || model === (some.kind === 'suffix' ? star + some.text : some.text + star);
      }),
    ),
  ).not.toThrow();
});

test('an exact name is closer than any pattern, and a longer pattern closer than a shorter', () => {
  const inOrder = ['a', 'abc*', '*bc', 'a*', '*'].map((one) => closeness(toModelPattern(one)));
  expect(inOrder).toEqual([Number.POSITIVE_INFINITY, 3, 2, 1, 0]);
});

test.each(['a*b', '**', '*a*', 'a**', 'a*b*'])('%s is no pattern', (one) => {
  expect(modelPatternMistake(one)).toMatch(/is no pattern/);
});

test.each(['a', '*', 'a*', '*a', 'openai/gpt-5:latest'])('%s is a pattern', (one) => {
  expect(modelPatternMistake(one)).toBeUndefined();
});
