/** Values of `networkPolicy`. */
import type { ValueRow } from './value-row.ts';

const enabled = { networkPolicy: { enabled: true } };
/** Then the first rules out are DNS and providers only. */
const unwatched = { ...enabled, bridge: { watchSnapshot: false } };
const bridge = 'NetworkPolicy/turnbridge';
const operator = 'NetworkPolicy/turnbridge-operator';
const peer = { podSelector: { matchLabels: { team: 'a' } } };
const rule = { ports: [{ port: 3128, protocol: 'TCP' }] };

export const rows: readonly ValueRow[] = [
  { value: 'networkPolicy.enabled', to: true, object: bridge },
  {
    value: 'networkPolicy.bridge.clients',
    to: [peer],
    with: enabled,
    object: bridge,
    at: 'spec.ingress.0.from',
    has: peer,
  },
  {
    value: 'networkPolicy.bridge.providers',
    to: [peer],
    with: unwatched,
    object: bridge,
    at: 'spec.egress.1.to',
    is: [peer],
  },
  {
    value: 'networkPolicy.bridge.providerPorts',
    to: [8443],
    with: unwatched,
    object: bridge,
    at: 'spec.egress.1.ports',
    is: [{ port: 8443, protocol: 'TCP' }],
  },
  {
    value: 'networkPolicy.bridge.extraIngress',
    to: [rule],
    with: enabled,
    object: bridge,
    at: 'spec.ingress',
    has: rule,
  },
  {
    value: 'networkPolicy.bridge.extraEgress',
    to: [rule],
    with: enabled,
    object: bridge,
    at: 'spec.egress',
    has: rule,
  },
  {
    value: 'networkPolicy.operator.extraIngress',
    to: [rule],
    with: enabled,
    object: operator,
    at: 'spec.ingress',
    has: rule,
  },
  {
    value: 'networkPolicy.operator.extraEgress',
    to: [rule],
    with: enabled,
    object: operator,
    at: 'spec.egress',
    has: rule,
  },
  {
    value: 'networkPolicy.monitoring',
    to: [peer],
    with: enabled,
    object: operator,
    at: 'spec.ingress.0.from',
    is: [peer],
  },
  {
    value: 'networkPolicy.healthChecks',
    to: [peer],
    with: enabled,
    object: bridge,
    at: 'spec.ingress.1.from',
    has: peer,
  },
  {
    value: 'networkPolicy.dns',
    to: [peer],
    with: enabled,
    object: bridge,
    at: 'spec.egress.0.to',
    is: [peer],
  },
  {
    value: 'networkPolicy.apiServer',
    to: ['192.0.2.1/32'],
    with: enabled,
    object: operator,
    at: 'spec.egress.1.to',
    is: [{ ipBlock: { cidr: '192.0.2.1/32' } }],
  },
  {
    value: 'networkPolicy.apiServerPorts',
    to: [16443],
    with: enabled,
    object: operator,
    at: 'spec.egress.1.ports',
    is: [{ port: 16443, protocol: 'TCP' }],
  },
];
