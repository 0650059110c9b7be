/** What bridge and operator have in common: how their pods are made. */
import type { ValueRow } from './value-row.ts';

type Component = 'bridge' | 'operator';

const DEPLOYMENTS = { bridge: 'Deployment/turnbridge', operator: 'Deployment/turnbridge-operator' } as const;
const ENV_NAME = 'WHERE';
const VOLUME = { name: 'more', emptyDir: {} };

export const rows: readonly ValueRow[] = (['bridge', 'operator'] as const).flatMap((component) => [
  ...deploymentRows(component),
  ...podRows(component),
  ...containerRows(component),
  ...accountRows(component),
]);

function deploymentRows(component: Component): ValueRow[] {
  const object = DEPLOYMENTS[component];
  return [
    { value: `${component}.replicas`, to: 7, object, at: 'spec.replicas', is: 7 },
    {
      value: `${component}.strategy.type`,
      to: 'Recreate',
      object,
      at: 'spec.strategy',
      is: { type: 'Recreate' },
    },
    {
      value: `${component}.strategy.rollingUpdate`,
      to: { maxSurge: 3 },
      object,
      at: 'spec.strategy.rollingUpdate.maxSurge',
      is: 3,
    },
    { value: `${component}.minReadySeconds`, to: 17, object, at: 'spec.minReadySeconds', is: 17 },
    { value: `${component}.revisionHistoryLimit`, to: 0, object, at: 'spec.revisionHistoryLimit', is: 0 },
    {
      value: `${component}.progressDeadlineSeconds`,
      to: 99,
      object,
      at: 'spec.progressDeadlineSeconds',
      is: 99,
    },
    {
      value: `${component}.deploymentAnnotations`,
      to: { 'a.example/b': '{{ .Release.Name }}' },
      object,
      at: ['metadata', 'annotations', 'a.example/b'],
      is: 'turnbridge',
    },
    ...budgetRows(component),
  ];
}

function budgetRows(component: Component): ValueRow[] {
  const object = DEPLOYMENTS[component].replace('Deployment', 'PodDisruptionBudget');
  const value = `${component}.podDisruptionBudget`;
  return [
    { value: `${value}.enabled`, to: false, object, gone: true },
    { value: `${value}.maxUnavailable`, to: '25%', object, at: 'spec.maxUnavailable', is: '25%' },
    {
      value: `${value}.unhealthyPodEvictionPolicy`,
      to: 'IfHealthyBudget',
      object,
      at: 'spec.unhealthyPodEvictionPolicy',
      is: 'IfHealthyBudget',
    },
  ];
}

function podRows(component: Component): ValueRow[] {
  const pod = { object: DEPLOYMENTS[component] };
  const spec = 'spec.template.spec';
  const toleration = { key: '{{ .Release.Name }}', operator: 'Exists' };
  const field = (name: string, to: unknown, is: unknown = to): ValueRow => ({
    value: `${component}.${name}`,
    to,
    ...pod,
    at: `${spec}.${name}`,
    is,
  });
  return [
    field('terminationGracePeriodSeconds', 4000),
    field('nodeSelector', { pool: '{{ .Release.Name }}' }, { pool: 'turnbridge' }),
    field('tolerations', [toleration], [{ ...toleration, key: 'turnbridge' }]),
    field('affinity', { nodeAffinity: { a: 'b' } }),
    field('priorityClassName', 'high'),
    field('runtimeClassName', 'gvisor'),
    field('schedulerName', 'other'),
    field('dnsPolicy', 'None'),
    field('dnsConfig', { nameservers: ['192.0.2.1'] }),
    field('hostAliases', [{ ip: '192.0.2.1', hostnames: ['a.example'] }]),
    field('hostUsers', false),
    {
      value: `${component}.topologySpreadConstraints`,
      to: [],
      ...pod,
      at: `${spec}.topologySpreadConstraints`,
      gone: true,
    },
    {
      value: `${component}.podSecurityContext`,
      to: { fsGroup: 5 },
      ...pod,
      at: `${spec}.securityContext.fsGroup`,
      is: 5,
    },
    {
      value: `${component}.podLabels`,
      to: { team: '{{ .Release.Name }}' },
      ...pod,
      at: 'spec.template.metadata.labels.team',
      is: 'turnbridge',
    },
    {
      value: `${component}.podAnnotations`,
      to: { 'a.example/b': 'c' },
      ...pod,
      at: ['spec', 'template', 'metadata', 'annotations', 'a.example/b'],
      is: 'c',
    },
    {
      value: `${component}.safeToEvict`,
      to: 'false',
      ...pod,
      at: ['spec', 'template', 'metadata', 'annotations', 'cluster-autoscaler.kubernetes.io/safe-to-evict'],
      is: 'false',
    },
    {
      value: `${component}.doNotDisrupt`,
      to: true,
      ...pod,
      at: ['spec', 'template', 'metadata', 'annotations', 'karpenter.sh/do-not-disrupt'],
      is: 'true',
    },
    { value: `${component}.extraVolumes`, to: [VOLUME], ...pod, at: `${spec}.volumes`, has: VOLUME },
    {
      value: `${component}.extraInitContainers`,
      to: [{ name: 'before', image: '{{ include "turnbridge.image" . }}' }],
      ...pod,
      at: `${spec}.initContainers.before.image`,
      has: '/turnbridge:',
    },
    {
      value: `${component}.extraContainers`,
      to: [{ name: 'beside', image: 'a' }],
      ...pod,
      at: `${spec}.containers.beside.image`,
      is: 'a',
    },
  ];
}

