/** What became of the turns that an event met. */
import type { TurnRecord } from './session.ts';

/** Times of `performance.now()`. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export interface Tally {
  /** Turns that ran at some time of the window. */
  readonly turns: number;
  /** Of these, that ran when it began. */
  readonly metRunning: number;
  readonly lost: number;
  /** Had to be tried again at least once, in whatever way. */
  readonly retried: number;
  /** Users were told of it: Codex writes `Reconnecting... 2/5`, the SDK throws. The lost ones are among them. */
  readonly shown: number;
  /** Turns whose request was under way when it broke. */
  readonly broken: number;
  /** How often for each reason, `turn: close 1006`. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Of the turns that ran, the longest, in seconds. */
  readonly longestSeconds: number;
  /** Of the turns, those for which the provider was asked more than once: somebody pays for them twice. */
  readonly askedAgain: number;
}

/** @param asked how often the provider was asked for a turn */
export function tally(
  records: readonly TurnRecord[],
  asked: ReadonlyMap<string, number>,
  { from, to }: Window,
): Tally {
  const met = records.filter(({ startedAt, endedAt }) => startedAt <= to && endedAt >= from);
  const reasons: Record<string, number> = {};
  for (const { during, why } of met.flatMap(({ retries }) => retries)) {
    const reason = `${during}: ${why}`;
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  const count = (isMeant: (record: TurnRecord) => boolean): number => met.filter(isMeant).length;
  return {
    turns: met.length,
    metRunning: count(({ startedAt }) => startedAt < from),
    lost: count(({ outcome }) => outcome === 'lost'),
    retried: count(({ retries }) => retries.length > 0),
    shown: count(({ isShown }) => isShown),
    broken: count(({ retries }) => retries.some(({ during }) => during === 'turn')),
    reasons,
    longestSeconds: Math.max(0, ...met.map(({ startedAt, endedAt }) => (endedAt - startedAt) / 1000)),
    askedAgain: count(({ id }) => (asked.get(id) ?? 0) > 1),
  };
}
