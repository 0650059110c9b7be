/** A provider whose stream goes wrong: what the real Codex makes of it, row by row. */
import { describe } from '@jest/globals';
import { brokenOff } from './error-table/broken-off.ts';
import { failedInStream } from './error-table/failed-in-stream.ts';
import { overHttp } from './error-table/over-http.ts';
import { testRows } from './error-table/test-rows.ts';

describe('a stream that breaks', () => {
  testRows(brokenOff);
});
describe('a stream that says that the turn failed', () => {
  testRows(failedInStream);
});

describe('some of the same over HTTP', () => {
  testRows(overHttp);
});
