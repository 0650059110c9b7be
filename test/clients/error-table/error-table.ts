/** The error table: every row, in the order and under the titles of docs/errors.md. */
import { betweenTurns } from './between-turns.ts';
import { brokenOff } from './broken-off.ts';
import { busyProvider } from './busy-provider.ts';
import { cutOff } from './cut-off.ts';
import { failedInStream } from './failed-in-stream.ts';
import type { FaultRow } from './fault-row.ts';
import { noAnswer } from './no-answer.ts';
import { notTaken } from './not-taken.ts';
import { overHttp } from './over-http.ts';
import { refusedRequest } from './refused-request.ts';
import { refusedUpgrade } from './refused-upgrade.ts';

export interface ErrorTableSection {
  /** The heading over its table. */
  readonly title: string;
  readonly rows: readonly FaultRow[];
}

export const errorTable: readonly ErrorTableSection[] = [
  { title: 'The provider refuses the request', rows: refusedRequest },
  { title: 'The provider is busy, or answers with no stream', rows: busyProvider },
  { title: 'The provider is not reached, or is silent', rows: noAnswer },
  { title: 'The provider’s stream breaks', rows: brokenOff },
  { title: 'The provider says in its stream that it failed', rows: failedInStream },
  { title: 'The bridge does not let Codex in', rows: refusedUpgrade },
  { title: 'The bridge does not take a turn', rows: notTaken },
  { title: 'The connection ends while a turn runs', rows: cutOff },
  { title: 'Something changes between two turns', rows: betweenTurns },
  { title: 'Some of the same where Codex uses HTTP', rows: overHttp },
];
