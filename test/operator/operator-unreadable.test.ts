/** What cannot be read, at the start and later: it takes nothing out of service, and that is said. */
import { describe, expect, test } from '@jest/globals';
import type { Fault } from '../harness/fake-kube-faults.ts';
import { until } from '../harness/wait-for.ts';
import { openCluster, openStage, type OperatorStage } from './operator-stage.ts';

const SECRETS = '/api/v1/namespaces/ai/secrets';
const FORBIDDEN: Fault = { kind: 'status', status: 403, reason: 'Forbidden', message: 'no right' };
const BUSY: Fault = { kind: 'status', status: 429, message: 'too many' };
const OFTEN = 10_000;

/** A route with a key that is served, and no operator any more. */
async function openLeft(): Promise<OperatorStage> {
  const stage = await openStage();
  stage.secret('openai', { apiKey: 'sk-1' });
  stage.secret('clients', { alice: 'key-of-alice' });
  stage.keyedRoute('coding', 'openai', {
    clients: { auth: { type: 'APIKey', secretRef: { name: 'clients' } } },
  });
  await stage.condition('coding', 'Ready', 'True');
  await stage.operator.close();
  return stage;
}

describe('a start while Secrets cannot be listed', () => {
  test.each([
    ['is refused', FORBIDDEN, /403.*no right.*: give its service account list and watch there/],
    ['is put off', BUSY, /429.*: it tries again until it can/],
  ])('and that %s leaves the routes as they were, with their keys', async (_, fault, sentence) => {
    await using stage = await openLeft();
    const before = stage.snapshot()!;
    const failing = stage.kube.fail({ phase: 'list', path: SECRETS }, fault, OFTEN);
    const again = await stage.start({ times: { readableWithinMs: 300 } });
    const pending = await stage.condition('coding', 'ResolvedRefs', 'Unknown', 'Pending');
    expect(pending.message).toMatch(sentence);
    expect(pending.message).toMatch(/the route is served as it was$/);
    expect(stage.snapshot()).toEqual(before);
    // another route is decided on all the same
    stage.route('open');
    await stage.servesOnly('ai/coding', 'ai/open');
    expect(stage.keyOf('coding')).toBe('sk-1');
    expect(stage.snapshot()?.snapshot.routes[0]?.clients).toEqual(before.snapshot.routes[0]?.clients);
    expect(await stage.metrics(again)).toMatch(/unreadable_namespaces 1$/m);
    failing.stop();
    await stage.condition('coding', 'Ready', 'True');
    stage.secret('openai', { apiKey: 'sk-2' });
    await until(() => stage.keyOf('coding') === 'sk-2', 'the new key');
    expect(await stage.metrics(again)).toMatch(/unreadable_namespaces 0$/m);
  });

  test('for a while is not ready; without the right it is, once nobody waits any longer', async () => {
    await using stage = await openLeft();
    const busy = stage.kube.fail({ phase: 'list', path: SECRETS }, BUSY, OFTEN);
    const again = await stage.start({ times: { readableWithinMs: 100 } });
    await stage.condition('coding', 'ResolvedRefs', 'Unknown');
    expect(await stage.ready(again)).toMatchObject({
      status: 503,
      reason: expect.stringMatching(/waiting for the first list of Secrets in namespace ai .*429/),
    });
    busy.stop();
    stage.kube.fail({ phase: 'list', path: SECRETS }, FORBIDDEN, OFTEN);
    await until(async () => (await stage.ready(again)).status === 200, 'it ready', 15_000);
  });

  test('a host that the route has no more is not served by what it was', async () => {
    await using stage = await openLeft();
    stage.keyedRoute('coding', 'openai', {
      clients: { auth: { type: 'APIKey', secretRef: { name: 'clients' } } },
      hostnames: ['moved.example.com'],
    });
    stage.kube.fail({ phase: 'list', path: SECRETS }, FORBIDDEN, OFTEN);
    await stage.start({ times: { readableWithinMs: 100 } });
    await stage.condition('coding', 'ResolvedRefs', 'Unknown');
    await until(() => stage.snapshot()?.served[0]?.hostnames[0] === 'moved.example.com', 'the other host');
    expect(stage.snapshot()?.snapshot.routes[0]?.providers).toEqual([]);
  });
});

