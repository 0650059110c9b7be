/** Owners and the demo route, by a real garbage collector and a real judge of rights. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { openOwnCluster } from './own-cluster.ts';
import { applyRbac } from './rbac-manifests.ts';
import type { LogLine } from './product-process.ts';
import { openStage, SNAPSHOT_SECRET, type RunningOperator, type Stage } from './stage.ts';
import { testWithFaults } from './start-control-plane.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();

const ACCOUNT = 'turnbridge-owner';
const OWNED = { args: ['--owner-service-account', ACCOUNT] };
const LEASE = 'turnbridge-operator';
/** The garbage collector learns of a new kind within half a minute. */
const COLLECTED_MS = 90_000;
/** The operator looks again each half minute; more, for a machine that does much else. */
const LOOKED_MS = 90_000;

interface Read {
  readonly metadata: { readonly uid: string; readonly ownerReferences?: readonly { uid: string }[] };
  readonly spec?: unknown;
}

async function read(
  stage: Stage,
  kind: string,
  name: string,
  of = stage.namespace,
): Promise<Read | undefined> {
  const { stdout } = await stage.kubectl(['get', kind, name, '-n', of, '-o', 'json', '--ignore-not-found']);
  return stdout === '' ? undefined : (JSON.parse(stdout) as Read);
}

async function remove(stage: Stage, kind: string, name: string, of = stage.namespace): Promise<void> {
  const { code, stderr } = await stage.kubectl(['delete', kind, name, '-n', of, '--wait=false']);
  if (code !== 0) throw new Error(stderr);
}

function gone(stage: Stage, kind: string, name: string, of = stage.namespace): Promise<true> {
  const isGone = async (): Promise<boolean> => (await read(stage, kind, name, of)) === undefined;
  return until(isGone, `the end of ${kind} ${of}/${name}`, COLLECTED_MS);
}

/** An account that only owns: the operator's token stays good when it is deleted. */
async function makeAccount(stage: Stage, of = stage.namespace): Promise<string> {
  await stage.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ACCOUNT, namespace: of } });
  return (await read(stage, 'serviceaccount', ACCOUNT, of))!.metadata.uid;
}

/** The rights of manifests/rbac are for the operator's own account. */
async function allowAccount(stage: Stage, of = stage.namespace): Promise<void> {
  const metadata = { name: 'owner', namespace: of };
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata };
  const rule = {
    apiGroups: [''],
    resources: ['serviceaccounts'],
    resourceNames: [ACCOUNT],
    verbs: ['get'],
  };
  const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'owner' };
  const subject = { kind: 'ServiceAccount', name: 'turnbridge-operator', namespace: stage.namespace };
  await stage.apply({ ...rbac, kind: 'Role', rules: [rule] });
  await stage.apply({ ...rbac, kind: 'RoleBinding', roleRef: role, subjects: [subject] });
}

/** The first line of that event that is meant, past or future. */
function said(
  operator: RunningOperator,
  event: string,
  isMeant: (line: LogLine) => boolean,
): Promise<LogLine> {
  return until(
    () => operator.logs().find((line) => line.event === event && isMeant(line)),
    `a line ${event}`,
    LOOKED_MS,
  );
}

async function owned(stage: Stage, kind: string, name: string, uid: string, of?: string): Promise<void> {
  const isOwned = async (): Promise<boolean> =>
    (await read(stage, kind, name, of))?.metadata.ownerReferences?.[0]?.uid === uid;
  await until(isOwned, `the owner of ${kind} ${name}`, LOOKED_MS);
}

