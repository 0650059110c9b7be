/** What the values of the bridge alone do. */
import type { ValueRow } from './value-row.ts';

const DEPLOYMENT = 'Deployment/turnbridge';
const SERVICE = 'Service/turnbridge';
const HPA = 'HorizontalPodAutoscaler/turnbridge';
const SCALED = 'ScaledObject/turnbridge';
const SPEC = 'spec.template.spec';
const ARGS = `${SPEC}.containers.bridge.args`;
const CAPACITY = { bridge: { autoscaling: { type: 'HPA' } } };
const KEDA = {
  bridge: {
    autoscaling: { type: 'KEDA', targetTurnsInFlight: 50, prometheusAddress: 'http://prometheus:9090' },
  },
};
const KEDA_WITHOUT_TYPE = { bridge: { autoscaling: { ...KEDA.bridge.autoscaling, type: 'None' } } };
const BALANCER = { bridge: { service: { type: 'LoadBalancer' } } };

const FLAGS: readonly (readonly [name: string, to: unknown, flag: string])[] = [
  ['maxConnections', 1_000_000, '--max-connections=1000000'],
  ['pingInterval', 0, '--ping-interval=0'],
  ['keepaliveInterval', 0, '--keepalive-interval=0'],
  ['clientSendBuffer', 2048, '--client-send-buffer=2048'],
  ['clientStallTimeout', 31, '--client-stall-timeout=31'],
  ['inboundBudget', 64, '--inbound-budget=64'],
  ['clientSendBudget', 64, '--client-send-budget=64'],
  ['transcriptBudget', 64, '--transcript-budget=64'],
  ['answerBudget', '64', '--answer-budget=64'],
  ['drainDelay', 3, '--drain-delay=3'],
  ['drainSpread', 3, '--drain-spread=3'],
  ['drainDeadline', 300, '--drain-deadline=300'],
  ['drainLinger', 0, '--drain-linger=0'],
  ['installationId', 'mine', '--installation-id=mine'],
  ['otlpEndpoint', 'http://jaeger:4318', '--otlp-endpoint=http://jaeger:4318'],
  ['traceRatio', 0.25, '--trace-ratio=0.25'],
  ['tracePropagation', 'none', '--trace-propagation=none'],
  ['semconv', 'v1.41', '--semconv=v1.41'],
  ['genaiMetrics', 'off', '--genai-metrics=off'],
  ['clientAddress', 'full', '--client-address=full'],
  ['opsPage', 'off', '--ops-page=off'],
  ['logLevel', 'debug', '--log-level=debug'],
  ['logFormat', 'text', '--log-format=text'],
];

export const rows: readonly ValueRow[] = [
  ...FLAGS.map(([name, to, has]): ValueRow => ({
    value: `bridge.flags.${name}`,
    to,
    object: DEPLOYMENT,
    at: ARGS,
    has,
  })),
  ...podRows(),
  ...autoscalingRows(),
  ...serviceRows(),
];

function podRows(): ValueRow[] {
  const idKey = { bridge: { idKey: { existingSecret: 'keys' } } };
  const tls = { bridge: { tls: { existingSecret: 'certificate' } } };
  return [
    {
      value: 'bridge.bridgeName',
      to: 'second',
      object: 'Service/turnbridge-ops',
      at: ['metadata', 'labels', 'turnbridge.dev/bridge'],
      is: 'second',
    },
    {
      value: 'bridge.bridgeName',
      to: 'second',
      object: 'Deployment/turnbridge-operator',
      at: `${SPEC}.containers.operator.args`,
      has: '--bridge-name=second',
    },
    {
      value: 'bridge.idKey.existingSecret',
      to: 'keys',
      object: DEPLOYMENT,
      at: `${SPEC}.volumes.id-key.secret.secretName`,
      is: 'keys',
    },
    {
      value: 'bridge.idKey.existingSecret',
      to: 'keys',
      object: DEPLOYMENT,
      at: ARGS,
      has: '--id-key-file=/turnbridge/id-key/idKey',
    },
    {
      value: 'bridge.idKey.key',
      to: 'other',
      with: idKey,
      object: DEPLOYMENT,
      at: ARGS,
      has: '--id-key-file=/turnbridge/id-key/other',
    },
    {
      value: 'bridge.tls.enabled',
      to: true,
      with: tls,
      object: DEPLOYMENT,
      at: ARGS,
      has: '--tls-dir=/turnbridge/tls',
    },
    {
      value: 'bridge.tls.enabled',
      to: true,
      with: tls,
      object: SERVICE,
      at: 'spec.ports.0.name',
      is: 'https',
    },
    {
      value: 'bridge.tls.existingSecret',
      to: 'certificate',
      with: { bridge: { tls: { enabled: true, existingSecret: 'another' } } },
      object: DEPLOYMENT,
      at: `${SPEC}.volumes.tls.secret.secretName`,
      is: 'certificate',
    },
    {
      value: 'bridge.containerPorts.http',
      to: 9999,
      object: DEPLOYMENT,
      at: ARGS,
      has: '--listen=0.0.0.0:9999',
    },
    {
      value: 'bridge.snapshotSecret',
      to: 'theirs',
      object: DEPLOYMENT,
      at: `${SPEC}.volumes.snapshot.secret.secretName`,
      is: 'theirs',
    },
    { value: 'bridge.watchSnapshot', to: false, object: DEPLOYMENT, at: `${SPEC}.volumes.token`, gone: true },
    { value: 'bridge.watchSnapshot', to: false, object: 'Role/turnbridge-bridge', gone: true },
  ];
}

