/** The metrics of the operator: its own, and those that controllers have in common (kube-metrics.ts). */
import type { KubeFacts } from '../../kube/kube-facts.ts';
import type { OperatorFact, OperatorFactListener } from '../../operator/facts.ts';
import type { LogStats } from '../log/log.ts';
import { Exposition, type Scrape } from '../metrics/exposition.ts';
import { Meter } from '../metrics/meter.ts';
import { CATALOGUE as SHARED } from '../metrics/metric-catalogue.ts';
import { libraryMetrics, logMetrics } from '../metrics/process-metrics.ts';
import { openRuntimeWatch } from '../metrics/runtime-watch.ts';
import { SeriesGuard } from '../metrics/series-guard.ts';
import { kubeMetrics, queueGauges, type QueueGauges } from './kube-metrics.ts';
import { OPERATOR_CATALOGUE as CATALOGUE } from './operator-catalogue.ts';

/** What metrics ask the operator when they are scraped. */
export interface OperatorGauges {
  readonly queues: Readonly<Record<string, QueueGauges>>;
  /** Most keys at a time, by queue. */
  readonly concurrency: Readonly<Record<string, number>>;
  readonly lease: string;
  leads(): boolean;
  ready(): boolean;
  /** Of all reflectors but those of references. */
  reflectors(): readonly Reflected[];
  /** Of Secrets and ConfigMaps. */
  stores(): readonly (Reflected & { readonly size: number })[];
  /** Namespaces with routes whose Secrets or ConfigMaps are not known, or not any more. */
  unreadableNamespaces(): number;
  /** Bridge pods that are ready. */
  pods(): number;
  /** Routes of all snapshots, every state and reason once. */
  routes(): readonly { readonly state: string; readonly reason: string; readonly routes: number }[];
}

/** What a reflector says of itself, and of what resource it is. */
export interface Reflected {
  readonly resource: string;
  readonly reflector: {
    readonly size: number;
    /** Undefined: nothing came yet. */
    readonly lastEventAgeMs: number | undefined;
    /** Of its last list or watch; undefined: that succeeded. */
    readonly lastError: Error | undefined;
  };
}

export interface OperatorMetricsOptions {
  readonly version: string;
  readonly revision: string;
  readonly node: string;
  readonly queues: readonly string[];
  readonly logStats: () => LogStats;
}

export interface OperatorMetrics {
  readonly kubeFacts: KubeFacts;
  readonly facts: OperatorFactListener;
  /** Registers what is read at each scrape. Once. */
  show(gauges: OperatorGauges): void;
  text(accept: string | undefined): Promise<Scrape>;
  /** Stops what measures the process. May be called twice. */
  close(): void;
}

/** Opens a registry of its own. The caller closes it. */
export function openOperatorMetrics(options: OperatorMetricsOptions): OperatorMetrics {
  const exposition = new Exposition();
  const meter = new Meter(exposition, new SeriesGuard((metric) => seriesDropped.add({ metric })));
  const seriesDropped = meter.counter(SHARED.seriesDropped);
  const { version, revision, node } = options;
  meter.readGauge(SHARED.buildInfo, () => [{ labels: { version, revision, node }, value: 1 }]);
  logMetrics(meter, options.logStats);
  for (const registry of exposition.registries) libraryMetrics(registry);
  const watch = openRuntimeWatch(meter);
  return {
    kubeFacts: kubeMetrics(meter, options.queues),
    facts: ownMetrics(meter),
    show: (gauges) => showGauges(meter, gauges),
    text: (accept) => exposition.read(accept),
    close: () => watch.close(),
  };
}

type Compiled = Extract<OperatorFact, { kind: 'snapshot.compiled' }>;

const LEVELS: Readonly<Record<Compiled['level'], number>> = { Normal: 0, NearlyFull: 1, Full: 2 };

/** What each snapshot Secret was compiled into last. */
function compiledMetrics(meter: Meter): Map<string, Compiled> {
  const compiled = new Map<string, Compiled>();
  const perSecret = (read: (fact: Compiled) => number) => () =>
    [...compiled].map(([secret, fact]) => ({ labels: { secret }, value: read(fact) }));
  meter.readGauge(
    CATALOGUE.snapshotBytes,
    perSecret(({ bytes }) => bytes),
  );
  meter.readGauge(
    CATALOGUE.snapshotRoutes,
    perSecret(({ routes }) => routes),
  );
  meter.readGauge(
    CATALOGUE.snapshotLeftOut,
    perSecret(({ leftOut }) => leftOut),
  );
  meter.readGauge(
    CATALOGUE.snapshotLevel,
    perSecret(({ level }) => LEVELS[level]),
  );
  return compiled;
}

