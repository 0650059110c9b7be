/**
 * Metrics: fed by facts and by what is read at each scrape. Nothing else in the process counts for operators.
 */
import type { ClientFactListener, FrameCounts } from '../../client/facts.ts';
import type { SocketFactListener } from '../../provider/socket-facts.ts';
import type { TurnFact, TurnFactListener } from '../../turn/facts.ts';
import { clientMetrics, frameMetrics } from './client-metrics.ts';
import { Exposition, type Scrape } from './exposition.ts';
import { genaiMetrics } from './genai-metrics.ts';
import type { LogStats } from '../log/log.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import { Meter } from './meter.ts';
import type { ConfigReloadResult, Semconv } from '../names.ts';
import { NO_SPANS, type SpanStats } from '../span-stats.ts';
import {
  configMetrics,
  type Gauges,
  libraryMetrics,
  logMetrics,
  memoryMetrics,
  processMetrics,
  snapshotMetrics,
  spanMetrics,
} from './process-metrics.ts';
import { providerMetrics } from './provider-metrics.ts';
import { openRuntimeWatch } from './runtime-watch.ts';
import { SeriesGuard } from './series-guard.ts';
import { tlsMetrics } from './tls-metrics.ts';
import { turnMetrics, type TurnLabels } from './turn-metrics.ts';

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
  /** What became of spans; zeros by default. */
  readonly spanStats?: () => SpanStats;
  /** What the process may use; not shown when undefined or Infinity. */
  readonly memoryLimitBytes?: number | undefined;
  /** Whether there are metrics under the names of the GenAI conventions; true by default. */
  readonly genai?: boolean;
  /** Which of those names; `latest` by default. */
  readonly semconv?: Semconv;
  /** Hears each time an observation lost its labels to the series guard; to be logged, rate limited. */
  readonly onSeriesDropped?: (metric: string) => void;
  /** Milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number;
}

export interface Metrics {
  readonly turnFacts: TurnFactListener;
  readonly clientFacts: ClientFactListener;
  /** Of the WebSockets to providers. */
  readonly socketFacts: SocketFactListener;
  /** Takes how long an event took from its provider's bytes to its client's socket. Cheap; sampled by the caller. */
  observeEventLatency(seconds: number): void;
  /** A changed configuration was taken (`success`) or refused. */
  configReload(result: ConfigReloadResult): void;
  /** A changed certificate of the listener was taken, or refused. */
  tlsReload(result: ConfigReloadResult): void;
  /** The turns that a snapshot in use allows: their counters are there with 0 before the first of them. */
  initialise(labels: readonly TurnLabels[]): void;
  /**
   * Everything, as Prometheus reads it.
   * @param accept the scraper's header: OpenMetrics with exemplars if it asks for that, else text 0.0.4
   */
  text(accept?: string): Promise<Scrape>;
  /** Stops what measures the process. May be called twice; what was counted can still be read. */
  close(): void;
}

const NO_LOG: LogStats = { lines: { debug: 0, info: 0, warn: 0, error: 0 }, dropped: 0, suppressed: 0 };

/** Opens a registry of its own, so that two bridges in one process (tests) do not meet. The caller closes it. */
export function openMetrics(options: MetricsOptions): Metrics {
  const exposition = new Exposition();
  const onReplaced = (metric: string): void => {
    seriesDropped.add({ metric });
    options.onSeriesDropped?.(metric);
  };
  const meter = new Meter(exposition, new SeriesGuard(onReplaced));
  const seriesDropped = meter.counter(CATALOGUE.seriesDropped);

  const clientFacts = clientMetrics(meter);
  frameMetrics(meter, options.frameCounts, options.eventNames);
  const turns = turnMetrics(meter);
  const providers = providerMetrics(meter, options.gauges, options.now ?? Date.now);
  const onCall = options.genai === false ? undefined : genaiMetrics(meter, options.semconv ?? 'latest');
  processMetrics(meter, options.gauges, {
    version: options.version,
    revision: options.revision ?? 'unknown',
    node: options.node ?? 'unknown',
  });
  snapshotMetrics(meter, () => options.gauges.snapshot?.());
  const tlsReload = tlsMetrics(meter, () => options.gauges.tls?.());
  memoryMetrics(meter, options.memoryLimitBytes);
  logMetrics(meter, options.logStats ?? (() => NO_LOG));
  spanMetrics(meter, options.spanStats ?? (() => NO_SPANS));
  const configReload = configMetrics(meter, options.now ?? Date.now);
  for (const registry of exposition.registries) libraryMetrics(registry);
  const watch = openRuntimeWatch(meter);

  return {
    turnFacts: (fact: TurnFact) => {
      turns.facts(fact);
      providers.turnFacts(fact);
      onCall?.(fact);
    },
    clientFacts,
    socketFacts: providers.socketFacts,
    observeEventLatency: (seconds) => turns.observeEventLatency(seconds),
    configReload,
    tlsReload,
    initialise: (labels) => turns.initialise(labels),
    text: (accept) => exposition.read(accept),
    close: () => watch.close(),
  };
}