function autoscalingRows(): ValueRow[] {
  const value = 'bridge.autoscaling';
  const metric = { type: 'External', external: { metric: { name: 'a' } } };
  return [
    { value: `${value}.type`, to: 'HPA', object: HPA },
    { value: `${value}.type`, to: 'HPA', object: DEPLOYMENT, at: 'spec.replicas', gone: true },
    { value: `${value}.type`, to: 'KEDA', with: KEDA_WITHOUT_TYPE, object: SCALED },
    { value: `${value}.minReplicas`, to: 3, with: CAPACITY, object: HPA, at: 'spec.minReplicas', is: 3 },
    { value: `${value}.maxReplicas`, to: 30, with: CAPACITY, object: HPA, at: 'spec.maxReplicas', is: 30 },
    {
      value: `${value}.targetCPUUtilizationPercentage`,
      to: 55,
      with: CAPACITY,
      object: HPA,
      at: 'spec.metrics.0.resource.target.averageUtilization',
      is: 55,
    },
    {
      value: `${value}.targetTurnsInFlight`,
      to: 40,
      with: CAPACITY,
      object: HPA,
      at: 'spec.metrics.1.pods.target.averageValue',
      is: '40',
    },
    {
      value: `${value}.targetTurnsInFlight`,
      to: 40,
      with: KEDA,
      object: SCALED,
      at: 'spec.triggers.0.metadata.threshold',
      is: '40',
    },
    {
      value: `${value}.prometheusAddress`,
      to: 'http://b',
      with: KEDA,
      object: SCALED,
      at: 'spec.triggers.0.metadata.serverAddress',
      is: 'http://b',
    },
    {
      value: `${value}.behavior`,
      to: { scaleDown: { stabilizationWindowSeconds: 60 } },
      with: CAPACITY,
      object: HPA,
      at: 'spec.behavior.scaleDown.stabilizationWindowSeconds',
      is: 60,
    },
    {
      value: `${value}.extraMetrics`,
      to: [metric],
      with: CAPACITY,
      object: HPA,
      at: 'spec.metrics',
      has: metric,
    },
    {
      value: `${value}.extraMetrics`,
      to: [{ type: 'cron' }],
      with: KEDA,
      object: SCALED,
      at: 'spec.triggers',
      has: { type: 'cron' },
    },
  ];
}

function serviceRows(): ValueRow[] {
  const field = (name: string, to: unknown, values?: ValueRow['with']): ValueRow => ({
    value: `bridge.service.${name}`,
    to,
    ...(values === undefined ? {} : { with: values }),
    object: SERVICE,
    at: `spec.${name}`,
    is: to,
  });
  return [
    field('type', 'NodePort'),
    field('ipFamilies', ['IPv6', 'IPv4']),
    field('ipFamilyPolicy', 'PreferDualStack'),
    field('trafficDistribution', 'PreferSameZone'),
    field('loadBalancerClass', 'a.example/b', BALANCER),
    field('loadBalancerSourceRanges', ['192.0.2.0/24'], BALANCER),
    field('externalTrafficPolicy', 'Local', BALANCER),
    { value: 'bridge.service.port', to: 8080, object: SERVICE, at: 'spec.ports.0.port', is: 8080 },
    {
      value: 'bridge.service.nodePort',
      to: 30080,
      with: BALANCER,
      object: SERVICE,
      at: 'spec.ports.0.nodePort',
      is: 30080,
    },
    {
      value: 'bridge.service.appProtocol',
      to: 'http',
      object: SERVICE,
      at: 'spec.ports.0.appProtocol',
      is: 'http',
    },
    {
      value: 'bridge.service.annotations',
      to: { 'a.example/b': '{{ .Release.Name }}' },
      object: SERVICE,
      at: ['metadata', 'annotations', 'a.example/b'],
      is: 'turnbridge',
    },
    {
      value: 'bridge.service.labels',
      to: { team: 'a' },
      object: SERVICE,
      at: 'metadata.labels.team',
      is: 'a',
    },
  ];
}
