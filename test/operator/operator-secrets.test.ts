/** Secrets and ConfigMaps that routes name: missing, added, rotated, deleted, unreadable; and what is kept of them. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { MAX_WAIT_MS, openCluster, openStage } from './operator-stage.ts';

describe('a Secret that a route names', () => {
  test('and that is not there is asked for, and the route heals when it comes', async () => {
    await using stage = await openStage();
    stage.keyedRoute('coding', 'openai');
    const missing = await stage.condition('coding', 'ResolvedRefs', 'False', 'SecretNotFound');
    expect(missing.message).toMatch(/there is no Secret openai in namespace ai; add it/);
    await stage.condition('coding', 'Reconciling', 'True');
    stage.secret('openai', { apiKey: 'sk-1' });
    await stage.condition('coding', 'Ready', 'True');
    expect(stage.keyOf('coding')).toBe('sk-1');
  });

  test('and that is rotated is in effect', async () => {
    await using stage = await openStage();
    stage.secret('openai', { apiKey: 'sk-1' });
    stage.keyedRoute('coding', 'openai');
    await stage.condition('coding', 'Ready', 'True');
    const { generation } = stage.snapshot()!;
    stage.secret('openai', { apiKey: 'sk-2' });
    await until(() => stage.keyOf('coding') === 'sk-2', 'the new key');
    expect(stage.snapshot()!.generation).toBeGreaterThan(generation);
  });

  test('and that is deleted takes its provider away, and says so', async () => {
    await using stage = await openStage();
    stage.secret('openai', { apiKey: 'sk-1' });
    stage.keyedRoute('coding', 'openai');
    await stage.condition('coding', 'Ready', 'True');
    stage.kube.remove({ apiVersion: 'v1', kind: 'Secret', namespace: 'ai', name: 'openai' });
    await stage.condition('coding', 'ResolvedRefs', 'False', 'SecretNotFound');
    expect(stage.snapshot()?.snapshot.routes[0]?.providers).toEqual([]);
  });

  test('and that lacks the entry is told by the entry, not by what else it holds', async () => {
    await using stage = await openStage();
    stage.secret('openai', { somebodys: 'sk-1' });
    stage.keyedRoute('coding', 'openai');
    const missing = await stage.condition('coding', 'ResolvedRefs', 'False', 'SecretKeyMissing');
    expect(missing.message).toContain('no entry apiKey');
    expect(missing.message).not.toContain('somebodys');
  });

  test('was there before anybody named it: it is fetched once', async () => {
    await using stage = await openStage();
    stage.secret('first', { apiKey: 'sk-1' });
    stage.secret('second', { apiKey: 'sk-2' });
    stage.keyedRoute('coding', 'first');
    await stage.condition('coding', 'Ready', 'True');
    stage.keyedRoute('coding', 'second');
    await until(() => stage.keyOf('coding') === 'sk-2', 'the other key');
    expect(stage.kube.seen({ phase: 'get', path: /secrets\/second$/ })).toHaveLength(1);
    expect(stage.kube.seen({ phase: 'get', path: /secrets\/first$/ })).toHaveLength(0);
  });

  test('and whose fetching fails leaves everything as it was until it succeeds', async () => {
    await using stage = await openStage();
    stage.secret('first', { apiKey: 'sk-1' });
    stage.secret('second', { apiKey: 'sk-2' });
    stage.keyedRoute('coding', 'first');
    await stage.condition('coding', 'Ready', 'True');
    const fault = stage.kube.fail(
      { phase: 'get', path: /secrets\/second$/ },
      { kind: 'status', status: 500 },
      3,
    );
    stage.keyedRoute('coding', 'second');
    // each wait is up to twice as long as the one before: more than three seconds at the end
    await until(() => fault.used === 3, 'three failures', MAX_WAIT_MS);
    await until(() => stage.keyOf('coding') === 'sk-2', 'the other key', MAX_WAIT_MS);
    // never a snapshot without a key in between
    const written = stage.kube
      .seen({ phase: 'apply', path: /secrets\/snapshot$/ })
      .filter(({ status }) => status === 200);
    expect(written).toHaveLength(2);
  });
});

test('what no route names is not held: only that it exists', async () => {
  await using stage = await openCluster();
  for (let index = 0; index < 20; index += 1) stage.secret(`other-${index}`, { token: 'x'.repeat(1000) });
  stage.secret('openai', { apiKey: 'sk-1', more: 'unused' });
  stage.keyedRoute('coding', 'openai');
  await stage.start();
  await stage.condition('coding', 'Ready', 'True');
  const metrics = await stage.metrics();
  expect(metrics).toMatch(/turnbridge_operator_store_objects\{resource="secrets"\} 21$/m);
  expect(metrics).toMatch(/turnbridge_operator_store_references\{resource="secrets"\} 1$/m);
});

test('no credential is in a status, an event, a log line or a metric', async () => {
  await using stage = await openStage();
  stage.secret('openai', { apiKey: 'canary-key with a space' });
  stage.keyedRoute('coding', 'openai');
  await stage.condition('coding', 'ResolvedRefs', 'False');
  stage.secret('openai', { apiKey: 'canary-key' });
  await stage.condition('coding', 'Ready', 'True');
  const events = stage.kube.list('events.k8s.io/v1', 'Event', 'ai');
  const said = JSON.stringify([stage.lines, events, [...stage.conditions('coding').values()]]);
  expect(said + (await stage.metrics())).not.toMatch(/canary/);
});

describe('a start', () => {
  test('with everything there writes one snapshot, with the keys', async () => {
    await using stage = await openCluster();
    stage.secret('openai', { apiKey: 'sk-1' });
    for (const name of ['a', 'b', 'c']) stage.keyedRoute(name, 'openai');
    await stage.start();
    for (const name of ['a', 'b', 'c']) await stage.condition(name, 'Ready', 'True');
    expect(stage.kube.seen({ phase: 'apply', path: /secrets\/snapshot$/ })).toHaveLength(1);
    expect(stage.keyOf('b')).toBe('sk-1');
  });

  test('waits for a namespace whose Secrets cannot be listed yet: no key is taken for deleted', async () => {
    await using stage = await openCluster();
    stage.secret('openai', { apiKey: 'sk-1' });
    stage.keyedRoute('coding', 'openai');
    const list = { phase: 'list', path: '/api/v1/namespaces/ai/secrets' } as const;
    const forbidden = stage.kube.fail(list, { kind: 'status', status: 403, reason: 'Forbidden' }, 2);
    await stage.start();
    await until(() => forbidden.used > 0, 'the first refusal');
    expect(await stage.ready()).toMatchObject({
      status: 503,
      reason: expect.stringMatching(/waiting for the first list of Secrets in namespace ai/),
    });
    await stage.condition('coding', 'Ready', 'True');
    const [first] = stage.kube.seen({ phase: 'apply', path: /secrets\/snapshot$/ });
    expect(first).toBeDefined();
    expect(stage.kube.seen({ phase: 'apply', path: /secrets\/snapshot$/ })).toHaveLength(1);
  });

  test('goes on without a namespace that stays unreadable, and its routes say why', async () => {
    await using stage = await openCluster();
    stage.secret('openai', { apiKey: 'sk-1' });
    stage.keyedRoute('closed', 'openai');
    stage.route('open');
    const list = { phase: 'list', path: '/api/v1/namespaces/ai/secrets' } as const;
    const forbidden = stage.kube.fail(list, { kind: 'status', status: 403, reason: 'Forbidden' }, 1000);
    await stage.start({ times: { readableWithinMs: 300 } });
    await stage.condition('open', 'Ready', 'True');
    const pending = await stage.condition('closed', 'ResolvedRefs', 'Unknown', 'Pending');
    expect(pending.message).toMatch(/cannot read the Secrets of namespace ai.*403/);
    expect(stage.snapshot()?.snapshot.routes.find(({ id }) => id === 'ai/closed')?.providers).toEqual([]);
    forbidden.stop();
    await stage.condition('closed', 'Ready', 'True');
    expect(stage.keyOf('closed')).toBe('sk-1');
  });
});

test('a namespace is not watched any more when its last route is gone', async () => {
  await using stage = await openStage();
  stage.keyedRoute('coding', 'openai');
  const watched = () => stage.kube.watches.some(({ path }) => path === '/api/v1/namespaces/ai/secrets');
  await until(watched, 'the watch');
  stage.removeRoute('coding');
  await until(() => !watched(), 'the end of the watch');
  await stage.servesOnly();
  expect(stage.kube.watches.map(({ path }) => path.split('/').at(-1))).toEqual([
    'responsesroutes',
    'endpointslices',
  ]);
});

test('keys of clients: a Secret without an entry lets nobody in, one with entries those', async () => {
  await using stage = await openStage();
  stage.secret('clients', {});
  stage.route('coding', {
    clients: { auth: { type: 'APIKey', secretRef: { name: 'clients' } } },
  });
  await stage.condition('coding', 'ResolvedRefs', 'False');
  const keys = () => {
    const auth = stage.snapshot()?.snapshot.routes[0]?.clients.auth;
    return auth?.type === 'APIKey' ? auth.keys.map(({ name }) => name) : 'open';
  };
  expect(keys()).toEqual([]);
  stage.secret('clients', { alice: 'key-of-alice', ci: 'key-of-ci' });
  await stage.condition('coding', 'Ready', 'True');
  expect(keys()).toEqual(['alice', 'ci']);
});

test('authorities of a provider come from a ConfigMap', async () => {
  await using stage = await openStage();
  stage.route('coding', {
    providers: [
      {
        name: 'main',
        url: 'https://provider.example/v1',
        auth: { type: 'None' },
        tls: { caCertificateRefs: [{ kind: 'ConfigMap', name: 'authority', key: 'ca.crt' }] },
      },
    ],
  });
  await stage.condition('coding', 'ResolvedRefs', 'False', 'InvalidCACertificateRef');
  stage.kube.put({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'ai', name: 'authority' },
    data: { 'ca.crt': stage.kube.ca },
  });
  await stage.condition('coding', 'Ready', 'True');
  expect(stage.snapshot()?.snapshot.routes[0]?.providers[0]?.tls.ca).toContain('BEGIN CERTIFICATE');
});

test('sidecars of a namespace get a snapshot of their own, with loopback providers', async () => {
  await using stage = await openStage({
    sidecars: { bridgeName: 'sidecar', namespaces: ['ai', 'team'] },
  });
  const providers = [{ name: 'main', url: 'http://127.0.0.1:8000/v1', auth: { type: 'None' } }];
  stage.route('local', { bridgeName: 'sidecar', providers });
  await stage.condition('local', 'Ready', 'True');
  expect(stage.served('ai')).toEqual(['ai/local']);
  await until(() => stage.served('team')?.length === 0, 'an empty snapshot of the other namespace');
  await stage.servesOnly();
  stage.route('central', { providers });
  await stage.condition('central', 'Accepted', 'False', 'Invalid');
});
