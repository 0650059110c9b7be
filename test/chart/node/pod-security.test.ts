/** Pod Security `restricted`: every pod of the chart is admitted, and is inside what it says outside. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { runCommand } from '../../harness/run-command.ts';
import { until } from '../../harness/wait-for.ts';
import { factsOf } from '../container-facts.ts';
import { nodePlace } from '../node-place.ts';
import { render } from '../render.ts';
import { podOf } from '../render/rendered-pods.ts';
import { testValues } from '../release.ts';
import { useNode, type ContainerStatus, type Pod } from '../use-node.ts';

const node = useNode();

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount';
const NODE = '/usr/local/bin/node';
const slowMs = 240_000;
const patienceMs = 90_000;

/** What `restricted` demands, and what we promise beyond it. */
const locked = {
  uid: 65532,
  gid: 65532,
  capabilities: Array.from({ length: 5 }, () => '0'.repeat(16)),
  noNewPrivileges: true,
  hasSeccompFilter: true,
};
/** Of every container of Kubernetes: the kubelet's, and root's. */
const lent = ['/etc/hosts'];

let home = '';
let jobs = '';

beforeAll(async () => {
  [home, jobs] = [
    await node.namespace({ enforce: 'restricted' }),
    await node.namespace({ enforce: 'restricted' }),
  ];
  const values = {
    bridge: { bridgeName: home, replicas: 1, resources: { requests: { cpu: '100m' } } },
    operator: { replicas: 1 },
    demo: { enabled: true, script: 'stall' },
    sidecar: { namespaces: [jobs], injection: { enabled: true } },
  };
  await node.install({ namespace: home, values });
}, slowMs);

describe('as seen from inside', () => {
  test.each([
    ['bridge', ['/tmp']],
    ['operator', ['/tmp']],
    ['demo', []],
  ])('the pod of the %s is locked, and its root cannot be written', async (component, folders) => {
    const [pod] = await node.readyPods(home, `app.kubernetes.io/component=${component}`, 1);
    const status = containerOf(pod!);
    expect(await factsOf(status)).toEqual({ ...locked, writable: [...lent, ...folders] });
    // a core file would go into the working folder
    const code = `try { fs.writeFileSync(process.cwd() + '/core', ''); } catch ({ code }) { console.log(process.cwd(), code); }`;
    expect(await inContainer(home, pod!, status.name, code)).toBe('/app EROFS');
  });

  test.each(['bridge', 'operator'])(
    'the pod of the %s leaves nothing in its writable folder',
    async (component) => {
      const [pod] = await node.readyPods(home, `app.kubernetes.io/component=${component}`, 1);
      const code = "console.log(JSON.stringify(fs.readdirSync('/tmp')))";
      expect(await inContainer(home, pod!, component, code)).toBe('[]');
    },
  );

  test('bridge and operator have a token for an hour; the demo has none', async () => {
    const code = `const [, claims] = fs.readFileSync('${TOKEN}/token', 'utf8').split('.');
      const { exp, iat } = JSON.parse(Buffer.from(claims, 'base64url'));
      console.log(exp - iat)`;
    for (const component of ['bridge', 'operator']) {
      const [pod] = await node.readyPods(home, `app.kubernetes.io/component=${component}`, 1);
      expect(await inContainer(home, pod!, component, code)).toBe('3600');
    }
    const [demo] = await node.readyPods(home, 'app.kubernetes.io/component=demo', 1);
    const there = `console.log(fs.existsSync('${TOKEN}'))`;
    expect(await inContainer(home, demo!, 'provider', there)).toBe('false');
  });

  test(
    'the pod of `helm test` is locked, too',
    async () => {
      const words = ['test', 'turnbridge', '-n', home];
      const testing = runCommand(nodePlace().helm[4], words, { timeoutMs: 120_000 });
      const pod = await running('turnbridge-test', home); // the demo never ends its turn
      expect(await factsOf(containerOf(pod))).toEqual({ ...locked, writable: lent });
      expect(await tokenMounts(pod)).toEqual([]);
      await node.mustKubectl(['delete', 'pod', 'turnbridge-test', '-n', home, '--grace-period=1']);
      expect((await testing).code).not.toBe(0);
    },
    slowMs,
  );

  test(
    'so is a sidecar, which has no token even where the application has one',
    async () => {
      await node.apply(
        {
          apiVersion: 'turnbridge.dev/v1alpha1',
          kind: 'ResponsesRoute',
          metadata: { name: 'models' },
          spec: {
            bridgeName: 'sidecar',
            clients: { auth: { type: 'None' } },
            providers: [{ name: 'models', url: 'https://provider.test/v1', auth: { type: 'None' } }],
          },
        },
        jobs,
      );
      await node.apply(application(), jobs);
      const pod = await running('application', jobs);
      const [sidecar] = pod.status.initContainerStatuses ?? [];
      expect(await factsOf(sidecar!)).toEqual({ ...locked, writable: lent });
      expect(await tokenMounts(pod)).toEqual(['app']);
    },
    slowMs,
  );
});