describe('a Secret that a route begins to name', () => {
  test('and that may not be read holds up nothing but that route', async () => {
    await using stage = await openStage({ times: { readableWithinMs: 200 } });
    for (const name of ['first', 'second']) stage.secret(name, { apiKey: `sk-${name}` });
    stage.keyedRoute('coding', 'first');
    await stage.condition('coding', 'Ready', 'True');
    const forbidden = stage.kube.fail({ phase: 'get', path: `${SECRETS}/second` }, FORBIDDEN, OFTEN);
    stage.keyedRoute('coding', 'second');
    const pending = await stage.condition('coding', 'ResolvedRefs', 'Unknown', 'Pending');
    expect(pending.message).toMatch(/cannot read the Secret second of namespace ai.*403/);
    expect(pending.message).toMatch(/the route is served as it was$/);
    expect(pending.observedGeneration).toBe(2);
    stage.secret('first', { apiKey: 'sk-rotated' });
    stage.route('other');
    await stage.condition('other', 'Ready', 'True');
    await until(() => stage.keyOf('coding') === 'sk-rotated', 'the new key of the earlier form');
    forbidden.stop();
    await until(() => stage.keyOf('coding') === 'sk-second', 'the key of the new form', 15_000);
    await stage.condition('coding', 'Ready', 'True');
  });

  test('and about which no answer comes does not slow down the others', async () => {
    await using stage = await openStage();
    for (const name of ['first', 'second']) stage.secret(name, { apiKey: `sk-${name}` });
    stage.keyedRoute('coding', 'first');
    await stage.condition('coding', 'Ready', 'True');
    const answer = Promise.withResolvers<void>();
    const held = stage.kube.fail(
      { phase: 'get', path: `${SECRETS}/second` },
      { kind: 'hold', until: answer.promise },
    );
    stage.keyedRoute('coding', 'second');
    await until(() => held.used === 1, 'the question');
    stage.route('other');
    await stage.condition('other', 'Ready', 'True');
    expect(stage.keyOf('coding')).toBe('sk-first');
    answer.resolve();
    await until(() => stage.keyOf('coding') === 'sk-second', 'the key of the new form');
  });
});

test('what cannot be read any more goes on as it was read last, and that is said until it can be again', async () => {
  await using stage = await openStage({ times: { staleAfterMs: 100 } });
  stage.secret('openai', { apiKey: 'sk-1' });
  stage.keyedRoute('coding', 'openai');
  await stage.condition('coding', 'Ready', 'True');
  const forbidden = stage.kube.fail({ phase: ['list', 'watch'], path: SECRETS }, FORBIDDEN, OFTEN);
  for (const watch of stage.kube.watches) if (watch.path === SECRETS) watch.end();
  const stale = await stage.condition('coding', 'ResolvedRefs', 'Unknown', 'Pending');
  expect(stale.message).toMatch(/cannot read the Secrets of namespace ai.*403.*give its service account/);
  expect(stale.message).toMatch(/what was read last is in effect/);
  expect(stage.keyOf('coding')).toBe('sk-1');
  expect(await stage.metrics()).toMatch(/unreadable_namespaces 1$/m);
  expect(stage.lines.filter(({ msg }) => msg.startsWith('namespace unreadable'))).toHaveLength(1);
  stage.secret('openai', { apiKey: 'sk-2' });
  forbidden.stop();
  await until(() => stage.keyOf('coding') === 'sk-2', 'the new key', 20_000);
  await stage.condition('coding', 'Ready', 'True');
  expect(await stage.metrics()).toMatch(/unreadable_namespaces 0$/m);
});

