/** Values of the ways in: `ingress` and `httpRoute`. */
import { ingressValues, routeValues } from '../ingress-scenes.ts';
import type { ValueRow } from './value-row.ts';

const nginx = ingressValues('nginx', { tls: [] });
const istio = ingressValues('istio');
const route = routeValues('none');
const ingress = 'Ingress/turnbridge';
const http = 'HTTPRoute/turnbridge';

export const rows: readonly ValueRow[] = [
  {
    value: 'ingress.enabled',
    to: true,
    with: ingressValues('nginx', { enabled: false, tls: [] }),
    object: ingress,
  },
  {
    value: 'ingress.preset',
    to: 'contour',
    with: nginx,
    object: 'HTTPProxy/turnbridge',
  },
  {
    value: 'ingress.timeoutSeconds',
    to: 3661,
    with: nginx,
    object: ingress,
    at: ['metadata', 'annotations', 'nginx.org/proxy-read-timeout'],
    is: '3661s',
  },
  {
    value: 'ingress.className',
    to: 'inner',
    with: nginx,
    object: ingress,
    at: 'spec.ingressClassName',
    is: 'inner',
  },
  {
    value: 'ingress.hosts',
    to: ['c.example.com'],
    with: nginx,
    object: ingress,
    at: 'spec.rules.0.host',
    is: 'c.example.com',
  },
  {
    value: 'ingress.gateways',
    to: ['edge/public'],
    with: istio,
    object: 'VirtualService/turnbridge',
    at: 'spec.gateways',
    is: ['edge/public'],
  },
  {
    value: 'ingress.pathType',
    to: 'Exact',
    with: nginx,
    object: ingress,
    at: 'spec.rules.0.http.paths.0.pathType',
    is: 'Exact',
  },
  {
    value: 'ingress.path',
    to: '/v1',
    with: nginx,
    object: ingress,
    at: 'spec.rules.0.http.paths.0.path',
    is: '/v1',
  },
  {
    value: 'ingress.tls',
    to: [{ secretName: 'cert', hosts: ['codex.example.com'] }],
    with: nginx,
    object: ingress,
    at: 'spec.tls.0.secretName',
    is: 'cert',
  },
  {
    value: 'ingress.annotations',
    to: { 'example.com/owner': 'team' },
    with: nginx,
    object: ingress,
    at: ['metadata', 'annotations', 'example.com/owner'],
    is: 'team',
  },
  {
    value: 'ingress.labels',
    to: { team: 'a' },
    with: nginx,
    object: ingress,
    at: 'metadata.labels.team',
    is: 'a',
  },
  { value: 'httpRoute.enabled', to: true, with: routeValues('none', { enabled: false }), object: http },
  {
    value: 'httpRoute.parentRefs',
    to: [{ name: 'edge', sectionName: 'https' }],
    with: route,
    object: http,
    at: 'spec.parentRefs',
    is: [{ name: 'edge', sectionName: 'https' }],
  },
  {
    value: 'httpRoute.hostnames',
    to: ['c.example.com'],
    with: route,
    object: http,
    at: 'spec.hostnames',
    is: ['c.example.com'],
  },
  {
    value: 'httpRoute.matches',
    to: [{ path: { type: 'Exact', value: '/v1/responses' } }],
    with: route,
    object: http,
    at: 'spec.rules.0.matches.0.path.value',
    is: '/v1/responses',
  },
  {
    value: 'httpRoute.filters',
    to: [{ type: 'RequestMirror' }],
    with: route,
    object: http,
    at: 'spec.rules.0.filters.0.type',
    is: 'RequestMirror',
  },
  {
    value: 'httpRoute.implementation',
    to: 'envoy-gateway',
    with: route,
    object: 'BackendTrafficPolicy/turnbridge',
  },
  {
    value: 'httpRoute.timeoutSeconds',
    to: 3661,
    with: routeValues('envoy-gateway'),
    object: 'BackendTrafficPolicy/turnbridge',
    at: 'spec.timeout.http.streamIdleTimeout',
    is: '3661s',
  },
  {
    value: 'httpRoute.annotations',
    to: { 'example.com/owner': 'team' },
    with: route,
    object: http,
    at: ['metadata', 'annotations', 'example.com/owner'],
    is: 'team',
  },
  {
    value: 'httpRoute.labels',
    to: { team: 'a' },
    with: route,
    object: http,
    at: 'metadata.labels.team',
    is: 'a',
  },
];
