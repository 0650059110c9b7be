/** The bridge's Deployment, its Services, and what scales and guards it. */
import { describe, expect, test } from '@jest/globals';
import { find, render, type KubeObject, type Values } from '../render.ts';
import { ciValues } from './ci-values.ts';
import { podOf, podsOf, type Container, type PodSpec } from './rendered-pods.ts';

const DEPLOYMENT = 'Deployment/turnbridge';
const lean = { crds: { enabled: false } };

function specOf(objects: readonly KubeObject[], name: string): Readonly<Record<string, unknown>> {
  const object = find(objects, name);
  if (object === undefined) throw new Error(`there is no ${name}`);
  return object['spec'] as Readonly<Record<string, unknown>>;
}

async function bridge(
  values: Values = {},
): Promise<{ readonly spec: PodSpec; readonly container: Container }> {
  const { spec } = podOf(await render({ ...lean, ...values }), DEPLOYMENT);
  const [container] = spec.containers;
  if (container === undefined) throw new Error('the pod has no container');
  return { spec, container };
}

describe('pods', () => {
  test.each(ciValues)(
    'of %s-values.yaml are what restricted Pod Security allows, without reading the image',
    async (name, values) => {
      for (const [, { spec }] of podsOf(
        await render({ ...values, demo: { enabled: values['operator'] === undefined } }),
      )) {
        expect(spec.securityContext).toMatchObject({
          runAsNonRoot: true,
          seccompProfile: { type: 'RuntimeDefault' },
        });
        expect(spec.securityContext?.['runAsUser']).toBe(name === 'openshift' ? undefined : 65532);
        expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
        for (const { securityContext } of spec.containers) {
          expect(securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
        }
      }
    },
  );

  test('ask for memory and have a limit of it, and none of CPU: throttling is latency', async () => {
    for (const [name, { spec }] of podsOf(await render({ demo: { enabled: true } }))) {
      const [container] = spec.containers;
      expect([name, container?.resources]).toMatchObject([
        name,
        { requests: { cpu: expect.any(String), memory: expect.any(String) } },
      ]);
      expect([name, Object.keys(container?.resources?.limits ?? {})]).toEqual([name, ['memory']]);
    }
  });

  test('have a token that is renewed every hour where they watch the snapshot, and none where they mount it', async () => {
    const { spec } = await bridge();
    const token = spec.volumes?.find(({ name }) => name === 'token');
    expect(token?.['projected']).toEqual({
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
      ],
    });
    const mounted = await bridge({ bridge: { watchSnapshot: false } });
    expect(mounted.spec.volumes?.map(({ name }) => name)).toEqual(['snapshot', 'tmp']);
    expect(mounted.container.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual([
      '/turnbridge/snapshot',
      '/tmp',
    ]);
    expect(mounted.container.args?.filter((arg) => arg.startsWith('--snapshot'))).toEqual([
      '--snapshot-dir=/turnbridge/snapshot',
    ]);
  });

  test('start before there is a snapshot: its volume is optional', async () => {
    const { spec } = await bridge();
    expect(spec.volumes).toContainEqual({
      name: 'snapshot',
      secret: { secretName: 'turnbridge-snapshot', optional: true },
    });
  });

  test('are spread by zone and node, each revision by itself; a selector of the user stays', async () => {
    const { spec } = await bridge();
    const labels = { 'app.kubernetes.io/instance': 'turnbridge', 'app.kubernetes.io/component': 'bridge' };
    expect(spec.topologySpreadConstraints).toMatchObject(
      ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
        topologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: labels },
        matchLabelKeys: ['pod-template-hash'],
      })),
    );
    const own = {
      topologyKey: 'rack',
      maxSkew: 1,
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { a: 'b' } },
    };
    expect(
      (await bridge({ bridge: { topologySpreadConstraints: [own] } })).spec.topologySpreadConstraints,
    ).toEqual([own]);
  });

  test('know their name, and take the heap as a share of their limit; an entry of the user takes the place of ours', async () => {
    const { container } = await bridge();
    expect(container.env).toEqual([
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'NODE_OPTIONS', value: '--max-old-space-size-percentage=60' },
    ]);
    const own = await bridge({ bridge: { extraEnv: [{ name: 'NODE_OPTIONS', value: '--inspect' }] } });
    expect(own.container.env?.filter(({ name }) => name === 'NODE_OPTIONS')).toEqual([
      { name: 'NODE_OPTIONS', value: '--inspect' },
    ]);
  });

  test('leave a flag to the bridge where its value is empty, and never write a number as 1e+06', async () => {
    const { container } = await bridge({
      bridge: { flags: { maxConnections: 10_000_000, pingInterval: 0 } },
    });
    expect(container.args).toContain('--max-connections=10000000');
    expect(container.args).toContain('--ping-interval=0');
    expect(container.args?.filter((arg) => arg.startsWith('--otlp') || arg.includes('budget'))).toEqual([]);
  });

  test('may be told to run otherwise, with what counts as nothing too', async () => {
    const { spec, container } = await bridge({
      bridge: {
        podSecurityContext: { runAsUser: 0, runAsNonRoot: false },
        securityContext: { readOnlyRootFilesystem: false, capabilities: { add: ['NET_BIND_SERVICE'] } },
      },
    });
    expect(spec.securityContext).toMatchObject({
      runAsUser: 0,
      runAsNonRoot: false,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: false,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    });
  });

  test('may lose a probe, or have another kind of it', async () => {
    const probes = { startupProbe: null, livenessProbe: { httpGet: null, tcpSocket: { port: 'ops' } } };
    const { container } = await bridge({ bridge: probes });
    expect(container).not.toHaveProperty('startupProbe');
    expect(container).toMatchObject({ livenessProbe: { tcpSocket: { port: 'ops' }, failureThreshold: 3 } });
    expect(container).not.toHaveProperty('livenessProbe.httpGet');
  });

  test('on OpenShift leave uid and groups to the namespace, found by what the cluster serves and in no other way', async () => {
    const options = { apiVersions: ['security.openshift.io/v1'] };
    const uid = async (openshift: string): Promise<unknown> =>
      podOf(await render({ ...lean, compatibility: { openshift } }, options), DEPLOYMENT).spec
        .securityContext?.['runAsUser'];
    expect([await uid('Auto'), await uid('Disabled')]).toEqual([undefined, 65532]);
  });
});