test('while the API server is too busy to say what changed, the log and a metric say so, and no status does', async () => {
  await using stage = await openStage({ times: { staleAfterMs: 100 } });
  stage.secret('openai', { apiKey: 'sk-1' });
  stage.keyedRoute('coding', 'openai');
  await stage.condition('coding', 'Ready', 'True');
  const before = stage.lastWords().length;
  stage.kube.fail({ phase: ['list', 'watch'], path: SECRETS }, BUSY, OFTEN);
  for (const watch of stage.kube.watches) if (watch.path === SECRETS) watch.end();
  await until(async () => /unreadable_namespaces 1$/m.test(await stage.metrics()), 'the metric', 15_000);
  stage.route('other');
  await stage.condition('other', 'Ready', 'True');
  expect(stage.lines.some(({ msg }) => msg.startsWith('namespace unreadable'))).toBe(true);
  expect(stage.conditions('coding').get('ResolvedRefs')?.status).toBe('True');
  expect(stage.lastWords().slice(before)).toHaveLength(2); // the snapshot, and the status of the other one
});

test('a namespace whose routes cannot be listed keeps its routes and its hosts, and the others are decided', async () => {
  const namespaces = ['ai', 'team'];
  await using stage = await openStage({ namespaces });
  stage.route('coding');
  stage.route('theirs', {}, { namespace: 'team' });
  await stage.servesOnly('ai/coding', 'team/theirs');
  await stage.operator.close();
  const path = /namespaces\/team\/responsesroutes/;
  const forbidden = stage.kube.fail({ phase: 'list', path }, FORBIDDEN, OFTEN);
  const again = await stage.start({ namespaces, times: { readableWithinMs: 300 } });
  stage.route('more');
  stage.route('thief', { hostnames: ['theirs.example.com'] });
  await stage.servesOnly('ai/coding', 'ai/more', 'team/theirs');
  await stage.condition('thief', 'Accepted', 'False', 'HostnameNotAllowed');
  // the namespace may be gone for good: an operator that never gets ready would hold up a rollout for all others
  await until(async () => (await stage.ready(again)).status === 200, 'it ready');
  expect(stage.lines.filter(({ event }) => event === 'operator.watch').at(-1)?.fields['reason']).toMatch(
    /namespaces\/team\/.*403.*manifests\/rbac.*, and leave out one that is gone$/,
  );
  forbidden.stop();
  stage.kube.remove({
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    namespace: 'team',
    name: 'theirs',
  });
  await stage.condition('thief', 'Accepted', 'True');
  await stage.servesOnly('ai/coding', 'ai/more', 'ai/thief');
});

test('a namespace of sidecars whose routes cannot be listed is waited for first, and then leaves the operator ready', async () => {
  const namespaces = ['ai'];
  const sidecars = { bridgeName: 'sidecar', namespaces: ['gone'] };
  await using stage = await openCluster();
  stage.kube.fail({ phase: 'list', path: /namespaces\/gone\/responsesroutes/ }, FORBIDDEN, OFTEN);
  const patient = await stage.start({ namespaces, sidecars });
  stage.route('coding');
  await stage.condition('coding', 'Ready', 'True');
  expect(await stage.ready(patient)).toMatchObject({
    status: 503,
    reason: expect.stringMatching(/first list of routes .*namespaces\/gone\/.*403.*manifests\/rbac/),
  });
  await patient.close();
  const again = await stage.start({ namespaces, sidecars, times: { readableWithinMs: 300 } });
  await until(async () => (await stage.ready(again)).status === 200, 'it ready');
});

test('a CRD that is not there is asked for by name, and found soon after it is applied', async () => {
  await using stage = await openCluster();
  stage.route('coding');
  const missing = stage.kube.fail(
    { phase: 'list', path: /responsesroutes$/ },
    { kind: 'status', status: 404, reason: 'NotFound' },
    OFTEN,
  );
  await stage.start();
  await until(
    async () => (await stage.ready()).reason?.includes('kubectl apply -f manifests/crd'),
    'the sentence',
  );
  await until(() => missing.used >= 3, 'three tries', 15_000);
  missing.stop();
  await stage.condition('coding', 'Ready', 'True');
  expect(stage.served()).toEqual(['ai/coding']);
});
