/** Values with which each way in is rendered: for snapshots, and for the dry run against a real API server. */
import type { KubeObject, Values } from '../render.ts';

/** As `ingress.preset` has them; the one that is refused by design is left out. */
export const ingressPresets = [
  'none',
  'nginx',
  'nginx-retired',
  'traefik',
  'haproxy',
  'haproxy-community',
  'contour',
  'istio',
  'cilium',
  'kong',
  'alb',
  'gke',
  'agic',
] as const;

export type IngressPreset = (typeof ingressPresets)[number];

/** As `httpRoute.implementation` has them. */
export const implementations = ['none', 'envoy-gateway', 'nginx-gateway-fabric', 'gke', 'istio'] as const;

export type Implementation = (typeof implementations)[number];

/** Presets that are refused with `bridge.tls.enabled`. */
export const withoutBridgeTls: readonly string[] = ['istio', 'cilium'];

/** Two hosts, the first with a certificate where the product takes it from here. */
export function ingressValues(preset: IngressPreset, more: Values = {}): Values {
  const own: Values =
    preset === 'istio'
      ? { gateways: ['istio-ingress/main'] }
      : { tls: [{ secretName: 'codex-tls', hosts: ['codex.example.com'] }] };
  return {
    ingress: { enabled: true, preset, hosts: ['codex.example.com', 'b.example.com'], ...own, ...more },
  };
}

export function routeValues(implementation: Implementation, more: Values = {}): Values {
  const parentRefs = [{ name: 'main', namespace: 'gateways' }];
  return {
    httpRoute: {
      enabled: true,
      implementation,
      parentRefs,
      hostnames: ['codex.example.com'],
      ...more,
    },
  };
}

/** The bridge itself speaks TLS. */
export const bridgeTls: Values = { bridge: { tls: { enabled: true, existingSecret: 'bridge-tls' } } };

/** Everything that a NetworkPolicy can be asked for. */
export const fullNetworkPolicy: Values = {
  networkPolicy: {
    enabled: true,
    bridge: {
      clients: [{ namespaceSelector: { matchLabels: { team: 'a' } } }],
      providers: [{ ipBlock: { cidr: '198.51.100.0/24' } }],
      providerPorts: [443, 8443],
      extraIngress: [{ from: [{ podSelector: { matchLabels: { of: '{{ .Release.Name }}' } } }] }],
      extraEgress: [{ ports: [{ port: 3128, protocol: 'TCP' }] }],
    },
    operator: { extraEgress: [{ ports: [{ port: 3128, protocol: 'TCP' }] }] },
    monitoring: [{ namespaceSelector: { matchLabels: { team: 'watch' } } }],
    dns: [{ ipBlock: { cidr: '169.254.20.10/32' } }],
    apiServer: ['192.0.2.1/32'],
  },
};

/** For snapshots: labels have the chart's version, and are judged elsewhere. */
export function withoutLabels(objects: readonly KubeObject[]): readonly object[] {
  return objects.map((object) => {
    const { name, namespace, annotations } = object.metadata;
    return {
      ...object,
      metadata: { name, namespace, ...(annotations === undefined ? {} : { annotations }) },
    };
  });
}
