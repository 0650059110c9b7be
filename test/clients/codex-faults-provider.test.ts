/** A provider that refuses, is busy or cannot be reached: what the real Codex makes of it, row by row. */
import { describe } from '@jest/globals';
import { busyProvider } from './error-table/busy-provider.ts';
import { noAnswer } from './error-table/no-answer.ts';
import { refusedRequest } from './error-table/refused-request.ts';
import { testRows } from './error-table/test-rows.ts';

describe('a provider that refuses the request', () => {
  testRows(refusedRequest);
});
describe('a provider that is busy, or answers with no stream', () => {
  testRows(busyProvider);
});
describe('a provider that is not reached, or silent', () => {
  testRows(noAnswer);
});
