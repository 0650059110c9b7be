/** The bridge inside the pods of applications: injected by label, started before them, stopped after them. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { openScriptedProvider, type ScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import type { ScriptLike } from '../../../src/scripted/choose-answer.ts';
import { gate } from '../../harness/fake-provider.ts';
import { until, within } from '../../harness/wait-for.ts';
import { codexJob, ensureCodexImage } from '../codex-image.ts';
import { followLogs } from '../followed-logs.ts';
import type { Release } from '../release.ts';
import { useNode, type ContainerStatus, type Pod } from '../use-node.ts';

const node = useNode();
const inject = 'sidecar.turnbridge.dev/inject';
const baseUrl = 'http://127.0.0.1:8787/v1';
/** A node that runs other files beside this one. */
const slowMs = 90_000;

let release: Release;
/** Three namespaces with sidecars, the last without Pod Security, and one that is not for them. */
let alpha: string;
let beta: string;
let open: string;
let elsewhere: string;
let alphaProvider: ScriptedProvider;
let betaProvider: ScriptedProvider;
/** A turn that asks for `held` ends when it is opened. */
const held = gate();

beforeAll(async () => {
  await node.importImage(await ensureCodexImage());
  const central = await node.namespace();
  alpha = await node.namespace({ enforce: 'restricted' });
  beta = await node.namespace({ enforce: 'restricted', labels: { [inject]: 'true' } });
  open = await node.namespace();
  elsewhere = await node.namespace({ labels: { [inject]: 'true' } });
  const script: ScriptLike = ({ body }) =>
    body.model === 'held'
      ? [{ text: 'begun\n' }, { until: held.promise }, { text: 'whole' }]
      : [{ text: 'hello' }];
  alphaProvider = await openScriptedProvider({ host: node.addresses[9]!, script });
  betaProvider = await openScriptedProvider({ host: node.addresses[10]!, script: 'hello' });
  node.atEnd(() => Promise.all([alphaProvider.close(), betaProvider.close()]));
  release = await node.install({ namespace: central, values: valuesWith({}) });
  await node.apply(routeTo(alphaProvider.url), alpha);
  await node.apply(routeTo(betaProvider.url), beta);
  // written into the Secret that sidecars mount: one that starts before has no route
  for (const namespace of [alpha, beta]) {
    const words = ['wait', '--for=condition=Ready', 'responsesroute/models', '-n', namespace];
    await node.mustKubectl([...words, '--timeout=60s'], { timeoutMs: 70_000 });
  }
}, 400_000);

function valuesWith(injection: object): object {
  return {
    bridge: { replicas: 1, resources: { requests: { cpu: '100m' } } },
    operator: { replicas: 1 },
    sidecar: { namespaces: [alpha, beta, open], injection: { enabled: true, ...injection } },
  };
}

function routeTo(url: string): object {
  return {
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    metadata: { name: 'models' },
    spec: {
      bridgeName: 'sidecar',
      clients: { auth: { type: 'None' } },
      providers: [{ name: 'models', url, auth: { type: 'None' } }],
    },
  };
}

interface PodWishes {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly model?: string;
  readonly containerName?: string;
  readonly spec?: object;
}

/** An application that runs one turn at the bridge beside it, and ends. As its container's first process it ignores SIGTERM. */
function application({ name, labels, model = 'm', containerName = 'app', spec = {} }: PodWishes): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: labels ?? { [inject]: 'true' } },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 60,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: containerName,
          image: node.image,
          imagePullPolicy: 'Never',
          args: ['turn', baseUrl, 'hello', '--model', model],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
      ...spec,
    },
  };
}

interface PodSpec {
  readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[];
  readonly volumes?: readonly { readonly name: string }[];
}

/** What the API server would make of a pod. */
async function admitted(pod: object, namespace: string): Promise<Pod & { readonly spec: PodSpec }> {
  const words = ['create', '-n', namespace, '--dry-run=server', '-o', 'json', '-f', '-'];
  return JSON.parse(await node.mustKubectl(words, { stdin: pod }));
}

