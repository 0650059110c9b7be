/** Two installations that serve one bridge name, each with a Secret of its own: who installs the chart twice has them. */
import { expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { openStage } from './operator-stage.ts';

test('two installations of one bridge name write a status more and more seldom, and say so', async () => {
  await using stage = await openStage({ installation: 'tb-one' });
  stage.route('coding');
  await stage.condition('coding', 'Ready', 'True');
  const writes = () => stage.kube.seen({ phase: 'apply', path: /coding\/status$/ });
  const before = writes().length;
  // it finds no pods in its namespace, and contradicts
  await stage.start({
    installation: 'tb-two',
    snapshotSecret: { namespace: 'elsewhere', name: 'snapshot' },
  });
  const told = () => stage.lines.find(({ msg }) => msg.startsWith('somebody else writes statuses'));
  const line = await until(told, 'the warning', 30_000);
  expect(line).toMatchObject({
    level: 'warn',
    fields: {
      route: 'ai/coding',
      routes: 1,
      reason: expect.stringMatching(/second operator.*--bridge-name/),
    },
  });
  // from the first one on: later ones are further apart
  const later = await until(
    () => writes().length >= before + 6 && writes().slice(before),
    'six writes',
    40_000,
  );
  // both wait a second at the least, then two, then four
  expect(later[5]!.at - later[0]!.at).toBeGreaterThan(3000);
  const metric = /turnbridge_operator_status_overwrites_total (\d+)$/m;
  expect(Number(metric.exec(await stage.metrics())?.[1])).toBeGreaterThanOrEqual(2);
}, 90_000);

test('a status that somebody spoils once is mended, without a word', async () => {
  await using stage = await openStage();
  stage.route('coding');
  await stage.condition('coding', 'Ready', 'True');
  const { metadata, spec, status } = stage.kube.read({
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    namespace: 'ai',
    name: 'coding',
  })!;
  const { conditions } = status as { readonly conditions: readonly { readonly type: string }[] };
  stage.kube.put({
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    metadata,
    spec,
    status: { ...(status as object), conditions: conditions.filter(({ type }) => type !== 'Ready') },
  });
  expect(stage.conditions('coding').get('Ready')).toBeUndefined();
  await stage.condition('coding', 'Ready', 'True');
  expect(stage.lines.filter(({ level }) => level === 'warn')).toEqual([]);
});
