/**
 * What a scraper reads: every family of series, as text 0.0.4 or as OpenMetrics 1.0.0. The library writes both; it
 * keeps nothing of ours, it asks each family for its lines.
 */
import { type Metric, type OpenMetricsContentType, Registry } from 'prom-client';
import { prefersOpenMetrics } from './accept.ts';
import type { MetricKind } from './metric-definition.ts';
import type { Labels } from './series-guard.ts';
import type { Exemplar, HistogramSeries } from './series.ts';

export type Format = 'text' | 'openmetrics';

/** One line, in the library's words. Shared labels are one object for a series: the library remembers their text. */
export interface Line {
  /** Where it is not the family's own. */
  readonly metricName?: string;
  /** Those of this line alone. */
  readonly labels?: Labels<string>;
  readonly sharedLabels: Labels<string>;
  value: number;
  exemplar?: Exemplar | undefined;
}

/** All series of one metric. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly kind: MetricKind;
  /** @returns the lines as they are now */
  lines(format: Format): Line[];
}

/** A scrape's answer. */
export interface Scrape {
  /** `content-type` */
  readonly type: string;
  readonly body: string;
}

export class Exposition {
  readonly #text = new Registry();
  readonly #openMetrics = new Registry<OpenMetricsContentType>();

  constructor() {
    this.#openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  }

  /** Both, for what the library itself collects. */
  get registries(): readonly Registry[] {
    return [this.#text, this.#openMetrics as unknown as Registry];
  }

  /** @throws Error when there is a family of that name */
  add(family: Family): void {
    this.#text.registerMetric(toLibraryMetric(family, 'text'));
    this.#openMetrics.registerMetric(toLibraryMetric(family, 'openmetrics'));
  }

  /** @param accept what the scraper said it reads; text 0.0.4 unless it asked for OpenMetrics */
  async read(accept: string | undefined): Promise<Scrape> {
    const registry = prefersOpenMetrics(accept) ? this.#openMetrics : this.#text;
    return { type: registry.contentType, body: await registry.metrics() };
  }
}

/**
 * A registry asks its metrics for `name`, `help`, `type` and `get()`, and changes the name of counters when it writes
 * OpenMetrics: each registry has an object of its own.
 */
function toLibraryMetric(family: Family, format: Format): Metric {
  const { name, help, kind: type } = family;
  const metric = {
    name,
    help,
    type,
    get: () => Promise.resolve({ name: metric.name, help, type, values: family.lines(format) }),
  };
  return metric as unknown as Metric;
}

/** The lines of one histogram series; made at the first scrape in a format, and filled at each. */
export class HistogramLines {
  readonly #buckets: readonly Line[];
  readonly #sum: Line;
  readonly #count: Line;
  readonly #series: HistogramSeries;

  constructor(name: string, labels: Labels<string>, series: HistogramSeries, format: Format) {
    this.#series = series;
    this.#buckets = [...series.bounds, Infinity].map((bound) => ({
      metricName: `${name}_bucket`,
      labels: { le: toBoundText(bound, format) },
      sharedLabels: labels,
      value: 0,
    }));
    this.#sum = { metricName: `${name}_sum`, sharedLabels: labels, value: 0 };
    this.#count = { metricName: `${name}_count`, sharedLabels: labels, value: 0 };
  }

  /** @param into takes the lines */
  read(into: Line[]): void {
    let count = 0;
    this.#buckets.forEach((line, bucket) => {
      line.value = count += this.#series.counts[bucket]!;
      line.exemplar = this.#series.exemplarOf(bucket);
      into.push(line);
    });
    this.#sum.value = this.#series.sum;
    this.#count.value = count;
    into.push(this.#sum, this.#count);
  }
}

/**
 * `le` as the formats want it: OpenMetrics has one way to write a number (1.0, 1e+06: "Considerations: Canonical
 * Numbers" of its specification), text 0.0.4 has 1 and 1000000.
 */
function toBoundText(bound: number, format: Format): string {
  if (bound === Infinity) return '+Inf';
  if (format === 'text') return String(bound);
  if (bound >= 1e6) return bound.toExponential().replace(/e\+(\d)$/, 'e+0$1');
  return Number.isInteger(bound) ? `${String(bound)}.0` : String(bound);
}
