/** The route of a demo installation: made by the leader, and nobody else's touched. */
import { expect, jest, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { openCluster, SNAPSHOT, type OperatorStage } from './operator-stage.ts';

const { namespace } = SNAPSHOT;
const SERVICE = { apiVersion: 'v1', kind: 'Service', namespace, name: 'tb-demo' };
const ROUTE = { apiVersion: 'turnbridge.dev/v1alpha1', kind: 'ResponsesRoute', namespace, name: 'demo' };
const WAIT_MS = 30_000;

jest.setTimeout(90_000);

function makeService(stage: OperatorStage): void {
  const { apiVersion, kind, name } = SERVICE;
  stage.kube.put({ apiVersion, kind, metadata: { namespace, name }, spec: { ports: [{ port: 8788 }] } });
}

const readRoute = (stage: OperatorStage) => stage.kube.read(ROUTE);
const words = (stage: OperatorStage) => stage.lines.filter(({ event }) => event === 'operator.demo');
const made = (stage: OperatorStage) => stage.kube.seen({ phase: 'apply', path: /responsesroutes\/demo$/ });

test('the leader makes it once, owned by the Service, and it is served', async () => {
  await using stage = await openCluster();
  makeService(stage);
  await stage.start({ demoProvider: 'tb-demo' });
  await stage.start({ demoProvider: 'tb-demo' });
  await stage.servesOnly('turnbridge/demo');
  const { spec, metadata } = readRoute(stage)!;
  expect(spec).toEqual({
    bridgeName: 'default',
    clients: { auth: { type: 'None' } },
    providers: [{ name: 'demo', url: 'http://tb-demo.turnbridge.svc:8788/v1', auth: { type: 'None' } }],
  });
  const { uid } = stage.kube.read(SERVICE)!.metadata;
  expect(metadata['ownerReferences']).toEqual([{ apiVersion: 'v1', kind: 'Service', name: 'tb-demo', uid }]);
  await until(
    () => stage.conditions('demo', namespace).get('Ready')?.status === 'True',
    'its status',
    WAIT_MS,
  );
  expect(made(stage)).toHaveLength(1);
  expect(words(stage)).toMatchObject([
    { level: 'info', fields: { url: 'http://tb-demo.turnbridge.svc:8788/v1' } },
  ]);
});

test('somebody who deletes it gets it again, and somebody who changes it keeps the change', async () => {
  await using stage = await openCluster();
  makeService(stage);
  await stage.start({ demoProvider: 'tb-demo', times: { lookAgainMs: 100 } });
  await stage.servesOnly('turnbridge/demo');
  stage.kube.remove(ROUTE);
  await until(() => made(stage).length === 2 && readRoute(stage) !== undefined, 'the second one', WAIT_MS);
  stage.kube.change(ROUTE, { spec: { hostnames: ['x.example.com'] } });
  const looks = () => stage.kube.seen({ phase: 'get', path: /services\/tb-demo$/ }).length;
  const before = looks();
  await until(() => looks() > before + 1, 'another look', WAIT_MS);
  expect(readRoute(stage)?.['spec']).toMatchObject({ hostnames: ['x.example.com'] });
  expect(made(stage)).toHaveLength(2);
});

test('a route of that name that somebody else made is never written, which is told once', async () => {
  await using stage = await openCluster();
  makeService(stage);
  stage.route('demo', {}, { namespace });
  const before = stage.kube.read(ROUTE)!['spec'];
  await stage.start({ demoProvider: 'tb-demo', times: { lookAgainMs: 100 } });
  await stage.servesOnly('turnbridge/demo');
  const looks = () => stage.kube.seen({ phase: 'get', path: /services\/tb-demo$/ }).length;
  await until(() => looks() > 2, 'another look', WAIT_MS);
  expect(readRoute(stage)!['spec']).toEqual(before);
  expect(made(stage)).toEqual([]);
  expect(words(stage)).toMatchObject([{ level: 'warn', fields: { state: 'left' } }]);
});

test('a Service that comes late is waited for, and one that is missing keeps the operator from nothing', async () => {
  await using stage = await openCluster();
  await stage.start({ demoProvider: 'tb-demo' });
  stage.route('coding');
  await stage.condition('coding', 'Ready', 'True');
  await until(() => words(stage).length > 0, 'a word about it', WAIT_MS);
  expect((await stage.ready()).status).toBe(200);
  makeService(stage);
  await stage.servesOnly('ai/coding', 'turnbridge/demo');
  expect(words(stage)).toMatchObject([{ fields: { state: 'waiting' } }, { msg: 'demo route made' }]);
});

test('a right that is missing is told, and it is tried again', async () => {
  await using stage = await openCluster();
  makeService(stage);
  const match = { phase: 'apply', path: /responsesroutes\/demo$/ } as const;
  stage.kube.fail(match, { kind: 'status', status: 403, reason: 'Forbidden' });
  await stage.start({ demoProvider: 'tb-demo' });
  await stage.servesOnly('turnbridge/demo');
  expect(words(stage)[0]?.fields['reason']).toMatch(/403.*manifests\/rbac\/operator-demo\.yaml$/);
});
