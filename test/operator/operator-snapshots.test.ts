/** The snapshot Secret and the Lease in the hands of others: changed, stolen, deleted, forbidden, nowhere. */
import { describe, expect, test } from '@jest/globals';
import { gunzipSync, gzipSync } from 'node:zlib';
import { OwnerAccounts } from '../../src/operator/owner-accounts.ts';
import { SnapshotSecret } from '../../src/operator/snapshot-secret.ts';
import { kubeClientOf } from '../harness/kube-client.ts';
import { openFakeKube } from '../harness/fake-kube.ts';
import { until } from '../harness/wait-for.ts';
import { openCluster, openStage, SNAPSHOT, type OperatorStage } from './operator-stage.ts';

const SECRET = { apiVersion: 'v1', kind: 'Secret', ...SNAPSHOT };
const OFTEN = 10_000;

/** What is in the Secret, changed by hand; version and annotations are left alone. */
function changeText(stage: OperatorStage, change: (text: string) => string): void {
  const secret = stage.kube.read(SECRET) as { readonly data?: Readonly<Record<string, string>> } | undefined;
  const text = gunzipSync(Buffer.from(secret?.data?.['snapshot'] ?? '', 'base64')).toString('utf8');
  const changed = gzipSync(change(text)).toString('base64');
  stage.kube.change(SECRET, { data: { snapshot: changed } });
}

function installedBy(stage: OperatorStage, installation: string): void {
  stage.kube.change(SECRET, { metadata: { annotations: { 'turnbridge.dev/installation': installation } } });
}

const originOf = (stage: OperatorStage) => stage.snapshot()?.snapshot.routes[0]?.providers[0]?.origin;

describe('a snapshot that somebody changed by hand', () => {
  test.each(['while the operator runs', 'while none ran'])(
    'is written anew, also when its version was left alone: %s',
    async (when) => {
      await using stage = await openStage({ times: { lookAgainMs: 100 } });
      stage.route('coding');
      await stage.condition('coding', 'Ready', 'True');
      const { generation } = stage.snapshot()!;
      if (when === 'while none ran') await stage.operator.close();
      changeText(stage, (text) => text.replace('https://provider.example', 'https://stranger.example'));
      expect(originOf(stage)).toBe('https://stranger.example');
      if (when === 'while none ran') await stage.start();
      await until(() => originOf(stage) === 'https://provider.example', 'our own again', 15_000);
      expect(stage.snapshot()!.generation).toBeGreaterThan(generation);
    },
  );

  test('is unpacked once, however often it is looked at', async () => {
    await using stage = await openStage();
    stage.route('coding');
    await stage.servesOnly('ai/coding');
    await using client = kubeClientOf(stage.kube);
    const owners = new OwnerAccounts({ client, name: undefined, facts: () => undefined });
    const about = {
      client,
      ...SNAPSHOT,
      bridgeName: 'default',
      installation: 'tb-test',
      version: '0.0.0',
      owners,
    };
    const secret = new SnapshotSecret(about);
    const { signal } = new AbortController();
    const first = await secret.read(signal);
    expect(first).toMatchObject({ kind: 'ours', content: { served: [{ compiled: { id: 'ai/coding' } }] } });
    stage.kube.change(SECRET, { metadata: { labels: { theirs: 'yes' } } });
    const { written } = first as { readonly written?: unknown };
    expect(await secret.read(signal)).toMatchObject({ kind: 'ours', content: undefined, written });
  });
});

test('a generation never falls below one that was tried, whatever the clock says', async () => {
  await using kube = await openFakeKube();
  await using stage = await openStage({ kube });
  await stage.servesOnly();
  const before = stage.snapshot()!.generation;
  // as a write whose answer was lost: it is stored, and the next one follows it
  stage.kube.fail(
    { phase: 'apply', path: /secrets\/snapshot$/ },
    { kind: 'cut', how: 'reset', after: 'nothing', late: true },
  );
  stage.route('coding');
  await stage.condition('coding', 'Ready', 'True');
  const lost = stage.snapshot()!.generation;
  expect(lost).toBeGreaterThan(before);
  stage.route('more');
  await stage.servesOnly('ai/coding', 'ai/more');
  expect(stage.snapshot()!.generation).toBeGreaterThan(lost);
});

