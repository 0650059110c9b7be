/** What is read of an operator's parts at each scrape. */
import type { LeaderLease } from '../kube/lease.ts';
import type { WorkQueue } from '../kube/work-queue.ts';
import type { OperatorGauges } from '../telemetry/operator/operator-metrics.ts';
import type { BridgePods } from './bridge-pods.ts';
import type { References } from './references.ts';
import { countRoutes } from './route-counts.ts';
import type { Targets } from './targets.ts';

export interface GaugedParts {
  readonly queues: Readonly<Record<string, WorkQueue>>;
  readonly concurrency: Readonly<Record<string, number>>;
  readonly leader: LeaderLease;
  /** Its name. */
  readonly lease: string;
  readonly isReady: () => boolean;
  readonly targets: Targets;
  readonly pods: BridgePods;
  readonly references: References;
}

/** Each is asked anew whenever it is read. */
export function gaugesOf(parts: GaugedParts): OperatorGauges {
  const { queues, concurrency, leader, lease, isReady, targets, pods, references } = parts;
  return {
    queues,
    concurrency,
    leads: () => leader.isLeader,
    ready: isReady,
    lease,
    reflectors: () => [
      ...targets.reflectors.map((reflector) => ({ resource: 'responsesroutes', reflector })),
      { resource: 'endpointslices', reflector: pods.reflector },
    ],
    stores: () => [...references.stores()],
    unreadableNamespaces: () => references.unreadableNamespaces,
    pods: () => pods.ready.length,
    routes: () => countRoutes(targets.routes()),
  };
}