function initNames({ spec }: { readonly spec: PodSpec }): string[] {
  return (spec.initContainers ?? []).map(({ name }) => name);
}

function podNamed(namespace: string, name: string): Promise<Pod> {
  return node.get<Pod>(['pod', '-n', namespace, name]);
}

function ended(pod: Pod): Promise<Pod> {
  return until(
    async () => {
      const now = await podNamed(pod.metadata.namespace, pod.metadata.name);
      return /Succeeded|Failed/.test(now.status.phase) && now;
    },
    `the pod ${pod.metadata.name} to end`,
    slowMs,
  );
}

/** How the one container of a list ended. */
function endOf(statuses: readonly ContainerStatus[] | undefined) {
  return statuses?.[0]?.state['terminated'] as
    { readonly exitCode: number; readonly startedAt: string; readonly finishedAt: string } | undefined;
}

describe('an injected sidecar', () => {
  test('serves the real Codex in a Job, starts before it, and lets the Job complete', async () => {
    await node.apply(
      codexJob({
        name: 'codex',
        namespace: alpha,
        baseUrl,
        prompt: 'Say hello',
        labels: { [inject]: 'true' },
      }),
    );
    await node.mustKubectl(['wait', '--for=condition=Complete', 'job/codex', '-n', alpha, '--timeout=90s'], {
      timeoutMs: 100_000,
    });
    const { items } = await node.get<{ items: Pod[] }>(['pods', '-n', alpha, '-l', 'job-name=codex']);
    expect(items).toHaveLength(1);
    const pod = await ended(items[0]!);
    expect(await node.podLog(alpha, pod.metadata.name, ['-c', 'codex'])).toContain('"type":"turn.completed"');
    expect(pod.metadata.annotations).toMatchObject({ 'sidecar.turnbridge.dev/injected': expect.any(String) });
    expect(alphaProvider.requests.length).toBeGreaterThan(0);
    const app = endOf(pod.status.containerStatuses)!;
    const sidecar = endOf(pod.status.initContainerStatuses)!;
    expect([app.exitCode, sidecar.exitCode]).toEqual([0, 0]);
    // whole seconds
    expect(Date.parse(sidecar.startedAt)).toBeLessThanOrEqual(Date.parse(app.startedAt));
    expect(Date.parse(sidecar.finishedAt)).toBeGreaterThanOrEqual(Date.parse(app.finishedAt));
  }, 150_000);

  test('of a pod that is deleted in mid turn serves that turn to its end', async () => {
    await node.apply(application({ name: 'leaving', model: 'held' }), alpha);
    const request = await until(
      () => alphaProvider.requests.find(({ body }) => body.model === 'held'),
      'the turn to be at the provider',
      slowMs,
    );
    using logs = followLogs(alpha, 'leaving', ['app', 'turnbridge']);
    await logs.begun(slowMs); // of a pod that is gone nobody could read them
    await node.mustKubectl(['delete', 'pod', 'leaving', '-n', alpha, '--wait=false']);
    const leaving = await podNamed(alpha, 'leaving');
    expect(leaving.metadata.deletionTimestamp).toBeDefined();
    expect(leaving.status.containerStatuses?.[0]?.state).toHaveProperty('running');
    // clients on loopback alone; probes and metrics for the cluster
    const address = leaving.status.podIP!;
    expect(await (await fetch(`http://${address}:9464/metrics`)).text()).toMatch(
      /^turnbridge_turns_active.* 1$/m,
    );
    await expect(fetch(`http://${address}:8787/v1/responses`)).rejects.toMatchObject({
      cause: { code: 'ECONNREFUSED' },
    });
    held.open();
    expect((await within(request.closed, 'the end of the request', slowMs)).how).toBe('finished');
    const [app, sidecar] = await within(logs.whole, 'both containers to end', slowMs);
    expect(app).toMatch(/begun\nwhole[\s\S]*completed/);
    const events = sidecar!
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => (JSON.parse(line) as { event: string }).event);
    expect(events.indexOf('turn.end')).toBeGreaterThan(0);
    expect(events.indexOf('process.drain')).toBeGreaterThan(events.indexOf('turn.end'));
    expect(events.at(-1)).toBe('process.exit');
  }, 150_000);

  test("serves the routes of its own namespace, and nobody else's", async () => {
    await node.apply(application({ name: 'turn' }), beta);
    const before = alphaProvider.requests.length;
    const pod = await ended(await podNamed(beta, 'turn'));
    expect(pod.status.phase).toBe('Succeeded');
    expect(betaProvider.requests).toHaveLength(1);
    expect(alphaProvider.requests).toHaveLength(before);
    const central = await fetch(`${release.serviceUrl}/v1/responses`, {
      method: 'POST',
      body: '{"model":"m"}',
    });
    expect(central.status).toBeGreaterThanOrEqual(404);
  }, 120_000);

  test('comes first of the init containers, beside the volumes that are there', async () => {
    const spec = {
      initContainers: [
        {
          name: 'own',
          image: 'x',
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
      volumes: [{ name: 'data', emptyDir: {} }],
    };
    const pod = await admitted(application({ name: 'x', spec }), alpha);
    expect(initNames(pod)).toEqual(['turnbridge', 'own']);
    expect(pod.spec.initContainers?.[0]?.restartPolicy).toBe('Always');
    expect(pod.spec.volumes?.map(({ name }) => name)).toEqual(['data', 'turnbridge-snapshot']);
  });
});

describe('no sidecar is injected', () => {
  test('where the pod does not ask for it, or is not in a namespace for it', async () => {
    expect(initNames(await admitted(application({ name: 'x', labels: {} }), alpha))).toEqual([]);
    expect(
      initNames(await admitted(application({ name: 'x', labels: { [inject]: 'false' } }), alpha)),
    ).toEqual([]);
    expect(initNames(await admitted(application({ name: 'x' }), elsewhere))).toEqual([]);
    expect(initNames(await admitted(application({ name: 'x' }), alpha))).toEqual(['turnbridge']); // the other way round
  });

  test("where the network is that of the node: its loopback is not the pod's alone", async () => {
    const pod = (hostNetwork: boolean): object => application({ name: 'x', spec: { hostNetwork } });
    expect(initNames(await admitted(pod(true), open))).toEqual([]);
    expect(initNames(await admitted(pod(false), open))).toEqual(['turnbridge']);
  });

  test('where there is one already', async () => {
    const own = application({ name: 'x', containerName: 'turnbridge' });
    expect(initNames(await admitted(own, alpha))).toEqual([]);
  });
});

test('by namespace, a label of the namespace injects, and that of the pod counts more', async () => {
  await release.upgrade(valuesWith({ byNamespaceLabel: true }));
  const names = async (labels: Readonly<Record<string, string>>, namespace: string): Promise<string[]> =>
    initNames(await admitted(application({ name: 'x', labels }), namespace));
  await until(async () => (await names({}, beta)).length === 1, 'the policy to be in effect', slowMs);
  expect(await names({ [inject]: 'false' }, beta)).toEqual([]);
  expect(await names({}, alpha)).toEqual([]);
  expect(await names({ [inject]: 'true' }, alpha)).toEqual(['turnbridge']);
  expect(await names({}, elsewhere)).toEqual([]);
}, 240_000);

test('an uninstall takes policy, roles, accounts and snapshots along', async () => {
  expect(await node.mustKubectl(['get', 'secret', 'turnbridge-snapshot', '-n', alpha])).toContain(
    'turnbridge',
  );
  // their names end in the release's namespace; other files have policies of their own
  const policies = ['get', 'mutatingadmissionpolicies,mutatingadmissionpolicybindings', '-o', 'name'];
  expect(await node.mustKubectl(policies)).toContain(release.namespace);
  await release.uninstall();
  for (const namespace of [alpha, beta, open]) {
    await until(
      async () => {
        const words = ['get', 'secrets,roles,rolebindings', '-n', namespace, '-o', 'name'];
        return (await node.mustKubectl(words)).trim() === '';
      },
      `nothing to be left in ${namespace}`,
      slowMs,
    );
  }
  expect(await node.mustKubectl(policies)).not.toContain(release.namespace);
}, 200_000);