describe('the account that owns', () => {
  test('takes Secrets and Lease along, and what is written after it does not stay either', async () => {
    await using stage = await openStage(cluster);
    const team = await cluster.namespace();
    await applyRbac(cluster, 'operator-sidecars', { turnbridge: stage.namespace, teamA: team });
    const uids = { own: await makeAccount(stage), team: await makeAccount(stage, team) };
    await allowAccount(stage);
    await allowAccount(stage, team);
    const operator = await stage.startOperator({ args: [...OWNED.args, '--sidecar-namespaces', team] });
    await stage.apply(stage.route('coding'));
    await owned(stage, 'secret', SNAPSHOT_SECRET, uids.own);
    await owned(stage, 'secret', SNAPSHOT_SECRET, uids.team, team);
    await owned(stage, 'lease', LEASE, uids.own);
    await remove(stage, 'serviceaccount', ACCOUNT);
    await remove(stage, 'serviceaccount', ACCOUNT, team);
    await gone(stage, 'secret', SNAPSHOT_SECRET);
    await gone(stage, 'secret', SNAPSHOT_SECRET, team);
    // it leads on, and writes the Lease anew every two seconds; told by its log, it writes the Secret too
    const { reason } = await operator.line('operator.owner', 60_000);
    expect(reason).toMatch(/was deleted, and Kubernetes deletes what it owned/);
    await stage.apply(stage.route('more'));
    await said(operator, 'operator.snapshot', ({ routes }) => routes === 2);
    await operator.close();
    await gone(stage, 'secret', SNAPSHOT_SECRET);
    await gone(stage, 'lease', LEASE);
  }, 300_000);

  test('is gone without: nothing is kept from being written, and the log says what is missing', async () => {
    await using stage = await openStage(cluster);
    const operator = await stage.startOperator(OWNED);
    const { reason } = await operator.line('operator.owner');
    expect(reason).toMatch(/serviceaccounts "turnbridge-owner" is forbidden.*manifests\/rbac$/);
    await stage.apply(stage.route('coding'));
    await stage.condition('coding', 'Programmed', 'False'); // no bridge runs: it is written
    expect((await read(stage, 'secret', SNAPSHOT_SECRET))?.metadata.ownerReferences).toBeUndefined();
    const uid = await makeAccount(stage);
    await allowAccount(stage);
    await owned(stage, 'secret', SNAPSHOT_SECRET, uid);
    await owned(stage, 'lease', LEASE, uid);
  }, 240_000);

  testWithFaults(
    'where only those may change owners who may delete, new objects have it and old ones go without',
    async () => {
      const apiServerFlags = ['--enable-admission-plugins=OwnerReferencesPermissionEnforcement'];
      await using own = await openOwnCluster({ apiServerFlags });
      await using stage = await openStage(own.cluster);
      const operator = await stage.startOperator(OWNED);
      await operator.line('operator.snapshot');
      const uid = await makeAccount(stage);
      await allowAccount(stage);
      await said(operator, 'operator.owner', ({ reason }) => /Secret .* delete it once/.test(String(reason)));
      await said(operator, 'operator.owner', ({ lease }) => lease === LEASE);
      await remove(stage, 'lease', LEASE);
      await operator.close();
      await remove(stage, 'secret', SNAPSHOT_SECRET);
      await stage.startOperator(OWNED);
      await owned(stage, 'secret', SNAPSHOT_SECRET, uid);
    },
    240_000,
  );
});

test('the demo route is made, served, made again, and goes with its Service', async () => {
  await using stage = await openStage(cluster);
  await applyRbac(cluster, 'operator-demo', { turnbridge: stage.namespace });
  const name = 'turnbridge-demo';
  const metadata = { name, namespace: stage.namespace };
  await stage.apply({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 8788 }] } });
  const operator = await stage.startOperator({ args: ['--demo-provider', name] });
  await stage.condition('demo', 'Accepted', 'True');
  const first = await read(stage, 'responsesroute', 'demo');
  const url = `http://${name}.${stage.namespace}.svc:8788/v1`;
  expect(first?.spec).toMatchObject({ bridgeName: stage.bridgeName, providers: [{ name: 'demo', url }] });
  await remove(stage, 'responsesroute', 'demo');
  const isNew = async (): Promise<boolean> => {
    const uid = (await read(stage, 'responsesroute', 'demo'))?.metadata.uid;
    return uid !== undefined && uid !== first?.metadata.uid;
  };
  await until(isNew, 'another one', LOOKED_MS);
  await remove(stage, 'service', name);
  await gone(stage, 'responsesroute', 'demo');
  await said(operator, 'operator.demo', ({ state }) => state === 'waiting');
}, 180_000);
