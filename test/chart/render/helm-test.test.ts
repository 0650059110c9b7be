/** The pod of `helm test`: whom it asks, with which key, and whom it trusts. */
import { expect, test } from '@jest/globals';
import { render, renderFailure, type KubeObject } from '../render.ts';

interface TestPod {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly activeDeadlineSeconds: number;
    readonly volumes?: readonly object[];
    readonly containers: readonly [
      { readonly args: readonly string[]; readonly env?: readonly object[]; readonly resources: object },
    ];
  };
}

async function objectsOf(values: object): Promise<readonly KubeObject[]> {
  return render({ crds: { enabled: false }, ...values }, { release: 'codex', namespace: 'ai' });
}

async function podOf(values: object): Promise<TestPod> {
  const pods = (await objectsOf(values)).filter(({ kind }) => kind === 'Pod');
  expect(pods).toHaveLength(1);
  return pods[0] as unknown as TestPod;
}

const argsOf = ({ spec }: TestPod): readonly string[] => spec.containers[0].args;

test('one turn through the Service of the bridge, by its whole name in the cluster', async () => {
  const objects = await objectsOf({});
  const names = objects.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
  expect(names).toContain('codex-turnbridge');
  const args = argsOf(await podOf({}));
  expect(args.slice(0, 2)).toEqual(['turn', 'http://codex-turnbridge.ai.svc.cluster.local/v1']);
  expect(args).toContain('--model=gpt-5.5');
});

test.each([
  [
    'another port',
    { bridge: { service: { port: 8080 } } },
    'http://codex-turnbridge.ai.svc.cluster.local:8080/v1',
  ],
  ['another domain', { clusterDomain: 'corp.example' }, 'http://codex-turnbridge.ai.svc.corp.example/v1'],
  ['a way in from outside', { tests: { url: 'https://codex.example/v1' } }, 'https://codex.example/v1'],
])('%s', async (_what, values, url) => {
  expect(argsOf(await podOf(values))[1]).toBe(url);
});

test('it is a hook of `helm test`, gone before the next and after a success, and its log is printed', async () => {
  const { metadata } = await podOf({});
  expect(metadata.annotations).toEqual({
    'helm.sh/hook': 'test',
    'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
    'helm.sh/hook-output-log-policy': 'hook-succeeded,hook-failed',
  });
});

test('the turn gives up before the pod is ended, so that the reason is in its log', async () => {
  const pod = await podOf({ tests: { deadlineSeconds: 30 } });
  const timeout = argsOf(pod).find((arg) => arg.startsWith('--timeout='));
  expect(pod.spec.activeDeadlineSeconds).toBe(30);
  expect(Number(timeout?.split('=')[1])).toBeLessThan(30);
});

test('a key comes from a Secret into the environment, and is on no command line', async () => {
  const { spec } = await podOf({ tests: { keySecret: { name: 'codex-clients', key: 'me' } } });
  expect(spec.containers[0].env).toEqual([
    { name: 'TURNBRIDGE_KEY', valueFrom: { secretKeyRef: { name: 'codex-clients', key: 'me' } } },
  ]);
  expect((await podOf({})).spec.containers[0].env).toBeUndefined();
});

test('with TLS on the bridge it asks by https, and trusts the authority beside the certificate, but never sees the key', async () => {
  const pod = await podOf({ bridge: { tls: { enabled: true, existingSecret: 'bridge-tls' } } });
  expect(argsOf(pod)[1]).toMatch(/^https:\/\//);
  expect(argsOf(pod)).toContain('--ca-file=/ca/ca.crt');
  expect(pod.spec.volumes).toEqual([
    // without the entry the command starts, and says so: the kubelet would wait for ever
    {
      name: 'ca',
      secret: { secretName: 'bridge-tls', optional: true, items: [{ key: 'ca.crt', path: 'ca.crt' }] },
    },
  ]);
});

test('the authority may be in another Secret, or be one that everybody trusts', async () => {
  const tls = { bridge: { tls: { enabled: true, existingSecret: 'bridge-tls' } } };
  const other = await podOf({ ...tls, tests: { caSecret: { name: 'corp-ca', key: 'root.pem' } } });
  expect(argsOf(other)).toContain('--ca-file=/ca/root.pem');
  expect(other.spec.volumes).toMatchObject([{ secret: { secretName: 'corp-ca' } }]);
  const known = await podOf({ ...tls, tests: { caSecret: { key: '' } } });
  expect(argsOf(known).filter((arg) => arg.startsWith('--ca-file'))).toEqual([]);
  expect(known.spec.volumes).toBeUndefined();
});

test('what is missing is refused with its place', async () => {
  expect(await renderFailure({ tests: { keySecret: { name: 'k' } } })).toContain(
    'tests.keySecret.key is missing',
  );
  expect(await renderFailure({ tests: { keySecret: { key: 'k' } } })).toContain(
    'tests.keySecret.name is missing',
  );
  expect(await renderFailure({ tests: { caSecret: { name: 'c', key: '' } } })).toContain(
    'tests.caSecret.key is missing',
  );
});

test('there is no pod where there shall be none', async () => {
  expect((await objectsOf({ tests: { enabled: false } })).filter(({ kind }) => kind === 'Pod')).toEqual([]);
});
