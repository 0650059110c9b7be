import type { AttemptRecord } from '../turn/facts.ts';

/** Nothing came of the attempt although it was wanted, whosever fault that was; there is an error type to tell then. */
export function isFailed({ result }: Pick<AttemptRecord, 'result'>): boolean {
  return result === 'error' || result === 'rejected' || result === 'fallback';
}
