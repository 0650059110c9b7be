/** What the values below `sidecar` change. */
import type { ValueRow } from './value-row.ts';

const teams = { sidecar: { namespaces: ['team-a'] } };
const injected = { sidecar: { namespaces: ['team-a'], injection: { enabled: true } } };
const options = { apiVersions: ['admissionregistration.k8s.io/v1/MutatingAdmissionPolicy'] };
const policy = 'MutatingAdmissionPolicy/turnbridge-sidecar-turnbridge';
const patch = 'spec.mutations.0.jsonPatch.expression';

/** What the injected container then has. */
function inPatch(value: string, to: unknown, has: string): ValueRow {
  return { value: `sidecar.${value}`, to, with: injected, options, object: policy, at: patch, has };
}

export const rows: readonly ValueRow[] = [
  {
    value: 'sidecar.namespaces',
    to: ['team-a', 'team-b'],
    with: teams,
    object: 'Role/turnbridge-operator-sidecars-turnbridge@team-b',
  },
  {
    value: 'sidecar.bridgeName',
    to: 'sidecar-batch',
    with: teams,
    object: 'Deployment/turnbridge-operator',
    at: 'spec.template.spec.containers.operator.args',
    has: '--sidecar-bridge-name=sidecar-batch',
  },
  { value: 'sidecar.injection.enabled', to: true, with: teams, options, object: policy },
  {
    value: 'sidecar.injection.failurePolicy',
    to: 'Fail',
    with: injected,
    options,
    object: policy,
    at: 'spec.failurePolicy',
    is: 'Fail',
  },
  {
    value: 'sidecar.injection.byNamespaceLabel',
    to: true,
    with: injected,
    options,
    object: 'MutatingAdmissionPolicyBinding/turnbridge-sidecar-by-namespace-turnbridge',
  },
  inPatch('port', 8080, 'dyn("--listen=127.0.0.1:8080")'),
  inPatch('opsPort', 9999, '"containerPort": dyn(9999)'),
  inPatch('flags.drainDelay', 3, 'dyn("--drain-delay=3")'),
  inPatch('flags.drainSpread', 3, 'dyn("--drain-spread=3")'),
  inPatch('flags.drainDeadline', 30, 'dyn("--drain-deadline=30")'),
  inPatch('flags.drainLinger', 3, 'dyn("--drain-linger=3")'),
  inPatch('flags.pingInterval', 3, 'dyn("--ping-interval=3")'),
  inPatch('flags.maxConnections', 7, 'dyn("--max-connections=7")'),
  inPatch('flags.otlpEndpoint', 'http://otel:4318', 'dyn("--otlp-endpoint=http://otel:4318")'),
  inPatch('flags.logLevel', 'debug', 'dyn("--log-level=debug")'),
  inPatch('flags.logFormat', 'text', 'dyn("--log-format=text")'),
  inPatch('heapPercent', 50, 'dyn("--max-old-space-size-percentage=50")'),
  inPatch('resources', { limits: { memory: '1Gi' } }, '"memory": dyn("1Gi")'),
  inPatch('runAsUser', 1234, '"runAsUser": dyn(1234)'),
];
