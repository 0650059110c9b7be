/** A Service of the chart, with a bridge of the test behind it in place of pods. */
import type { PinglessBridge } from './pingless-bridge.ts';

export interface ServiceObject {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly spec: {
    readonly ports: readonly { readonly name: string; readonly [field: string]: unknown }[];
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** The Service without its selector, and the endpoints that a controller would otherwise write. */
export function withEndpoints(service: ServiceObject, bridge: PinglessBridge): readonly object[] {
  const { selector: _ofPods, ...spec } = service.spec;
  const { name, namespace } = service.metadata;
  return [
    { ...service, spec },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [bridge.host], conditions: { ready: true } }],
      ports: spec.ports.map(({ name: port }) => ({ name: port, port: bridge.port })),
    },
  ];
}
