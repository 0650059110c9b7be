/**
 * The one door to the metrics library: makes instruments from definitions, with labels that the compiler checks and
 * values that cannot make the library throw. Another library would be put in here.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { MetricDefinition } from './metric-catalogue.ts';
import type { Labels, SeriesGuard } from './series-guard.ts';

export interface CounterInstrument<L extends string> {
  /** Adds `by` (1 by default). What is no positive finite number is ignored. */
  add(labels: Labels<L>, by?: number): void;
}

export interface HistogramInstrument<L extends string> {
  /** Takes one value. Undefined and NaN are ignored, negative ones count as 0 (clocks of two sources). */
  observe(labels: Labels<L>, value: number | undefined): void;
}

/** One value of a metric that is read when it is scraped. */
export interface Reading<L extends string> {
  readonly labels: Labels<L>;
  readonly value: number;
}

export class Meter {
  readonly #registry: Registry;
  readonly #guard: SeriesGuard;

  constructor(registry: Registry, guard: SeriesGuard) {
    this.#registry = registry;
    this.#guard = guard;
  }

  /** @param initial label sets that are there with 0 from the start, so that rates and alerts exist before them */
  counter<L extends string>(
    definition: MetricDefinition<'counter', L>,
    initial: readonly Labels<L>[] = [],
  ): CounterInstrument<L> {
    const all: { readonly labels: Labels<L>; value: number }[] = [];
    const seriesOf = this.#series(definition, (labels) => {
      const series = { labels, value: 0 };
      all.push(series);
      return series;
    });
    this.#showCounter(definition, () => all);
    for (const labels of initial) seriesOf(labels);
    return {
      add: (labels, by = 1) => {
        if (Number.isFinite(by) && by > 0) seriesOf(labels).value += by;
      },
    };
  }

  histogram<L extends string>(definition: MetricDefinition<'histogram', L>): HistogramInstrument<L> {
    const admitted = this.#series(definition, (labels) => ({ ...labels }));
    const histogram = new Histogram({ ...this.#common(definition), buckets: [...definition.buckets] });
    this.#registry.registerMetric(histogram);
    return {
      observe: (labels, value) => {
        if (value === undefined || Number.isNaN(value)) return;
        histogram.observe(admitted(labels), Math.max(0, value));
      },
    };
  }

  /** A gauge that is read at each scrape; what is not among the readings any more is not shown any more. */
  readGauge<L extends string>(definition: MetricDefinition<'gauge', L>, read: () => Reading<L>[]): void {
    const guard = this.#guard;
    const gauge = new Gauge({
      ...this.#common(definition),
      collect() {
        this.reset();
        if (definition.labels.length === 0) this.remove({});
        for (const { labels, value } of read()) {
          if (Number.isFinite(value)) this.set({ ...guard.admit(definition.name, labels) }, value);
        }
      },
    });
    this.#registry.registerMetric(gauge);
  }

  /** A counter whose numbers are kept elsewhere and only ever grow; read at each scrape. */
  readCounter<L extends string>(definition: MetricDefinition<'counter', L>, read: () => Reading<L>[]): void {
    const admitted = ({ labels, value }: Reading<L>) => ({
      labels: this.#guard.admit(definition.name, labels),
      value,
    });
    this.#showCounter(definition, () => read().map(admitted));
  }

  /** Labels are shown as they are: whoever reads has asked the guard, who counts each time that it replaces some. */
  #showCounter<L extends string>(
    definition: MetricDefinition<'counter', L>,
    read: () => readonly Reading<L>[],
  ): void {
    const counter = new Counter({
      ...this.#common(definition),
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.inc({ ...labels }, value);
      },
    });
    this.#registry.registerMetric(counter);
  }

  /**
   * What belongs to each label set that the guard lets in, by the values of its labels: a turn asks a dozen times, about
   * the same few sets.
   */
  #series<L extends string, S>(
    { name, labels: names }: MetricDefinition<'counter' | 'histogram', L>,
    make: (labels: Labels<L>) => S,
  ): (labels: Labels<L>) => S {
    const known = new Map<string, S>();
    const keyOf = (labels: Labels<L>) => {
      let key = '';
      for (const label of names) key += `${labels[label]}\0`;
      return key;
    };
    return (labels) => {
      const found = known.get(keyOf(labels));
      if (found !== undefined) return found;
      const admitted = this.#guard.admit(name, labels); // each time for labels that were replaced: it counts them
      const key = keyOf(admitted);
      let series = known.get(key);
      if (series === undefined) known.set(key, (series = make(admitted)));
      return series;
    };
  }

  /** What all kinds are made from. */
  #common<L extends string>(definition: MetricDefinition<'counter' | 'gauge' | 'histogram', L>) {
    return {
      name: definition.name,
      help: definition.help,
      labelNames: [...definition.labels],
      registers: [], // not the library's global one
    };
  }
}

/** @returns seconds from one moment to the other, both in milliseconds; undefined if there was no other */
export function secondsBetween(from: number, to: number | undefined): number | undefined {
  return to === undefined ? undefined : (to - from) / 1000;
}
