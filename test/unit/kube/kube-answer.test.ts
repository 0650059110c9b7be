import { expect, test } from '@jest/globals';
import { retryAfterMs } from '../../../src/kube/kube-answer.ts';

const noon = Date.parse('2026-11-21T12:00:00Z');

test.each([
  ['7', 7000],
  [' 0 ', 0],
  ['Sat, 21 Nov 2026 12:00:05 GMT', 5000],
  ['Sat, 21 Nov 2026 11:59:00 GMT', 0],
  ['soon', undefined],
  ['-1', undefined],
  ['', undefined],
  [undefined, undefined],
  [['3', '9'], 3000],
])('Retry-After %j means %p ms', (header, ms) => {
  expect(retryAfterMs(header, noon)).toBe(ms);
});