describe('a value that breaks it', () => {
  test(
    'is refused by the API server, which says why',
    async () => {
      const namespace = await node.namespace({ enforce: 'restricted' });
      const bridge = { securityContext: { allowPrivilegeEscalation: true } };
      await node.install({ namespace, values: { bridge, operator: { enabled: true } }, wait: false });
      const message = await until(
        async () => {
          const words = ['deployment', 'turnbridge', '-n', namespace];
          const { status } = await node.get<{ status: { conditions?: DeploymentCondition[] } }>(words);
          return status.conditions?.find(({ type }) => type === 'ReplicaFailure')?.message;
        },
        'the Deployment to tell of the refusal',
        patienceMs,
      );
      expect(message).toMatch(/violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false/);
      expect(await node.pods(namespace, 'app.kubernetes.io/component=bridge')).toEqual([]);
    },
    slowMs,
  );

  test.each([
    ['securityContext', { capabilities: { add: ['NET_ADMIN'] } }, /unrestricted capabilities/],
    ['podSecurityContext', { runAsNonRoot: false }, /runAsNonRoot != true/],
    ['podSecurityContext', { runAsUser: 0 }, /runAsUser=0/],
    ['podSecurityContext', { seccompProfile: { type: 'Unconfined' } }, /seccompProfile/],
    ['extraVolumes', [{ name: 'host', hostPath: { path: '/' } }], /restricted volume types/],
  ])('is refused in a pod: bridge.%s: %j', async (field, value, reason) => {
    const pod = async (bridge: object): Promise<object> => {
      const objects = await render({ ...testValues(home), bridge });
      const { labels, spec } = podOf(objects, 'Deployment/turnbridge');
      const metadata = { name: 'tried', labels };
      return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...spec, serviceAccountName: 'default' } };
    };
    const words = ['create', '--dry-run=server', '-n', home, '-f', '-'];
    expect(await node.kubectl(words, { stdin: await pod({}) })).toMatchObject({ code: 0 });
    const { code, stderr } = await node.kubectl(words, { stdin: await pod({ [field]: value }) });
    expect(code).toBe(1);
    expect(stderr).toContain('violates PodSecurity "restricted:latest"');
    expect(stderr).toMatch(reason);
  });
});

interface DeploymentCondition {
  readonly type: string;
  readonly message: string;
}

/** With a token, by default; it runs until it is deleted. */
function application(): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'application', labels: { 'sidecar.turnbridge.dev/inject': 'true' } },
    spec: {
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'app',
          image: node.image,
          imagePullPolicy: 'Never',
          args: ['provider', '--listen', '127.0.0.1:8788'],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}

/** Waits until the pod's containers run. */
function running(name: string, namespace: string): Promise<Pod> {
  return until(
    async () => {
      const { code, stdout } = await node.kubectl(['get', 'pod', name, '-n', namespace, '-o', 'json']);
      const pod = code === 0 ? (JSON.parse(stdout) as Pod) : undefined;
      const statuses = pod?.status.containerStatuses ?? [];
      return statuses.length > 0 && statuses.every(({ state }) => 'running' in state) && pod;
    },
    `the containers of ${name} to run`,
    patienceMs,
  );
}

/** Its only one. */
function containerOf(pod: Pod): ContainerStatus {
  expect(pod.status.containerStatuses).toHaveLength(1);
  return pod.status.containerStatuses![0]!;
}

interface Mounting {
  readonly name: string;
  readonly volumeMounts?: readonly { readonly mountPath: string; readonly name: string }[];
}

interface MountingSpec {
  readonly containers: readonly Mounting[];
  readonly initContainers?: readonly Mounting[];
}

/** Containers, init containers too, that a token is mounted in. */
async function tokenMounts({ metadata }: Pod): Promise<readonly string[]> {
  const words = ['pod', metadata.name, '-n', metadata.namespace];
  const { spec } = await node.get<{ spec: MountingSpec }>(words);
  return [...(spec.initContainers ?? []), ...spec.containers]
    .filter(({ volumeMounts = [] }) =>
      volumeMounts.some(({ name }) => /^(token|kube-api-access-.*)$/.test(name)),
    )
    .map(({ name }) => name);
}

/** What a line of JavaScript prints there, by the node of the image. */
async function inContainer(namespace: string, pod: Pod, container: string, code: string): Promise<string> {
  const words = ['exec', '-n', namespace, pod.metadata.name, '-c', container, '--', NODE, '-e', code];
  return (await node.mustKubectl(words)).trim();
}
