/**
 * Makes instruments from definitions, with labels that the compiler checks. An instrument takes any number without
 * throwing; what it has counted is read at each scrape.
 */
import type { TraceIds } from '../../turn/facts.ts';
import { type Exposition, type Format, HistogramLines, type Line } from './exposition.ts';
import type { MetricDefinition } from './metric-definition.ts';
import type { Labels, SeriesGuard } from './series-guard.ts';
import { SeriesIndex } from './series-index.ts';
import { CounterSeries, HistogramSeries } from './series.ts';

export interface CounterInstrument<L extends string> {
  /** Adds `by` (1 by default); with 0 the series is shown from then on. What is no finite number from 0 up is ignored. */
  add(labels: Labels<L>, by?: number): void;
  /** Shows these label sets with 0, as far as there is room: rates and alerts then see the first event. */
  prepare(labels: readonly Labels<L>[]): void;
}

export interface HistogramInstrument<L extends string> {
  /**
   * Takes one value. Undefined and NaN are ignored, negative ones count as 0 (clocks of two sources).
   * @param trace of what was measured: shown as an exemplar if it is sampled
   */
  observe(labels: Labels<L>, value: number | undefined, trace?: TraceIds): void;
  /** The numbers themselves, for one who fills them in bulk. */
  series(labels: Labels<L>): HistogramSeries;
}

/** One value of a metric that is read when it is scraped. */
export interface Reading<L extends string> {
  readonly labels: Labels<L>;
  readonly value: number;
}

export class Meter {
  readonly #exposition: Exposition;
  readonly #guard: SeriesGuard;

  constructor(exposition: Exposition, guard: SeriesGuard) {
    this.#exposition = exposition;
    this.#guard = guard;
  }

  /** @param initial label sets that are there with 0 from the start, so that rates and alerts exist before them */
  counter<L extends string>(
    definition: MetricDefinition<'counter', L>,
    initial: readonly Labels<L>[] = definition.labels.length === 0 ? [{} as Labels<L>] : [],
  ): CounterInstrument<L> {
    const shown: { readonly line: Line; readonly series: CounterSeries }[] = [];
    const index = new SeriesIndex(definition, this.#guard, (labels) => {
      const series = new CounterSeries();
      shown.push({ line: { sharedLabels: labels, value: 0 }, series });
      return series;
    });
    this.#exposition.add({
      ...definition,
      lines: () =>
        shown.map(({ line, series }) => {
          line.value = series.value;
          return line;
        }),
    });
    for (const labels of initial) index.find(labels);
    return {
      add: (labels, by = 1) => {
        if (by >= 0 && by < Infinity) index.find(labels).value += by;
      },
      prepare: (all) => {
        for (const labels of all) index.prepare(labels);
      },
    };
  }

  /** @param initial label sets that are there from the start */
  histogram<L extends string>(
    definition: MetricDefinition<'histogram', L>,
    initial: readonly Labels<L>[] = definition.labels.length === 0 ? [{} as Labels<L>] : [],
  ): HistogramInstrument<L> {
    const shown: ((format: Format) => HistogramLines)[] = [];
    const index = new SeriesIndex(definition, this.#guard, (labels) => {
      const series = new HistogramSeries(definition.buckets);
      const made = new Map<Format, HistogramLines>();
      shown.push((format) => {
        let lines = made.get(format);
        if (lines === undefined) {
          lines = new HistogramLines(definition.name, labels, series, format);
          made.set(format, lines);
        }
        return lines;
      });
      return series;
    });
    this.#exposition.add({
      ...definition,
      lines: (format) => {
        const out: Line[] = [];
        for (const linesIn of shown) linesIn(format).read(out);
        return out;
      },
    });
    for (const labels of initial) index.find(labels);
    return {
      observe: (labels, value, trace) => {
        if (value !== undefined && value < Infinity) index.find(labels).observe(Math.max(0, value), trace);
      },
      series: (labels) => index.find(labels),
    };
  }

  /** A gauge that is read at each scrape; what is not among the readings any more is not shown any more. */
  readGauge<L extends string>(definition: MetricDefinition<'gauge', L>, read: () => Reading<L>[]): void {
    this.#read(definition, read);
  }

  /** A counter whose numbers are kept elsewhere and only ever grow; read at each scrape. */
  readCounter<L extends string>(definition: MetricDefinition<'counter', L>, read: () => Reading<L>[]): void {
    this.#read(definition, read);
  }

  /** Labels that the guard replaces may meet: their values are added up, a family must not show one label set twice. */
  #read<L extends string>(
    definition: MetricDefinition<'counter' | 'gauge', L>,
    read: () => Reading<L>[],
  ): void {
    const index = new SeriesIndex(definition, this.#guard, (labels): Line => ({
      sharedLabels: labels,
      value: 0,
    }));
    const lines = (): Line[] => {
      const shown = new Set<Line>();
      for (const { labels, value } of read()) {
        if (!Number.isFinite(value)) continue;
        const line = index.find(labels);
        line.value = shown.has(line) ? line.value + value : value;
        shown.add(line);
      }
      return [...shown];
    };
    this.#exposition.add({ ...definition, lines });
  }
}

/** @returns seconds from one moment to the other, both in milliseconds; undefined if there was no other */
export function secondsBetween(from: number, to: number | undefined): number | undefined {
  return to === undefined ? undefined : (to - from) / 1000;
}
