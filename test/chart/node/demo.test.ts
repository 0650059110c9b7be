/** `helm install --set demo.enabled=true` on real nodes: a first turn without an account, and `helm test`. */
import { describe, expect, test } from '@jest/globals';
import { runCommand } from '../../harness/run-command.ts';
import { until } from '../../harness/wait-for.ts';
import { openScriptedProvider } from '../../../src/scripted/scripted-provider.ts';
import { nodePlace, type HelmVersion } from '../node-place.ts';
import { useNode } from '../use-node.ts';

const node = useNode();

/**
 * Releases stand side by side, with those of other files, on nodes that have four processors together. An operator reads the
 * routes of all namespaces: each has a name of its own for its bridges, or it would serve the demo of another.
 */
function valuesFor(namespace: string, more: object = {}): object {
  const resources = { requests: { cpu: '100m', memory: '128Mi' } };
  return { bridge: { bridgeName: namespace, replicas: 1, resources }, ...more };
}

const demo = { demo: { enabled: true } };
/** Two installations with Helm and a test, on a machine that does much else. */
const timeoutMs = 240_000;

/** What is waited for takes a second on a quiet machine. */
const patienceMs = 60_000;
/** Longer than the deadline of any test pod here, by which Helm knows that it has failed. */
const testTimeoutMs = 120_000;

interface Route {
  readonly spec: { readonly providers: readonly { readonly url: string }[] };
  readonly metadata: {
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** `helm test` as it is typed, however it ends, with all that it prints. */
async function helmTest(
  namespace: string,
  version: HelmVersion = 4,
): Promise<{ code: number; output: string }> {
  const words = ['test', 'turnbridge', '-n', namespace];
  const { code, output } = await runCommand(nodePlace().helm[version], words, { timeoutMs: testTimeoutMs });
  return { code: code ?? -1, output };
}

/** Whether the pod of the test is still there. */
async function isTestPodThere(namespace: string): Promise<boolean> {
  const { code } = await node.kubectl(['get', 'pod/turnbridge-test', '-n', namespace]);
  return code === 0;
}

/** Waits until a route is ready, and returns it. */
function readyRoute(namespace: string, name: string): Promise<Route> {
  return until(
    async () => {
      const words = ['get', 'responsesroute', name, '-n', namespace, '-o', 'json'];
      const { code, stdout } = await node.kubectl(words);
      const route = code === 0 ? (JSON.parse(stdout) as Route) : undefined;
      const conditions = route?.status?.conditions ?? [];
      return conditions.some(({ type, status }) => type === 'Ready' && status === 'True') && route;
    },
    `route ${name} is ready`,
    patienceMs,
  );
}

describe.each([4, 3] as const)('with Helm %i', (version) => {
  test(
    'a turn works right after the installation: `helm test` runs it, prints it, and leaves no pod',
    async () => {
      const namespace = await node.namespace({ enforce: 'restricted' });
      await node.install({ namespace, values: valuesFor(namespace, demo), version });
      const { code, output } = await helmTest(namespace, version);
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toMatch(/Phase:\s+Succeeded/);
      expect(output).toContain('Say hello to the test of a Helm release'); // the provider quotes it
      await until(async () => !(await isTestPodThere(namespace)), 'the pod of the test is gone', patienceMs);
      const notes = await node.helm(['get', 'notes', 'turnbridge', '-n', namespace], { version });
      expect(notes).toContain(`helm test turnbridge -n ${namespace}`);
      expect(notes).toContain(`http://turnbridge.${namespace}.svc.cluster.local/v1`);
    },
    timeoutMs,
  );
});

test(
  'the route of the demo leads to its Service, is ready, and goes when the demo is switched off',
  async () => {
    const namespace = await node.namespace({ enforce: 'restricted' });
    const release = await node.install({ namespace, values: valuesFor(namespace, demo) });
    const { spec, metadata } = await readyRoute(namespace, 'demo');
    expect(spec.providers).toMatchObject([{ url: `http://turnbridge-demo.${namespace}.svc:8788/v1` }]);
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'Service', name: 'turnbridge-demo' }]);
    await release.upgrade(valuesFor(namespace));
    await until(
      async () => {
        const left = await node.get<{ items: readonly unknown[] }>(['responsesroutes', '-n', namespace]);
        return left.items.length === 0;
      },
      'the route has gone with its Service',
      patienceMs,
    );
  },
  timeoutMs,
);

test(
  'without a route `helm test` fails, says why, and leaves its pod; with one and a key, the next one succeeds',
  async () => {
    const [, , , address = ''] = node.addresses;
    await using provider = await openScriptedProvider({ host: address });
    const namespace = await node.namespace({ enforce: 'restricted' });
    const keySecret = { name: 'codex-clients', key: 'me' };
    await node.apply(
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: keySecret.name },
        stringData: { [keySecret.key]: 'a-key-of-the-test' },
      },
      namespace,
    );
    await node.install({
      namespace,
      values: valuesFor(namespace, { tests: { keySecret } }),
    });
    const failed = await helmTest(namespace);
    expect(failed.code).toBe(1);
    expect(failed.output).toContain('turn: the');
    expect(failed.output).toMatch(/route/);
    expect(failed.output).not.toContain('a-key-of-the-test');
    expect(await isTestPodThere(namespace)).toBe(true);
    await node.apply(
      {
        apiVersion: 'turnbridge.dev/v1alpha1',
        kind: 'ResponsesRoute',
        metadata: { name: 'keyed' },
        spec: {
          bridgeName: namespace,
          clients: { auth: { type: 'APIKey', secretRef: { name: keySecret.name } } },
          providers: [{ name: 'scripted', url: provider.url, auth: { type: 'None' } }],
        },
      },
      namespace,
    );
    await readyRoute(namespace, 'keyed');
    const { code, output } = await helmTest(namespace);
    expect({ code, output }).toMatchObject({ code: 0 });
  },
  timeoutMs,
);