function containerRows(component: Component): ValueRow[] {
  const object = DEPLOYMENTS[component];
  const container = `spec.template.spec.containers.${component}`;
  const field = (name: string, to: unknown, at: string, is: unknown = to): ValueRow => ({
    value: `${component}.${name}`,
    to,
    object,
    at: `${container}.${at}`,
    is,
  });
  const mount = { name: 'more', mountPath: '/more' };
  return [
    field('resources', { limits: { memory: '3Gi' } }, 'resources.limits.memory', '3Gi'),
    field('heapPercent', 45, 'env.NODE_OPTIONS.value', '--max-old-space-size-percentage=45'),
    field('lifecycle', { preStop: { sleep: { seconds: 5 } } }, 'lifecycle.preStop.sleep.seconds', 5),
    field('startupProbe', { periodSeconds: 3 }, 'startupProbe.periodSeconds', 3),
    field('readinessProbe', { periodSeconds: 3 }, 'readinessProbe.periodSeconds', 3),
    field('livenessProbe', { httpGet: null, exec: { command: ['a'] } }, 'livenessProbe.exec.command', ['a']),
    field('securityContext', { runAsUser: 5 }, 'securityContext.runAsUser', 5),
    field(
      'extraEnv',
      [{ name: ENV_NAME, value: '{{ .Release.Namespace }}' }],
      `env.${ENV_NAME}.value`,
      'turnbridge',
    ),
    field('extraEnvFrom', [{ secretRef: { name: 'a' } }], 'envFrom.0.secretRef.name', 'a'),
    {
      value: `${component}.extraArgs`,
      to: ['--a={{ .Release.Name }}'],
      object,
      at: `${container}.args`,
      has: '--a=turnbridge',
    },
    {
      value: `${component}.extraVolumeMounts`,
      to: [mount],
      object,
      at: `${container}.volumeMounts`,
      has: mount,
    },
    field('containerPorts.ops', 9999, 'ports.ops.containerPort'),
  ];
}

function accountRows(component: Component): ValueRow[] {
  const object = `ServiceAccount/turnbridge-${component}`;
  const value = `${component}.serviceAccount`;
  const annotations = { 'a.example/role': '{{ .Release.Name }}' };
  return [
    {
      value: `${value}.create`,
      to: false,
      with: { [component]: { serviceAccount: { name: 'mine' } } },
      object: 'ServiceAccount/mine',
      gone: true,
    },
    { value: `${value}.name`, to: 'mine', object: 'ServiceAccount/mine' },
    {
      value: `${value}.annotations`,
      to: annotations,
      object,
      at: 'metadata.annotations',
      is: { 'a.example/role': 'turnbridge' },
    },
  ];
}