describe('a snapshot Secret of another installation', () => {
  test('that is deleted is left to its owner by whoever stood by', async () => {
    await using stage = await openStage({ times: { lookAgainMs: 100 } });
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    await stage.operator.close();
    installedBy(stage, 'tb-owner');
    const standby = await stage.start({ installation: 'tb-standby', times: { lookAgainMs: 100 } });
    await until(async () => /belongs to/.test((await stage.ready(standby)).reason ?? ''), 'the sentence');
    stage.kube.remove(SECRET);
    await until(
      async () => /left to its owner: restart/.test((await stage.ready(standby)).reason ?? ''),
      'the other sentence',
      15_000,
    );
    expect(stage.snapshot()).toBeUndefined();
    await standby.close();
    await stage.start({ installation: 'tb-standby' });
    await stage.servesOnly('ai/coding');
  });

  test('that was ours: its routes say so, also those that are changed meanwhile, until it is ours again', async () => {
    await using stage = await openStage({ times: { lookAgainMs: 100 } });
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    installedBy(stage, 'tb-thief');
    const pending = await stage.condition('coding', 'Programmed', 'Unknown', 'Pending');
    expect(pending.message).toMatch(/belongs to the operator installation tb-thief/);
    const before = stage.kube.read(SECRET)!.metadata.resourceVersion;
    stage.route('coding', { hostnames: ['other.example.com'] });
    await until(() => stage.conditions('coding').get('Programmed')?.observedGeneration === 2, 'its status');
    stage.route('wrong', { providers: [] });
    await stage.condition('wrong', 'Accepted', 'False');
    expect(stage.kube.read(SECRET)!.metadata.resourceVersion).toBe(before);
    stage.kube.remove(SECRET);
    await stage.condition('coding', 'Ready', 'True');
    expect(stage.served()).toEqual(['ai/coding']);
  });
});

describe('an operator that can never lead', () => {
  test.each([
    ['may not have the Lease', { status: 403, reason: 'Forbidden' }, /Lease cannot be had.*manifests\/rbac/],
    [
      'has no namespace for it',
      { status: 404, reason: 'NotFound' },
      /Lease cannot be had.*create namespace turnbridge/,
    ],
  ])('because it %s is not ready, and says what helps', async (_, answer, sentence) => {
    await using stage = await openCluster();
    const failing = stage.kube.fail(
      { phase: 'create', path: /leases/ },
      { kind: 'status', ...answer },
      OFTEN,
    );
    await stage.start();
    await until(async () => sentence.test((await stage.ready()).reason ?? ''), 'the sentence');
    expect((await stage.ready()).status).toBe(503);
    expect(stage.lines.some(({ level, event }) => level === 'warn' && event === 'operator.lease')).toBe(true);
    failing.stop();
    await stage.servesOnly();
    await until(async () => (await stage.ready()).status === 200, 'it ready');
  });
});

test('a namespace with sidecars whose Secret cannot be written leaves the operator ready, and its routes say so', async () => {
  await using stage = await openCluster();
  stage.kube.fail(
    { phase: 'apply', path: '/api/v1/namespaces/ai/secrets/snapshot' },
    { kind: 'status', status: 404, reason: 'NotFound', message: 'namespaces "ai" not found' },
    OFTEN,
  );
  stage.route('local', { bridgeName: 'sidecar' });
  stage.route('coding');
  await stage.start({ sidecars: { bridgeName: 'sidecar', namespaces: ['ai'] } });
  await stage.condition('coding', 'Ready', 'True');
  const pending = await stage.condition('local', 'Programmed', 'Unknown', 'Pending');
  expect(pending.message).toMatch(/cannot be written.*404.*create the namespace, or write another one/);
  await until(async () => (await stage.ready()).status === 200, 'it ready');
});

test('a namespace with sidecars whose Secret is another installation’s leaves the operator ready, and that is logged', async () => {
  await using stage = await openCluster();
  stage.kube.put({
    ...SECRET,
    type: 'turnbridge.dev/snapshot',
    metadata: {
      namespace: 'ai',
      name: SNAPSHOT.name,
      annotations: { 'turnbridge.dev/installation': 'tb-other' },
    },
  });
  await stage.start({ sidecars: { bridgeName: 'sidecar', namespaces: ['ai'] } });
  await until(
    () => stage.lines.some(({ level, event }) => level === 'error' && event === 'operator.snapshot'),
    'the log line',
  );
  await stage.servesOnly();
  await until(async () => (await stage.ready()).status === 200, 'it ready');
  expect(await stage.metrics()).toMatch(/snapshot_foreign\{secret="ai\/snapshot"\} 1$/m);
});

test('a snapshot without bridge pods is not counted as confirmed', async () => {
  await using stage = await openStage({ pods: 0 });
  stage.route('coding');
  await stage.condition('coding', 'Programmed', 'False', 'NoReadyPods');
  expect(await stage.metrics()).not.toMatch(/confirm_seconds_count [1-9]/);
  expect(stage.lines.some(({ msg }) => msg.includes('all ready pods'))).toBe(false);
});
