/** Who owns what the operator writes, before a fake API server; test/cluster/owners.test.ts has a real garbage collector. */
import { describe, expect, jest, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { openCluster, SNAPSHOT, type OperatorStage } from './operator-stage.ts';

const ACCOUNT = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: 'turnbridge', name: 'operator' };
const SECRET = { apiVersion: 'v1', kind: 'Secret', ...SNAPSHOT };
const LEASE = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'turnbridge',
  name: 'turnbridge-operator',
};
/** Looks and renewals come often, and on a machine that does much else no Lease is lost. */
const TIMES = {
  lookAgainMs: 100,
  lease: { leaseDurationMs: 30_000, renewDeadlineMs: 20_000, retryPeriodMs: 100 },
};
const OWNED = { ownerServiceAccount: 'operator', times: TIMES };
const WAIT_MS = 30_000;

jest.setTimeout(90_000);

function makeAccount(stage: OperatorStage, uid: string, namespace = ACCOUNT.namespace): void {
  const { apiVersion, kind, name } = ACCOUNT;
  if (stage.kube.read({ ...ACCOUNT, namespace }) !== undefined) stage.kube.remove({ ...ACCOUNT, namespace });
  stage.kube.put({ apiVersion, kind, metadata: { namespace, name, uid } });
}

function ownersOf(stage: OperatorStage, of: typeof SECRET): unknown {
  return stage.kube.read(of)?.metadata['ownerReferences'];
}

const owner = (uid: unknown) => [{ apiVersion: 'v1', kind: 'ServiceAccount', name: 'operator', uid }];
const uidIn = (stage: OperatorStage, namespace = ACCOUNT.namespace): unknown =>
  stage.kube.read({ ...ACCOUNT, namespace })?.metadata.uid;

function untilOwned(stage: OperatorStage, of: typeof SECRET): Promise<unknown> {
  const wanted = JSON.stringify(owner(uidIn(stage, of.namespace)));
  return until(() => JSON.stringify(ownersOf(stage, of)) === wanted, `the owner of ${of.kind}`, WAIT_MS);
}

const complaints = (stage: OperatorStage): readonly unknown[] =>
  stage.lines.filter(({ event }) => event === 'operator.owner').map(({ fields }) => fields['reason']);

test('snapshot Secrets, those of sidecars too, and the Lease belong to the account of their namespace', async () => {
  await using stage = await openCluster();
  makeAccount(stage, 'one');
  makeAccount(stage, 'two', 'team');
  await stage.start({ ...OWNED, sidecars: { bridgeName: 'sidecar', namespaces: ['team'] } });
  await untilOwned(stage, SECRET);
  await untilOwned(stage, { ...SECRET, namespace: 'team' });
  await untilOwned(stage, LEASE);
  expect(uidIn(stage)).not.toBe(uidIn(stage, 'team'));
  expect(complaints(stage)).toEqual([]);
});

test('nothing has an owner, and no account is asked for, without the flag', async () => {
  await using stage = await openCluster();
  makeAccount(stage, 'one');
  await stage.start({ times: TIMES });
  stage.route('coding');
  await stage.condition('coding', 'Ready', 'True');
  expect([ownersOf(stage, SECRET), ownersOf(stage, LEASE)]).toEqual([undefined, undefined]);
  expect(stage.kube.requests.filter(({ path }) => path.includes('serviceaccounts'))).toEqual([]);
});

describe('an account that is not there', () => {
  test('is told once, keeps nothing from being written, and owns all of it when it comes', async () => {
    await using stage = await openCluster();
    await stage.start(OWNED);
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    const { length } = stage.kube.requests;
    const asked = () => stage.kube.requests.slice(length).filter(({ path }) => /serviceaccounts/.test(path));
    await until(() => asked().length > 2, 'that it is looked for again', WAIT_MS);
    expect(complaints(stage)).toEqual([
      'ServiceAccount turnbridge/operator is not there, so what is written there has no owner and stays when this installation goes: create it, or leave --owner-service-account out',
    ]);
    expect(ownersOf(stage, SECRET)).toBeUndefined();
    expect((await stage.ready()).status).toBe(200);
    makeAccount(stage, 'late');
    await untilOwned(stage, SECRET);
    await untilOwned(stage, LEASE);
    await stage.servesOnly('ai/coding');
  });
});

