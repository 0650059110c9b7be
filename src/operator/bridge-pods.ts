/** Which pods serve a bridge: read from the EndpointSlices of its headless Service. */
import type { KubeClient } from '../kube/kube-client.ts';
import type { KubeFacts } from '../kube/kube-facts.ts';
import { apiPath } from '../kube/kube-path.ts';
import type { KubeObject } from '../kube/kube-object.ts';
import { Reflector } from '../kube/reflector.ts';
import type { PodPlace } from '../reconcile/programmed.ts';
import type { BridgePod } from './pod-poll.ts';

/** More pods of one bridge than this are not asked. */
const MAX_PODS = 1000;

export interface BridgePodsOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly bridgeName: string;
  readonly facts: KubeFacts;
  /** Pods came, went, or changed their readiness. */
  readonly onChange: () => void;
}

export class BridgePods {
  readonly reflector: Reflector<readonly BridgePod[]>;
  /** Where they are looked for. */
  readonly place: PodPlace;

  constructor({ client, namespace, bridgeName, facts, onChange }: BridgePodsOptions) {
    this.place = { namespace, bridgeName };
    this.reflector = new Reflector({
      client,
      path: apiPath({ group: 'discovery.k8s.io', version: 'v1', namespace, resource: 'endpointslices' }),
      query: { labelSelector: `turnbridge.dev/bridge=${bridgeName}` },
      resource: 'endpointslices',
      keep: toReadyPods,
      onChange,
      onSynced: onChange,
      facts,
    });
  }

  /** Those that take connections; each once, also where it has addresses of both families. */
  get ready(): readonly BridgePod[] {
    const pods = new Map<string, BridgePod>();
    for (const [, slice] of this.reflector.entries()) {
      for (const pod of slice) {
        const known = pods.get(pod.name);
        if (known === undefined && pods.size >= MAX_PODS) continue;
        if (known === undefined || (known.address.includes(':') && !pod.address.includes(':')))
          pods.set(pod.name, pod);
      }
    }
    return [...pods.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

interface EndpointSlice {
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[];
  readonly endpoints?: readonly {
    readonly addresses?: readonly string[];
    readonly conditions?: { readonly ready?: boolean; readonly terminating?: boolean };
    readonly targetRef?: { readonly kind?: string; readonly name?: string };
  }[];
}

/** Draining pods do not count, nor do those without an ops port. The API server has checked the form. */
function toReadyPods(object: KubeObject): readonly BridgePod[] {
  const { ports, endpoints } = object as KubeObject & EndpointSlice;
  const port = ports?.find(({ name }) => name === 'ops')?.port;
  if (port === undefined) return [];
  return (endpoints ?? []).flatMap(({ addresses, conditions, targetRef }) => {
    const address = addresses?.[0];
    // both may be null on the wire where they are not known; not known counts as ready (endpointslice documentation)
    const counts = conditions?.ready !== false && conditions?.terminating !== true;
    return address !== undefined && counts ? [{ name: targetRef?.name ?? address, address, port }] : [];
  });
}
