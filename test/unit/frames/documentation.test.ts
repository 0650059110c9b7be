import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { CloseCode } from '../../../src/frames/close-codes.ts';
import { ERROR_CODES } from '../../../src/frames/errors.ts';

const PAGE = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

/** Cells of the table rows whose first cell is code. */
function rows(first: RegExp): string[][] {
  return PAGE.split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([cell]) => first.test(cell ?? ''));
}

test('docs/errors.md lists every error code of ours once, with its status and delay, and no other', () => {
  const documented = rows(/^`[a-z_]+`$/).map(([code, status]) => `${code} ${status}`);
  const inSource = [...ERROR_CODES].map(([code, { status, retryAfter }]) => {
    const delay = retryAfter === undefined ? '' : `, retry after ${retryAfter} s`;
    return `\`${code}\` ${status}${delay}`;
  });
  expect(documented.toSorted()).toEqual(inSource.toSorted());
});

test('every error code is said to be when, what to do, and what Codex does', () => {
  for (const cells of rows(/^`[a-z_]+`$/)) {
    expect(cells).toHaveLength(5);
    expect(cells.every((cell) => cell !== '')).toBe(true);
  }
});

test('docs/errors.md lists every close code that the bridge sends, and no other', () => {
  const documented = rows(/^`\d+`$/).map(([code]) => code);
  expect(documented).toEqual(Object.values(CloseCode).map((code) => `\`${code}\``));
});

test('a code that a client should wait for has a delay, and only such a one', () => {
  for (const [, { status, retryAfter }] of ERROR_CODES) {
    expect(retryAfter !== undefined).toBe(status === 429 || status === 503);
  }
});
