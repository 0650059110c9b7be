/** The ground that the tests of this folder stand on. */
import { expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { applyType, type ApiEvent } from './api.ts';
import { startControlPlane, testWithFaults, type OwnControlPlane } from './start-control-plane.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();

test('kubectl reads what the client wrote, in a namespace of the test’s own', async () => {
  const namespace = await cluster.namespace();
  const api = await cluster.adminClient();
  const path = `/api/v1/namespaces/${namespace}/configmaps/words`;
  const query = { fieldManager: 'test', force: 'true' };
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'words' }, data: { hello: 'world' } };
  await api.request({ method: 'PATCH', path, query, body, contentType: applyType });
  const got = await cluster.kubectl([
    'get',
    'configmap',
    'words',
    '-n',
    namespace,
    '-o',
    'jsonpath={.data.hello}',
  ]);
  expect(got).toMatchObject({ code: 0, stdout: 'world' });
});

test('the token of a service account is that of somebody who may do nothing yet', async () => {
  const namespace = await cluster.namespace();
  const client = await cluster.clientOf(await cluster.token(namespace, 'somebody'));
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  const { status, body } = await client.ask({ path });
  expect(status).toBe(403);
  expect(JSON.stringify(body)).toContain(`system:serviceaccount:${namespace}:somebody`);
  const kubeconfig = await cluster.kubeconfig({ as: { namespace, serviceAccount: 'somebody' } });
  const who = await cluster.kubectl([
    'auth',
    'whoami',
    '--kubeconfig',
    kubeconfig,
    '-o',
    'jsonpath={.status.userInfo.username}',
  ]);
  expect(who.stdout).toBe(`system:serviceaccount:${namespace}:somebody`);
});

test('kubectl acts as somebody else when told to', async () => {
  const namespace = await cluster.namespace();
  const got = await cluster.kubectl(['get', 'secrets', '-n', namespace], { as: 'jane' });
  expect(got.code).toBe(1);
  expect(got.stderr).toContain('"jane"');
});

testWithFaults(
  'an API server that is killed refuses, and knows everything again after its restart',
  async () => {
    await using plane = await startControlPlane({ crd: false });
    await makeConfigMap(plane, 'before');
    await plane.kill('apiserver');
    await expect(plane.admin.ask({ path: '/readyz' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await plane.start('apiserver');
    expect((await plane.admin.ask({ path: configMaps + '/before' })).status).toBe(200);
  },
);

testWithFaults('an API server that is frozen says nothing, and goes on when thawed', async () => {
  await using plane = await startControlPlane({ crd: false });
  plane.freeze('apiserver');
  await expect(plane.admin.ask({ path: '/readyz', timeoutMs: 300 })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  plane.thaw('apiserver');
  await until(async () => (await plane.admin.ask({ path: '/readyz' })).status === 200, 'an answer', 30_000);
});

testWithFaults('a version from before a compaction and a restart is gone: 410', async () => {
  await using plane = await startControlPlane({ crd: false });
  const resourceVersion = await makeConfigMap(plane, 'first');
  await makeConfigMap(plane, 'second');
  await plane.compact();
  await plane.restart('apiserver');
  const events: ApiEvent[] = [];
  for await (const event of plane.admin.watch(configMaps, { resourceVersion })) events.push(event);
  expect(events).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
  // the restart is enough for a watch; a list asks etcd
  const exactly = { resourceVersion, resourceVersionMatch: 'Exact' };
  expect((await plane.admin.ask({ path: configMaps, query: exactly })).status).toBe(410);
});

const configMaps = '/api/v1/namespaces/default/configmaps';

/** Returns its resourceVersion. */
async function makeConfigMap({ admin }: OwnControlPlane, name: string): Promise<string> {
  const { metadata } = await admin.request<{ metadata: { resourceVersion: string } }>({
    method: 'POST',
    path: configMaps,
    body: { metadata: { name } },
  });
  return metadata.resourceVersion;
}
