import { expect, test } from '@jest/globals';
import { toRetryAfterMs } from '../../../src/turn/retry-after.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);

test.each<[string, Record<string, string>, number | undefined]>([
  ['seconds', { 'retry-after': '7' }, 7_000],
  ['parts of a second', { 'retry-after': '0.25' }, 250],
  ['seconds in white space', { 'retry-after': ' 3 ' }, 3_000],
  ['a date', { 'retry-after': 'Sat, 21 Nov 2026 12:00:30 GMT' }, 30_000],
  ['milliseconds', { 'retry-after-ms': '1500' }, 1_500],
  ['milliseconds before seconds', { 'retry-after-ms': '1500', 'retry-after': '60' }, 1_500],
  ['seconds where the milliseconds say nothing', { 'retry-after-ms': 'soon', 'retry-after': '2' }, 2_000],
  ['nothing', {}, undefined],
  ['nothing in an empty value', { 'retry-after': '' }, undefined],
  ['nothing in no time at all', { 'retry-after': '0' }, undefined],
  ['nothing in a date that has passed', { 'retry-after': 'Sat, 21 Nov 2026 11:59:59 GMT' }, undefined],
  ['nothing in a date of another form', { 'retry-after': '2026-11-21T12:01:00Z' }, undefined],
  ['nothing in a date that is none', { 'retry-after': 'Sat, 99 Nov 2026 12:00:30 GMT' }, undefined],
  ['nothing in a negative number', { 'retry-after': '-5' }, undefined],
  ['nothing in a number with an exponent', { 'retry-after': '1e9' }, undefined],
  ['nothing in infinity', { 'retry-after': 'Infinity' }, undefined],
  ['nothing in two values', { 'retry-after': '5, 6' }, undefined],
  ['nothing in a long text', { 'retry-after': '1'.repeat(10_000) }, undefined],
  ['nothing in a number behind much white space', { 'retry-after': `${' '.repeat(64)}5` }, undefined],
])('a provider says how long to wait: %s', (_what, headers, expected) => {
  expect(toRetryAfterMs(headers, NOW)).toBe(expected);
});
