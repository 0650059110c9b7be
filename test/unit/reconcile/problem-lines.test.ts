import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  cutText,
  joinLines,
  MAX_MESSAGE_LENGTH,
  toLine,
  toOneLine,
} from '../../../src/reconcile/problem-lines.ts';
import { errorAt } from '../../../src/route/problem.ts';
import { runs } from '../../harness/property-runs.ts';

test('a problem is told with the path of its field first', () => {
  const problem = errorAt(['spec', 'providers', 0, 'url'], 'url holds a query');
  expect(toLine(problem)).toBe('spec.providers[0].url: url holds a query');
  expect(toLine(errorAt([], 'the document must be a map'))).toBe('the document must be a map');
});

test('several sentences are one to a line', () => {
  expect(joinLines(['first', 'second'])).toBe('first\nsecond');
  expect(joinLines([])).toBe('');
});

test('a sentence that is true of two entries is told once', () => {
  expect(joinLines(['first', 'second', 'first'])).toBe('first\nsecond');
});

test('what follows stands last, and is told even where not all sentences fit', () => {
  expect(joinLines(['first', 'second'], ['until then', 'and then'])).toBe(
    'first\nsecond\nuntil then\nand then',
  );
  const many = Array.from({ length: 40 }, (_, index) => `${index}: ${'x'.repeat(100)}`);
  const message = joinLines(many, ['until then']);
  expect(message).toMatch(/\nand \d+ more; turnbridge check --cluster lists them all\nuntil then$/);
  expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE_LENGTH);
  const long = joinLines(['x'.repeat(5000)], ['until then', 'y'.repeat(500)]);
  expect(long).toMatch(/^x+…\nuntil then\ny+$/);
  expect(long).toHaveLength(MAX_MESSAGE_LENGTH - 1);
});

test('an event has one line: the first sentence, and how much more there is', () => {
  expect(toOneLine('first')).toBe('first');
  expect(toOneLine('first\nsecond')).toBe('first (its status has 1 more line)');
  expect(toOneLine('and 1 warning:\nfirst')).toBe('and 1 warning: first');
  expect(toOneLine('and 3 warnings:\nfirst\nsecond\nthird')).toBe(
    'and 3 warnings: first (its status has 2 more lines)',
  );
});

test('sentences beyond the bound are counted, with the command that lists them', () => {
  const message = joinLines(Array.from({ length: 40 }, (_, index) => `${index}: ${'x'.repeat(100)}`));
  expect(message).toMatch(/^0: x+\n1: x+\n/);
  expect(message).toMatch(/\nand 22 more; turnbridge check --cluster lists them all$/);
  expect(message.split('\n')).toHaveLength(19);
});

test('one sentence that is too long is cut, and never in the middle of a character', () => {
  const message = joinLines([`a${'😀'.repeat(2000)}`]);
  expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE_LENGTH);
  expect(message.isWellFormed()).toBe(true);
  expect(message.endsWith('…')).toBe(true);
  expect(cutText('a😀b', 3)).toBe('a…');
});

test('whatever is joined, it keeps the bound and begins with the first sentence', () => {
  const line = fc.string({ unit: 'binary', maxLength: 3000 });
  const endings = fc.array(fc.string({ maxLength: 300 }), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 30 }), endings, (lines, last) => {
      const message = joinLines(lines, last);
      expect(message.endsWith(last.map((ending) => `\n${ending}`).join(''))).toBe(true);
      expect(message.length).toBeLessThanOrEqual(MAX_MESSAGE_LENGTH);
      expect(message.startsWith(lines[0]?.slice(0, 1000) ?? '')).toBe(true);
    }),
    runs(300),
  );
});
