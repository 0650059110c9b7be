/** How a metric is declared. */
import { METRIC_PREFIX } from '../names.ts';

/** A metric as it is declared. `L` are its label names. */
export interface MetricDefinition<K extends MetricKind, L extends string> {
  readonly kind: K;
  readonly name: string;
  readonly labels: readonly L[];
  readonly help: string;
  /** Upper bounds of a histogram, ascending; empty for the other kinds. */
  readonly buckets: readonly number[];
}

export type MetricKind = 'counter' | 'gauge' | 'histogram';

export function counter<L extends string>(name: string, labels: readonly L[], help: string) {
  return { kind: 'counter', name: METRIC_PREFIX + name, labels, help, buckets: [] } as const;
}

export function gauge<L extends string>(name: string, labels: readonly L[], help: string) {
  return { kind: 'gauge', name: METRIC_PREFIX + name, labels, help, buckets: [] } as const;
}

export function histogram<L extends string>(
  name: string,
  labels: readonly L[],
  buckets: readonly number[],
  help: string,
) {
  return { kind: 'histogram', name: METRIC_PREFIX + name, labels, help, buckets } as const;
}

/** A turn may reason for half an hour. */
export const TURN_BUCKETS = [0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 90, 120, 180, 300, 600, 900, 1800];
