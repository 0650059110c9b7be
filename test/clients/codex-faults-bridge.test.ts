/** A bridge that refuses, leaves or changes: what the real Codex makes of it, row by row. */
import { describe } from '@jest/globals';
import { betweenTurns } from './error-table/between-turns.ts';
import { cutOff } from './error-table/cut-off.ts';
import { notTaken } from './error-table/not-taken.ts';
import { refusedUpgrade } from './error-table/refused-upgrade.ts';
import { testRows } from './error-table/test-rows.ts';

describe('a bridge that does not let Codex in', () => {
  testRows(refusedUpgrade);
});
describe('a bridge that does not take a turn', () => {
  testRows(notTaken);
});
describe('a connection that ends while a turn runs', () => {
  testRows(cutOff);
});
describe('a change between two turns', () => {
  testRows(betweenTurns);
});