describe('scaling', () => {
  test('by an autoscaler leaves replicas to it, and has a budget for disruptions', async () => {
    const scalers: readonly Values[] = [
      { type: 'HPA' },
      { type: 'KEDA', targetTurnsInFlight: 5, prometheusAddress: 'http://a' },
    ];
    for (const autoscaling of scalers) {
      const objects = await render({ ...lean, bridge: { replicas: 1, autoscaling } });
      expect(specOf(objects, DEPLOYMENT)).not.toHaveProperty('replicas');
      expect(find(objects, 'PodDisruptionBudget/turnbridge')).toBeDefined();
      const kinds = objects.map(({ kind }) => kind).filter((kind) => /Autoscaler|Scaled/.test(kind));
      expect(kinds).toEqual([autoscaling['type'] === 'HPA' ? 'HorizontalPodAutoscaler' : 'ScaledObject']);
    }
  });

  test('goes up at once, and down by one pod in ten minutes after an hour of calm', async () => {
    const objects = await render({ ...lean, bridge: { autoscaling: { type: 'HPA' } } });
    expect(specOf(objects, 'HorizontalPodAutoscaler/turnbridge')['behavior']).toEqual({
      scaleUp: {
        stabilizationWindowSeconds: 0,
        policies: [{ type: 'Percent', value: 100, periodSeconds: 30 }],
      },
      scaleDown: {
        stabilizationWindowSeconds: 3600,
        policies: [{ type: 'Pods', value: 1, periodSeconds: 600 }],
      },
    });
  });

  test('by turns alone has no word of CPU', async () => {
    const autoscaling = { type: 'HPA', targetCPUUtilizationPercentage: '', targetTurnsInFlight: 100 };
    const objects = await render({ ...lean, bridge: { autoscaling } });
    expect(specOf(objects, 'HorizontalPodAutoscaler/turnbridge')['metrics']).toEqual([
      {
        type: 'Pods',
        pods: {
          metric: { name: 'turnbridge_turns_active' },
          target: { type: 'AverageValue', averageValue: '100' },
        },
      },
    ]);
  });

  test('with KEDA asks for the turns of this release alone', async () => {
    const autoscaling = { type: 'KEDA', targetTurnsInFlight: 100, prometheusAddress: 'http://p:9090' };
    const objects = await render({ ...lean, bridge: { autoscaling } });
    // a release turnbridge-b may stand beside this one
    const pods = 'turnbridge-[0-9a-z]+-[0-9a-z]{5}';
    expect('turnbridge-6d4cf56db6-x7k2p').toMatch(new RegExp(`^${pods}$`));
    expect('turnbridge-b-6d4cf56db6-x7k2p').not.toMatch(new RegExp(`^${pods}$`));
    expect(specOf(objects, 'ScaledObject/turnbridge')['triggers']).toMatchObject([
      {
        metadata: {
          query: `sum(turnbridge_turns_active{namespace="turnbridge",pod=~"${pods}"})`,
          threshold: '100',
        },
      },
    ]);
  });

  test('to one pod leaves no budget: it would forbid every drain of that node', async () => {
    const objects = await render({ ...lean, bridge: { replicas: 1 }, operator: { replicas: 1 } });
    expect(objects.filter(({ kind }) => kind === 'PodDisruptionBudget')).toEqual([]);
  });
});