describe('an account that may not be read', () => {
  test('is told with the right that is missing, and keeps nothing from being written', async () => {
    await using stage = await openCluster();
    makeAccount(stage, 'one');
    stage.kube.fail(
      { phase: 'get', path: /serviceaccounts/ },
      { kind: 'status', status: 403, reason: 'Forbidden' },
      1000,
    );
    await stage.start(OWNED);
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    expect(complaints(stage)).toEqual([expect.stringMatching(/cannot be read .*403.*manifests\/rbac$/)]);
    expect(ownersOf(stage, SECRET)).toBeUndefined();
  });

  test('leaves the owner that there is', async () => {
    await using stage = await openCluster();
    makeAccount(stage, 'one');
    await stage.start(OWNED);
    await untilOwned(stage, SECRET);
    await stage.operator.close();
    stage.kube.fail(
      { phase: 'get', path: /serviceaccounts/ },
      { kind: 'status', status: 403, reason: 'Forbidden' },
      1000,
    );
    stage.route('coding');
    await stage.start(OWNED);
    await stage.servesOnly('ai/coding');
    expect(ownersOf(stage, SECRET)).toEqual(owner(uidIn(stage)));
  });
});

describe('an account that was deleted', () => {
  test('owns what is written after it, which is therefore deleted again', async () => {
    await using stage = await openCluster();
    makeAccount(stage, 'one');
    await stage.start(OWNED);
    await untilOwned(stage, SECRET);
    const gone = owner(uidIn(stage));
    stage.kube.remove(ACCOUNT);
    stage.kube.remove(SECRET);
    await until(() => stage.kube.read(SECRET) !== undefined, 'the second write', WAIT_MS);
    expect(ownersOf(stage, SECRET)).toEqual(gone);
    await until(() => complaints(stage).length > 0, 'a word about it');
    expect(complaints(stage)).toEqual([expect.stringMatching(/was deleted, and Kubernetes deletes/)]);
  });

  test('and came again owns what is written then', async () => {
    await using stage = await openCluster();
    makeAccount(stage, 'one');
    await stage.start(OWNED);
    await untilOwned(stage, SECRET);
    const before = uidIn(stage);
    makeAccount(stage, 'two');
    expect(uidIn(stage)).not.toBe(before);
    stage.kube.remove(SECRET);
    await untilOwned(stage, SECRET);
    await untilOwned(stage, LEASE);
  });
});

describe('an API server that lets nobody change owners', () => {
  /** Some writes of the Secret are refused from the moment on at which it is to be given an owner. */
  async function startRefused(stage: OperatorStage, times: number): Promise<void> {
    await stage.start(OWNED);
    await until(() => stage.kube.read(SECRET) !== undefined, 'the first write', WAIT_MS);
    const match = { phase: 'apply', path: /secrets\/snapshot$/ } as const;
    stage.kube.fail(match, { kind: 'status', status: 403, reason: 'Forbidden' }, times);
    makeAccount(stage, 'late');
  }
  const isTold = (stage: OperatorStage): boolean =>
    complaints(stage).some((each) => /delete it once/.test(String(each)));

  test('is given the Secret without, and with its owner when that was deleted, as the log says', async () => {
    await using stage = await openCluster();
    await startRefused(stage, 1);
    await until(() => isTold(stage), 'a word', WAIT_MS);
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    expect(ownersOf(stage, SECRET)).toBeUndefined();
    stage.kube.remove(SECRET);
    await untilOwned(stage, SECRET);
    await stage.servesOnly('ai/coding');
  });

  test('is not taken for one that refuses every write for a while', async () => {
    await using stage = await openCluster();
    await startRefused(stage, 4);
    await untilOwned(stage, SECRET);
    expect(isTold(stage)).toBe(false);
  });
});
