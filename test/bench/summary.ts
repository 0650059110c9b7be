/** From pairs of runs to medians and verdicts. Pure. */
import type { Bar, Scenario } from './scenarios.ts';

/**
 * What one pair of runs came to. `bridge`, `relay` and `other` are in the unit of the scenario (µs of CPU per event or
 * turn, KiB per connection, ms); `ratio` is bridge to relay; `otherToThis` other to bridge; `tracesUs` what a bridge
 * with traces (`traced`) costs more than one without.
 */
export type Pair = Readonly<Record<string, number>> & { readonly bridge: number };

export interface Verdict {
  readonly bar: Bar;
  readonly median: number;
  readonly result: 'aim reached' | 'passed' | 'missed';
}

export interface Summary {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  /** Of each figure over all pairs. */
  readonly medians: Pair;
  readonly verdicts: readonly Verdict[];
  readonly pairs: readonly Pair[];
}

export function summarize(scenario: Scenario, pairs: readonly Pair[]): Summary {
  const [first] = pairs;
  if (first === undefined) throw new Error(`${scenario.name} was not measured`);
  const medians = Object.fromEntries(
    Object.keys(first).map((figure) => [figure, median(pairs.map((pair) => pair[figure] ?? NaN))]),
  ) as Pair;
  return {
    name: scenario.name,
    title: scenario.title,
    unit: unitOf(scenario),
    medians,
    verdicts: scenario.bars.map((bar) => judge(bar, medians[bar.figure] ?? NaN)),
    pairs,
  };
}

/** A relay hands an event on within tens of µs. Where it takes longer, something else had the core. */
const MAX_QUIET_RELAY_P50_US = 500;

/** The scenarios whose figures mean little, since even the relay was late. */
export function disturbed(summaries: readonly Summary[]): string[] {
  const isLate = ({ medians }: Summary) => (medians['relayP50Us'] ?? 0) > MAX_QUIET_RELAY_P50_US;
  return summaries.filter(isLate).map(({ name }) => name);
}

/** NaN, a figure that is not there, misses every bar. */
export function judge(bar: Bar, value: number): Verdict {
  if (!(value <= bar.atMost)) return { bar, median: value, result: 'missed' };
  const reached = bar.aim !== undefined && value <= bar.aim;
  return { bar, median: value, result: reached ? 'aim reached' : 'passed' };
}

/** The middle of the values; of an even number, the mean of the two in the middle. @throws RangeError on none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.floor(sorted.length / 2)];
  if (low === undefined || high === undefined) throw new RangeError('no median of nothing');
  return (low + high) / 2;
}

function unitOf(scenario: Scenario): string {
  switch (scenario.kind) {
    case 'traffic':
      return `µs/${scenario.unit}`;
    case 'memory':
      return 'KiB/connection';
    case 'start':
      return 'ms';
  }
}