describe('the Service', () => {
  test('has no affinity, and no protocol unless a gateway or the user wants one', async () => {
    const port = async (values: Values): Promise<unknown> =>
      (specOf(await render({ ...lean, ...values }), 'Service/turnbridge') as { ports: unknown[] }).ports[0];
    expect(specOf(await render(lean), 'Service/turnbridge')['sessionAffinity']).toBe('None');
    expect(await port({})).toEqual({ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' });
    const served = { enabled: true, existingSecret: 'a' };
    expect(await port({ bridge: { tls: served } })).toMatchObject({ name: 'https', port: 443 });
    expect(await port({ bridge: { tls: served, service: { port: 80 } } })).toMatchObject({ port: 80 });
    const httpRoute = { enabled: true, parentRefs: [{ name: 'gateway' }], hostnames: ['a.example'] };
    const tls = { tls: { enabled: true, existingSecret: 'certificate' } };
    expect(await port({ httpRoute, bridge: tls })).toMatchObject({
      appProtocol: 'kubernetes.io/wss',
      name: 'https',
    });
    const gke = { ...httpRoute, implementation: 'gke' };
    expect(await port({ httpRoute: gke })).not.toHaveProperty('appProtocol');
    expect(await port({ httpRoute: gke, bridge: tls })).toMatchObject({ appProtocol: 'HTTPS' });
    expect(await port({ httpRoute })).toMatchObject({ appProtocol: 'kubernetes.io/ws' });
    expect(await port({ httpRoute, bridge: { service: { appProtocol: 'None' } } })).not.toHaveProperty(
      'appProtocol',
    );
  });

  test('of the ops port is how the operator finds the bridges', async () => {
    const service = find(await render({ ...lean, bridge: { bridgeName: 'blue' } }), 'Service/turnbridge-ops');
    expect(service?.metadata.labels).toMatchObject({ 'turnbridge.dev/bridge': 'blue' });
    expect(service?.['spec']).toMatchObject({
      clusterIP: 'None',
      ports: [{ name: 'ops', port: 9464, targetPort: 'ops' }],
    });
  });
});
