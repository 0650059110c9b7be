/** One test for each row: the real Codex runs it, and all columns must be what the row says. */
import { expect, test } from '@jest/globals';
import type { FaultRow } from './fault-row.ts';
import { expectedAnswers } from './observe.ts';
import { runRow } from './run-row.ts';

/** Several retries, each with its real delay, while other rows run beside it. */
const timeoutMs = 90_000;

/** A timer of Codex's may fire a little before its time by our clock. */
const slackS = 0.05;

/** Rows wait most of the time, so they run side by side (`maxConcurrency` of jest.config.json). */
export function testRows(rows: readonly FaultRow[]): void {
  test.concurrent.each(rows.map((row) => [row.happened, row] as const))(
    '%s',
    async (_, row) => {
      const { longestGapS, cameBy: _cameBy, ...seen } = await runRow(row.arrange());
      const { gets, does, sees } = row;
      const { afterS = 0, ...counts } = { sockets: seen.does.sockets, ...does };
      expect(seen).toEqual({ gets, does: counts, sees, answers: expectedAnswers(row) });
      expect(longestGapS).toBeGreaterThanOrEqual(afterS - slackS);
    },
    timeoutMs,
  );
}
