/** Who listens to the operator: metrics first, then the log. */
import type { KubeFacts } from '../../kube/kube-facts.ts';
import type { OperatorFactListener } from '../../operator/facts.ts';
import type { Log } from '../log/log.ts';
import type { Scrape } from '../metrics/exposition.ts';
import { kubeLog, operatorLog } from './operator-log.ts';
import { openOperatorMetrics, type OperatorGauges } from './operator-metrics.ts';

export interface OperatorTelemetryOptions {
  readonly log: Log;
  readonly version: string;
  readonly nodeVersion: string;
  /** The commit; undefined: nobody said. */
  readonly revision: string | undefined;
}

export interface OperatorTelemetry {
  readonly kubeFacts: KubeFacts;
  readonly facts: OperatorFactListener;
  readonly metrics: { text(accept: string | undefined): Promise<Scrape> };
  /** What is read at each scrape. Once. */
  show(gauges: OperatorGauges): void;
  /** May be called twice. */
  close(): void;
}

/** The names of the work queues: labels of metrics. */
export const QUEUES = ['snapshot', 'status'] as const;

/** Opens what listens. The caller closes it. */
export function openOperatorTelemetry(options: OperatorTelemetryOptions): OperatorTelemetry {
  const { log, version, nodeVersion, revision } = options;
  const metrics = openOperatorMetrics({
    version,
    revision: revision ?? 'unknown',
    node: nodeVersion,
    queues: QUEUES,
    logStats: () => log.stats,
  });
  const listeners = { kube: kubeLog(log), own: operatorLog(log) };
  return {
    kubeFacts: (fact) => {
      metrics.kubeFacts(fact);
      listeners.kube(fact);
    },
    facts: (fact) => {
      metrics.facts(fact);
      listeners.own(fact);
    },
    metrics,
    show: (gauges) => metrics.show(gauges),
    close: () => metrics.close(),
  };
}
