/** What an operator may take out of Secrets, and for how long it keeps it. */
import { expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { openStage } from './operator-stage.ts';

test.each(['kubernetes.io/service-account-token', 'helm.sh/release.v1', 'turnbridge.dev/snapshot'])(
  "a Secret of type %s is nobody's provider key",
  async (type) => {
    await using stage = await openStage();
    stage.secret('good', { apiKey: 'sk-1' });
    stage.kube.put({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'ai', name: 'token' },
      type,
      data: { apiKey: btoa('stolen') },
    });
    stage.keyedRoute('thief', 'token');
    stage.keyedRoute('honest', 'good');
    await stage.condition('honest', 'Ready', 'True');
    await stage.condition('thief', 'ResolvedRefs', 'False', 'SecretNotFound');
    expect(stage.keyOf('honest')).toBe('sk-1');
    expect(stage.keyOf('thief')).toBeUndefined();
    expect(stage.kube.seen({ phase: 'get', path: /secrets\/token$/ })).toEqual([]);
  },
);

test('what no route names any more is let go, also where another Secret of the namespace stays in use', async () => {
  await using stage = await openStage();
  const held = async () =>
    /turnbridge_operator_store_references\{resource="secrets"\} (\d+)$/m.exec(await stage.metrics())?.[1];
  for (const name of ['first', 'second']) {
    stage.secret(name, { apiKey: 'sk-1' });
    stage.keyedRoute(`with-${name}`, name);
    await stage.condition(`with-${name}`, 'Ready', 'True');
  }
  expect(await held()).toBe('2');
  stage.removeRoute('with-second');
  await until(async () => (await held()) === '1', 'one Secret to be kept');
  await stage.servesOnly('ai/with-first');
  expect(stage.keyOf('with-first')).toBe('sk-1');
});

test('a namespace that cannot be read is counted until its last route is gone', async () => {
  await using stage = await openStage({ times: { readableWithinMs: 200 } });
  const unreadable = async () =>
    /turnbridge_operator_unreadable_namespaces (\d+)$/m.exec(await stage.metrics())?.[1];
  stage.kube.fail(
    { phase: 'list', path: /ai\/secrets$/ },
    { kind: 'status', status: 403, reason: 'Forbidden' },
    1000,
  );
  expect(await unreadable()).toBe('0');
  stage.keyedRoute('coding', 'openai');
  await until(async () => (await unreadable()) === '1', 'it to be counted', 15_000);
  stage.removeRoute('coding');
  await until(async () => (await unreadable()) === '0', 'it not to be counted', 15_000);
});
