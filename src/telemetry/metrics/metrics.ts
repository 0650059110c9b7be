/**
 * Metrics: one registry, fed by facts and by what is read at each scrape. Nothing else in the process counts for
 * operators.
 */
import { Registry } from 'prom-client';
import type { ClientFactListener, FrameCounts } from '../../client/facts.ts';
import type { TurnFactListener } from '../../turn/facts.ts';
import { clientMetrics, frameMetrics } from './client-metrics.ts';
import type { LogStats } from '../log/log.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import { Meter } from './meter.ts';
import { CONFIG_RELOAD_RESULTS, type ConfigReloadResult } from '../names.ts';
import { type Gauges, logMetrics, processMetrics, runtimeMetrics } from './process-metrics.ts';
import { SeriesGuard } from './series-guard.ts';
import { turnMetrics } from './turn-metrics.ts';

export interface MetricsOptions {
  readonly version: string;
  /** The commit it was built from; `unknown` by default. */
  readonly revision?: string;
  /** Node's version; `unknown` by default. */
  readonly node?: string;
  readonly gauges: Gauges;
  readonly frameCounts: FrameCounts;
  /** Names of the event catalogue, by the index that `frameCounts.outByType` uses. */
  readonly eventNames: readonly string[];
  /** The log's numbers; zeros by default. */
  readonly logStats?: () => LogStats;
  /** Hears each time an observation lost its labels to the series guard; to be logged, rate limited. */
  readonly onSeriesDropped?: (metric: string) => void;
  /** Milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number;
}

export interface Metrics {
  readonly turnFacts: TurnFactListener;
  readonly clientFacts: ClientFactListener;
  /** A changed configuration was taken (`success`) or refused. */
  configReload(result: ConfigReloadResult): void;
  /** Everything, as Prometheus reads it (text format 0.0.4). */
  text(): Promise<string>;
  readonly contentType: string;
}

const NO_LOG: LogStats = { lines: { debug: 0, info: 0, warn: 0, error: 0 }, dropped: 0, suppressed: 0 };

/** Opens a registry of its own, so that two bridges in one process (tests) do not meet. Holds nothing to close. */
export function openMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const onReplaced = (metric: string): void => {
    seriesDropped.add({ metric });
    options.onSeriesDropped?.(metric);
  };
  const meter = new Meter(registry, new SeriesGuard(onReplaced));
  const seriesDropped = meter.counter(CATALOGUE.seriesDropped);

  const clientFacts = clientMetrics(meter);
  frameMetrics(meter, options.frameCounts, options.eventNames);
  const turnFacts = turnMetrics(meter);
  processMetrics(meter, options.gauges, {
    version: options.version,
    revision: options.revision ?? 'unknown',
    node: options.node ?? 'unknown',
  });
  logMetrics(meter, options.logStats ?? (() => NO_LOG));
  const configReload = configMetrics(meter, options.now ?? Date.now);
  runtimeMetrics(registry);

  return {
    turnFacts,
    clientFacts,
    configReload,
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function configMetrics(meter: Meter, now: () => number): (result: ConfigReloadResult) => void {
  const reloads = meter.counter(
    CATALOGUE.configReloads,
    CONFIG_RELOAD_RESULTS.map((result) => ({ result })),
  );
  let lastSuccess = 0;
  meter.readGauge(CATALOGUE.configLastSuccess, () => [{ labels: {}, value: lastSuccess }]);
  return (result) => {
    reloads.add({ result });
    if (result === 'success') lastSuccess = now() / 1000;
  };
}
