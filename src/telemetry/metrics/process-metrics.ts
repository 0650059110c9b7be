/** What is read at each scrape: the process, its budgets and its log. */
import type { Registry } from 'prom-client';
import collectCpu from 'prom-client/lib/metrics/processCpuTotal.js';
import collectHeap from 'prom-client/lib/metrics/heapSizeAndUsed.js';
import collectMaxOpenFiles from 'prom-client/lib/metrics/processMaxFileDescriptors.js';
import collectMemory from 'prom-client/lib/metrics/osMemoryHeap.js';
import collectNodeVersion from 'prom-client/lib/metrics/version.js';
import collectOpenFiles from 'prom-client/lib/metrics/processOpenFileDescriptors.js';
import collectStartTime from 'prom-client/lib/metrics/processStartTime.js';
import type { LogStats } from '../log/log.ts';
import type { ProviderSources } from '../provider-sources.ts';
import type { LogLevel } from '../log/log-line.ts';
import { CATALOGUE } from './metric-catalogue.ts';
import type { Meter } from './meter.ts';
import { CONFIG_RELOAD_RESULTS, type ConfigReloadResult, SPAN_RESULTS } from '../names.ts';
import type { SpanStats } from '../span-stats.ts';
import type { TlsNumbers } from './tls-metrics.ts';

/** Places where bytes wait; each has a budget. */
export interface QueuedBytes {
  /** Written to client sockets and not yet taken by them. */
  readonly client_send: number;
  /** Frames being received. */
  readonly inbound: number;
  /** Requests that wait in a lane. */
  readonly lane_queue: number;
  /** Provider answers that are held until they are whole. */
  readonly answer: number;
}

/** What metrics ask the process when they are scraped. Cheap, and never throwing. */
export interface Gauges extends ProviderSources {
  connections(): number;
  /** Infinity when there is no limit: the metric is left out then. */
  connectionsLimit(): number;
  queuedBytes(): QueuedBytes;
  transcriptBytes(): number;
  ready(): boolean;
  draining(): boolean;
  /** Nothing of it is shown where there is none. */
  snapshot?(): SnapshotNumbers;
  /** Undefined: there is no TLS. */
  tls?(): TlsNumbers | undefined;
}

/** The routes in effect; what is undefined is not shown. */
export interface SnapshotNumbers {
  /** Of an operator's snapshot. */
  readonly generation: number | undefined;
  readonly routes: number | undefined;
  /** Milliseconds since 1970. */
  readonly takenAtMs: number | undefined;
  /** Of the watch on an operator's Secret. */
  readonly isWatchUp: boolean | undefined;
}

export interface BuildInfo {
  readonly version: string;
  /** The commit it was built from. */
  readonly revision: string;
  /** Node's version. */
  readonly node: string;
}

/** Registers the gauges of the process. */
export function processMetrics(meter: Meter, gauges: Gauges, build: BuildInfo): void {
  meter.readGauge(CATALOGUE.connections, () => [{ labels: {}, value: gauges.connections() }]);
  meter.readGauge(CATALOGUE.connectionsLimit, () => [{ labels: {}, value: gauges.connectionsLimit() }]);
  meter.readGauge(CATALOGUE.transcriptBytes, () => [{ labels: {}, value: gauges.transcriptBytes() }]);
  meter.readGauge(CATALOGUE.queuedBytes, () =>
    Object.entries<number>({ ...gauges.queuedBytes() }).map(([place, value]) => ({
      labels: { place },
      value,
    })),
  );
  meter.readGauge(CATALOGUE.sendBuffer, () => [{ labels: {}, value: gauges.queuedBytes().client_send }]);
  meter.readGauge(CATALOGUE.ready, () => [{ labels: {}, value: gauges.ready() ? 1 : 0 }]);
  meter.readGauge(CATALOGUE.draining, () => [{ labels: {}, value: gauges.draining() ? 1 : 0 }]);
  meter.readGauge(CATALOGUE.buildInfo, () => [{ labels: { ...build }, value: 1 }]);
}

/** Registers the gauges of the routes in effect. */
export function snapshotMetrics(meter: Meter, read: () => SnapshotNumbers | undefined): void {
  const shown = (value: number | undefined) => (value === undefined ? [] : [{ labels: {}, value }]);
  meter.readGauge(CATALOGUE.snapshotGeneration, () => shown(read()?.generation));
  meter.readGauge(CATALOGUE.snapshotRoutes, () => shown(read()?.routes));
  meter.readGauge(CATALOGUE.snapshotLastApplied, () => {
    const takenAtMs = read()?.takenAtMs;
    return shown(takenAtMs && takenAtMs / 1000);
  });
  meter.readGauge(CATALOGUE.snapshotWatchUp, () => {
    const isUp = read()?.isWatchUp;
    return shown(isUp === undefined ? undefined : Number(isUp));
  });
}

/** Registers the counters of the log. */
export function logMetrics(meter: Meter, stats: () => LogStats): void {
  meter.readCounter(CATALOGUE.logLines, () => {
    const { lines } = stats();
    return (Object.keys(lines) as LogLevel[]).map((level) => ({ labels: { level }, value: lines[level] }));
  });
  meter.readCounter(CATALOGUE.logLinesDropped, () => [{ labels: {}, value: stats().dropped }]);
}

/** Registers the counters of exported spans. */
export function spanMetrics(meter: Meter, stats: () => SpanStats): void {
  meter.readCounter(CATALOGUE.spans, () => {
    const counts = stats();
    return SPAN_RESULTS.map((result) => ({ labels: { result }, value: counts[result] }));
  });
  meter.readGauge(CATALOGUE.spanQueueLength, () => [{ labels: {}, value: stats().queued }]);
}

/**
 * Registers the memory limit.
 * @param bytes undefined or Infinity: not known, and not shown
 */
export function memoryMetrics(meter: Meter, bytes: number | undefined): void {
  meter.readGauge(CATALOGUE.memoryLimit, () => (bytes === undefined ? [] : [{ labels: {}, value: bytes }]));
}

/** Registers the metrics of the configuration. @returns what hears of each change */
export function configMetrics(meter: Meter, now: () => number): (result: ConfigReloadResult) => void {
  const reloads = meter.counter(
    CATALOGUE.configReloads,
    CONFIG_RELOAD_RESULTS.map((result) => ({ result })),
  );
  let lastSuccess = 0;
  let last: ConfigReloadResult = 'success';
  meter.readGauge(CATALOGUE.configLastSuccess, () => [{ labels: {}, value: lastSuccess }]);
  meter.readGauge(CATALOGUE.configLastReloadSuccessful, () => [
    { labels: {}, value: last === 'success' ? 1 : 0 },
  ]);
  return (result) => {
    reloads.add({ result });
    last = result;
    if (result === 'success') lastSuccess = now() / 1000;
  };
}

/** Registers what the library knows of the process: `process_*` and `nodejs_*`, read at each scrape. */
export function libraryMetrics(registry: Registry): void {
  const collectors = [
    collectCpu,
    collectStartTime,
    collectMemory,
    collectOpenFiles,
    collectMaxOpenFiles,
    collectHeap,
    collectNodeVersion,
  ];
  for (const collect of collectors) collect(registry);
}
