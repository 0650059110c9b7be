/** What is to be done about the demo route, by what is in the cluster. */
import type { KubeObject } from '../kube/kube-object.ts';
import { hasOwner, ownersNamed, type OwnerReference } from '../kube/owner-reference.ts';

/** Of the route that the operator makes, in its own namespace. */
export const DEMO_ROUTE = 'demo';

/** Who made it: what is written into the label `app.kubernetes.io/managed-by` of all that the operator makes. */
const MANAGED_BY = { label: 'app.kubernetes.io/managed-by', value: 'turnbridge-operator' };

export type DemoDecision =
  /** It is there. */
  | { readonly kind: 'there' }
  /** Not now, and perhaps soon. */
  | { readonly kind: 'wait'; readonly sentence: string }
  /** Somebody else's has its name. */
  | { readonly kind: 'leave'; readonly sentence: string }
  | { readonly kind: 'make'; readonly owner: OwnerReference; readonly url: string };

/** What there is of both; undefined: nothing. */
export interface DemoObjects {
  /** Name of the Service. */
  readonly name: string;
  readonly namespace: string;
  readonly service: KubeObject | undefined;
  readonly route: KubeObject | undefined;
}

/** A route that is there is left as it is: whoever tries things out may change it. */
export function decideDemo({ name, namespace, service, route }: DemoObjects): DemoDecision {
  const what = `Service ${namespace}/${name} (--demo-provider)`;
  if (route !== undefined && !isOurs(route, name)) {
    return {
      kind: 'leave',
      sentence: `ResponsesRoute ${namespace}/${DEMO_ROUTE} was made by somebody else and is left as it is: rename or delete it, or leave --demo-provider out`,
    };
  }
  if (service === undefined || service.metadata.deletionTimestamp !== undefined)
    return { kind: 'wait', sentence: `${what} is not there: create it, or leave --demo-provider out` };
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid: service.metadata.uid } as const;
  if (route !== undefined) {
    const isCurrent = hasOwner(route.metadata.ownerReferences, owner);
    if (isCurrent && route.metadata.deletionTimestamp === undefined) return { kind: 'there' };
    return {
      kind: 'wait',
      sentence: `ResponsesRoute ${namespace}/${DEMO_ROUTE} is being deleted, and is made anew then`,
    };
  }
  const port = firstPortOf(service);
  if (port === undefined)
    return { kind: 'wait', sentence: `${what} has no port: give it one, the provider's` };
  return { kind: 'make', owner, url: `http://${name}.${namespace}.svc:${String(port)}/v1` };
}

/** By its label, and by whom it belongs to: a label alone is copied easily. */
function isOurs({ metadata }: KubeObject, service: string): boolean {
  const isMade = metadata.labels?.[MANAGED_BY.label] === MANAGED_BY.value;
  return isMade && ownersNamed(metadata.ownerReferences, { kind: 'Service', name: service }).length > 0;
}

function firstPortOf({ spec }: KubeObject): number | undefined {
  const { ports } = (typeof spec === 'object' && spec !== null ? spec : {}) as { readonly ports?: unknown };
  const [first] = Array.isArray(ports) ? (ports as unknown[]) : [];
  const { port } = (typeof first === 'object' && first !== null ? first : {}) as { readonly port?: unknown };
  return typeof port === 'number' ? port : undefined;
}
