/** What an operator makes of what an earlier one left behind, and of what it cannot know yet. */
import { expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { openCluster, openStage, SNAPSHOT } from './operator-stage.ts';

const SECRET = { apiVersion: 'v1', kind: 'Secret', ...SNAPSHOT };

test('a restart with a bridge pod that does not answer writes no status', async () => {
  await using stage = await openStage({ pods: 2 });
  for (const name of ['one', 'two', 'three']) {
    stage.route(name);
    await stage.condition(name, 'Ready', 'True');
  }
  await stage.operator.close();
  stage.pods[1]!.says = () => undefined;
  stage.lines.length = 0;
  const before = stage.writes().length;
  await stage.start();
  // the asking has ended, and what there was to say is said
  await until(
    () => stage.lines.some(({ event }) => event === 'operator.pods'),
    'the end of the asking',
    30_000,
  );
  expect(stage.writes().slice(before)).toEqual([]);
  expect(stage.conditions('two').get('Ready')?.status).toBe('True');
}, 60_000);

test('a Secret that was deleted while no operator ran comes back with a larger generation', async () => {
  await using stage = await openStage();
  stage.route('coding');
  await stage.condition('coding', 'Ready', 'True');
  const { generation } = stage.snapshot()!;
  await stage.operator.close();
  stage.kube.remove(SECRET);
  // generations are seconds at the least: within one second there is no larger one without the old
  await until(() => Date.now() / 1000 > generation + 1, 'the next second');
  await stage.start();
  await stage.servesOnly('ai/coding');
  expect(stage.snapshot()!.generation).toBeGreaterThan(generation);
});

test('while the pods are not known, routes are told what is known of them', async () => {
  await using stage = await openCluster();
  const list = { phase: 'list', path: /endpointslices/ } as const;
  const forbidden = stage.kube.fail(list, { kind: 'status', status: 403, reason: 'Forbidden' }, 1000);
  stage.route('sound');
  stage.keyedRoute('keyed', 'missing');
  await stage.start();
  await stage.condition('keyed', 'ResolvedRefs', 'False', 'SecretNotFound');
  await stage.condition('sound', 'Accepted', 'True');
  expect((await stage.condition('sound', 'Programmed', 'Unknown', 'Pending')).message).toMatch(/looked for/);
  forbidden.stop();
  await stage.condition('sound', 'Ready', 'True');
});
