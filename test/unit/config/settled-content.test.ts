import { expect, test } from '@jest/globals';
import { SettledContent } from '../../../src/config/settled-content.ts';

function sights(digests: string): readonly string[] {
  const content = new SettledContent('a');
  return digests.split('').map((digest) => content.see(digest));
}

test('what was there at the start is no change', () => {
  expect(sights('aa')).toEqual(['unchanged', 'unchanged']);
});

test('a change counts when it is seen twice in a row, once', () => {
  expect(sights('bbb')).toEqual(['unsettled', 'changed', 'unchanged']);
});

test('content that keeps changing does not count', () => {
  expect(sights('bcbcd')).toEqual(Array(5).fill('unsettled'));
});

test('a change that is taken back before it counts never was', () => {
  expect(sights('bab')).toEqual(['unsettled', 'unchanged', 'unsettled']);
});
