/** The reflector and its client, with the API server they were made for. */
import { expect, test } from '@jest/globals';
import { manualClock } from '../harness/clock.ts';
import { until } from '../harness/wait-for.ts';
import { startControlPlane, testWithFaults } from './start-control-plane.ts';
import { useCluster } from './use-cluster.ts';
import type { KubeClock } from '../../src/kube/kube-clock.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import type { KubeFact } from '../../src/kube/kube-facts.ts';
import { apiPath } from '../../src/kube/kube-path.ts';
import { openKubeClient } from '../../src/kube/open-kube-client.ts';
import { Reflector } from '../../src/kube/reflector.ts';

const cluster = useCluster();

/** An API server that has just come back, on a machine that does other things too. */
const FAULT_MS = 60_000;

interface Copy extends AsyncDisposable {
  readonly client: KubeClient;
  readonly reflector: Reflector<string>;
  readonly told: string[];
  readonly facts: KubeFact[];
  /** Creates a ConfigMap or changes it. */
  put(name: string, word: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** What is held: `name=word`, sorted. */
  held(): string[];
}

/** A copy of the ConfigMaps that these tests write in one namespace, read in pages of three. */
async function openCopy(kubeconfig: string, namespace: string, clock?: KubeClock): Promise<Copy> {
  const [told, facts]: [string[], KubeFact[]] = [[], []];
  const client = await openKubeClient({
    kubeconfig,
    facts: (fact) => void facts.push(fact),
    userAgent: 'turnbridge-test',
    clock,
  });
  const path = apiPath({ version: 'v1', namespace, resource: 'configmaps' });
  const reflector = new Reflector<string>({
    client,
    path,
    query: { labelSelector: 'test=reflector' },
    resource: 'configmaps',
    pageSize: 3,
    keep: ({ metadata, ...rest }) =>
      `${metadata.name}=${String((rest['data'] as Record<string, unknown> | undefined)?.['word'])}`,
    onChange: (key) => told.push(reflector.get(key) ?? `-${key.split('/')[1] ?? ''}`),
    facts: (fact) => void facts.push(fact),
    clock,
  });
  return {
    client,
    reflector,
    told,
    facts,
    async put(name, word) {
      const body = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace, labels: { test: 'reflector' } },
        data: { word },
      };
      const query = { fieldManager: 'test', force: 'true' };
      const contentType = 'application/apply-patch+yaml';
      await client.request({ method: 'PATCH', path: `${path}/${name}`, query, body, contentType });
    },
    remove: async (name) => void (await client.request({ method: 'DELETE', path: `${path}/${name}` })),
    held: () => [...reflector.entries()].map(([, value]) => value).toSorted((a, b) => (a < b ? -1 : 1)),
    [Symbol.asyncDispose]: async () => {
      await reflector.close();
      await client.close();
    },
  };
}

test('pages, changes and deletes of a real API server are followed, and nothing is told twice', async () => {
  const namespace = await cluster.namespace();
  await using copy = await openCopy(cluster.kubeconfigPath, namespace);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await copy.put(name, '1');
  copy.reflector.start();
  await until(() => copy.reflector.isSynced, 'the first list');
  expect(copy.facts.filter((fact) => fact.kind === 'list.ended')).toMatchObject([{ ok: true, items: 7 }]);
  await copy.put('a', '2');
  await copy.put('a', '2'); // changes nothing, and is nothing
  await copy.remove('b');
  await copy.put('h', '1');
  await until(() => copy.told.includes('h=1'), 'the last change');
  expect(copy.held()).toEqual(['a=2', 'c=1', 'd=1', 'e=1', 'f=1', 'g=1', 'h=1']);
  expect(copy.told.slice(7)).toEqual(['a=2', '-b', 'h=1']);
});

test('a real refusal is understood: not found, a conflict, a name that exists', async () => {
  const namespace = await cluster.namespace();
  await using copy = await openCopy(cluster.kubeconfigPath, namespace);
  const path = apiPath({ version: 'v1', namespace, resource: 'configmaps' });
  await copy.put('a', '1');
  const one = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', resourceVersion: '1' } };
  await expect(copy.client.request({ method: 'GET', path: `${path}/none` })).rejects.toMatchObject({
    status: 404,
    reason: 'NotFound',
  });
  await expect(copy.client.request({ method: 'PUT', path: `${path}/a`, body: one })).rejects.toMatchObject({
    status: 409,
    reason: 'Conflict',
  });
  await expect(
    copy.client.request({ method: 'POST', path, body: { ...one, metadata: { name: 'a' } } }),
  ).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' });
});

testWithFaults(
  'an API server that was away is followed again, also when it has forgotten the version we know',
  async () => {
    await using plane = await startControlPlane({ crd: false });
    // Its waits end when we say so: what happens meanwhile is not left to chance.
    const clock = manualClock();
    await using copy = await openCopy(plane.kubeconfigPath, 'default', clock);
    const passWaits = async (what: string, isTrue: () => boolean): Promise<void> => {
      const step = (): boolean => {
        const { state } = copy.reflector;
        if (state.kind === 'waiting') clock.advance(state.untilMs - clock.now());
        return isTrue();
      };
      await until(step, what, FAULT_MS);
    };
    const isWaiting = (): boolean => copy.reflector.state.kind === 'waiting';
    for (const name of ['a', 'b', 'c', 'd']) await copy.put(name, '1');
    copy.reflector.start();
    await until(() => copy.facts.some(({ kind }) => kind === 'watch.opened'), 'the watch');

    await plane.kill('apiserver');
    await until(isWaiting, 'the first failure', FAULT_MS);
    await plane.start('apiserver');
    await copy.put('a', '2');
    await passWaits('what changed after it', () => copy.held().includes('a=2'));
    // it lists anew only when the server says that it has forgotten, which one that was just started may do by itself
    const expired = copy.facts.filter((fact) => fact.kind === 'watch.ended' && fact.reason === 'expired');
    expect(copy.facts.filter(({ kind }) => kind === 'list.ended')).toHaveLength(1 + expired.length);

    await plane.kill('apiserver');
    await until(isWaiting, 'the second failure', FAULT_MS);
    await plane.start('apiserver');
    await copy.remove('c');
    await copy.put('b', '2');
    await plane.compact();
    await plane.restart('apiserver');
    await copy.put('d', '2');
    await passWaits('the same again', () => copy.held().join() === 'a=2,b=2,d=2');
    expect(copy.facts).toContainEqual(expect.objectContaining({ kind: 'watch.ended', reason: 'expired' }));
    expect(copy.told.toSorted()).toEqual(['-c', 'a=1', 'a=2', 'b=1', 'b=2', 'c=1', 'd=1', 'd=2']);
  },
  FAULT_MS * 4,
);