function ownMetrics(meter: Meter): OperatorFactListener {
  const compiled = compiledMetrics(meter);
  const foreign = new Map<string, number>();
  meter.readGauge(CATALOGUE.snapshotForeign, () =>
    [...foreign].map(([secret, value]) => ({ labels: { secret }, value })),
  );
  let behind = 0;
  meter.readGauge(CATALOGUE.podsBehind, () => [{ labels: {}, value: behind }]);
  const compileTimes = meter.histogram(CATALOGUE.compileTime);
  const writes = meter.counter(CATALOGUE.snapshotWrites);
  const confirmTimes = meter.histogram(CATALOGUE.confirmTime);
  const statuses = meter.counter(CATALOGUE.statusWrites);
  const overwrites = meter.counter(CATALOGUE.statusOverwrites);
  return (fact) => {
    switch (fact.kind) {
      case 'snapshot.compiled':
        compiled.set(fact.secret, fact);
        compileTimes.observe({}, fact.seconds);
        writes.add({ secret: fact.secret }, 0);
        if (!foreign.has(fact.secret)) foreign.set(fact.secret, 0);
        break;
      case 'snapshot.written':
        writes.add({ secret: fact.secret });
        break;
      case 'snapshot.foreign':
        foreign.set(fact.secret, 1);
        break;
      case 'snapshot.ours':
        foreign.set(fact.secret, 0);
        break;
      case 'pods.confirmed':
        behind = 0;
        if (fact.seconds !== undefined) confirmTimes.observe({}, fact.seconds);
        break;
      case 'pods.behind':
        behind = fact.behind.length;
        break;
      case 'status.written':
        statuses.add({});
        break;
      case 'status.overwritten':
        overwrites.add({});
        break;
      case 'statuses.contested':
      case 'namespace.unreadable':
      case 'namespace.readable':
      case 'owner.missing':
      case 'owner.found':
      case 'demo.made':
      case 'demo.hindered':
      case 'mistake': // counted elsewhere, or told once and for all
    }
  };
}

function showGauges(meter: Meter, gauges: OperatorGauges): void {
  queueGauges(meter, gauges.queues, gauges.concurrency);
  meter.readGauge(CATALOGUE.leading, () => [
    { labels: { name: gauges.lease }, value: gauges.leads() ? 1 : 0 },
  ]);
  meter.readGauge(CATALOGUE.ready, () => [{ labels: {}, value: gauges.ready() ? 1 : 0 }]);
  meter.readGauge(CATALOGUE.unreadable, () => [{ labels: {}, value: gauges.unreadableNamespaces() }]);
  meter.readGauge(CATALOGUE.pods, () => [{ labels: {}, value: gauges.pods() }]);
  meter.readGauge(CATALOGUE.routes, () =>
    gauges.routes().map(({ state, reason, routes }) => ({ labels: { state, reason }, value: routes })),
  );
  const all = (): Reflected[] => [...gauges.reflectors(), ...gauges.stores()];
  meter.readGauge(CATALOGUE.storeObjects, () => perResource(all(), ({ reflector }) => reflector.size, add));
  meter.readGauge(CATALOGUE.watchesFailing, () =>
    perResource(all(), ({ reflector }) => (reflector.lastError === undefined ? 0 : 1), add),
  );
  meter.readGauge(CATALOGUE.lastEventAge, () =>
    perResource(
      all().filter(({ reflector }) => reflector.lastEventAgeMs !== undefined),
      ({ reflector }) => (reflector.lastEventAgeMs ?? 0) / 1000,
      Math.max,
    ),
  );
  meter.readGauge(CATALOGUE.storeHeld, () => perResource(gauges.stores(), ({ size }) => size, add));
}

/** One reading for each resource, of as many reflectors as it has. */
function perResource<T extends { readonly resource: string }>(
  all: readonly T[],
  read: (one: T) => number,
  join: (a: number, b: number) => number,
): { labels: { resource: string }; value: number }[] {
  const values = new Map<string, number>();
  for (const one of all) {
    const known = values.get(one.resource);
    values.set(one.resource, known === undefined ? read(one) : join(known, read(one)));
  }
  return [...values].map(([resource, value]) => ({ labels: { resource }, value }));
}

function add(a: number, b: number): number {
  return a + b;
}
