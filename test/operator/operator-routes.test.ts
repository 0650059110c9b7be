/** Apply a route and it is in effect, and its status says so; what goes wrong is said with its cure. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { openCluster, openStage, SNAPSHOT } from './operator-stage.ts';

describe('a route that is applied', () => {
  test('is in the snapshot, and its status says that every pod serves it', async () => {
    await using stage = await openStage({ pods: 2 });
    stage.route('coding');
    const ready = await stage.condition('coding', 'Ready', 'True');
    expect(ready).toMatchObject({ reason: 'Ready', observedGeneration: 1 });
    expect(stage.served()).toEqual(['ai/coding']);
    expect([...stage.conditions('coding').keys()]).toEqual([
      'Accepted',
      'ResolvedRefs',
      'Programmed',
      'Ready',
    ]);
    for (const pod of stage.pods) expect(pod.asked).toBeGreaterThan(0);
  });

  test('costs one write of the Secret and one of its status', async () => {
    await using stage = await openStage();
    await stage.servesOnly();
    const costs: number[] = [];
    for (const name of ['one', 'two', 'three']) {
      const before = [stage.writes().length, stage.lastWords().length] as const;
      stage.route(name);
      await stage.condition(name, 'Ready', 'True');
      costs.push(stage.writes().length - before[0]);
      expect(stage.lastWords().slice(before[1])).toEqual([
        'PATCH /api/v1/namespaces/turnbridge/secrets/snapshot',
        `PATCH /apis/turnbridge.dev/v1alpha1/namespaces/ai/responsesroutes/${name}/status`,
      ]);
    }
    // one more where the machine was so busy that a pod kept its answer: not twice in three
    expect(costs.toSorted((a, b) => a - b)[1]).toBe(2);
  });

  test('and changed, is in effect as it is now', async () => {
    await using stage = await openStage();
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    stage.route('coding', { hostnames: ['other.example.com'] });
    await until(
      () => stage.conditions('coding').get('Ready')?.observedGeneration === 2,
      'a status of the new generation',
    );
    await stage.condition('coding', 'Programmed', 'True');
    expect(stage.snapshot()?.snapshot.groups.map(({ hostname }) => hostname)).toEqual(['other.example.com']);
  });

  test('and deleted, is gone', async () => {
    await using stage = await openStage();
    stage.route('one');
    stage.route('two');
    await stage.servesOnly('ai/one', 'ai/two');
    stage.removeRoute('one');
    await stage.servesOnly('ai/two');
    expect(stage.snapshot()?.snapshot.groups.map(({ hostname }) => hostname)).toEqual(['two.example.com']);
  });

  test('is told as an event', async () => {
    await using stage = await openStage();
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    const events = await until(() => {
      const all = stage.kube.list('events.k8s.io/v1', 'Event', 'ai');
      return all.length >= 2 && all;
    }, 'two events');
    expect(events.map((event) => String(event['reason'])).sort()).toEqual(['Accepted', 'Programmed']);
    expect(events[0]).toMatchObject({
      reportingController: 'turnbridge.dev/operator',
      regarding: { kind: 'ResponsesRoute', namespace: 'ai', name: 'coding' },
    });
  });
});

/** Of all that an operator makes. */
const LABELS = {
  'app.kubernetes.io/name': 'turnbridge',
  'app.kubernetes.io/instance': 'tb-test',
  'app.kubernetes.io/version': '0.0.0',
  'app.kubernetes.io/part-of': 'turnbridge',
  'app.kubernetes.io/managed-by': 'turnbridge-operator',
};

test('without any route there is an empty snapshot, so that bridges know that there is none', async () => {
  await using stage = await openStage();
  await stage.servesOnly();
  expect(stage.kube.read({ apiVersion: 'v1', kind: 'Secret', ...SNAPSHOT })).toMatchObject({
    type: 'turnbridge.dev/snapshot',
    metadata: {
      labels: {
        ...LABELS,
        'app.kubernetes.io/component': 'snapshot',
        'turnbridge.dev/bridge': 'default',
      },
      annotations: {
        'turnbridge.dev/installation': 'tb-test',
        'turnbridge.dev/snapshot-version': stage.snapshot()?.snapshot.version,
        'turnbridge.dev/snapshot-generation': String(stage.snapshot()?.generation),
      },
    },
  });
  const [lease] = stage.kube.list('coordination.k8s.io/v1', 'Lease', SNAPSHOT.namespace);
  expect(lease?.metadata.labels).toEqual({ ...LABELS, 'app.kubernetes.io/component': 'operator' });
});

test('routes of another bridge are neither served nor judged', async () => {
  await using stage = await openStage();
  stage.route('other', { bridgeName: 'elsewhere' });
  stage.route('coding');
  await stage.servesOnly('ai/coding');
  expect(stage.conditions('other').size).toBe(0);
});

describe('a route with a mistake', () => {
  test('is told the mistake and the cure, and the others are served', async () => {
    await using stage = await openStage();
    stage.route('good');
    stage.route('wrong', {
      providers: [{ name: 'main', url: 'http://169.254.169.254/v1', auth: { type: 'None' } }],
    });
    const accepted = await stage.condition('wrong', 'Accepted', 'False');
    expect(accepted.message).toMatch(/^spec\.providers\[0\]\.url: /);
    expect(await stage.condition('wrong', 'Stalled', 'True')).toBeDefined();
    await stage.condition('good', 'Ready', 'True');
    expect(stage.served()).toEqual(['ai/good']);
  });

  test('is told so at once, whatever the pods do', async () => {
    await using stage = await openStage();
    stage.pods[0]!.says = () => undefined;
    stage.route('wrong', {
      providers: [{ name: 'main', url: 'https://127.0.0.1/v1', auth: { type: 'None' } }],
    });
    expect(await stage.condition('wrong', 'Accepted', 'False')).toMatchObject({ reason: 'Invalid' });
  });
});

test('of two routes that claim a host for different namespaces the older one has it', async () => {
  await using stage = await openCluster();
  const hostnames = ['codex.example.com'];
  stage.route('young', { hostnames }, { creationTimestamp: '2026-02-02T00:00:00Z' });
  stage.route('old', { hostnames }, { namespace: 'team', creationTimestamp: '2026-01-01T00:00:00Z' });
  await stage.start();
  expect(await stage.condition('young', 'Accepted', 'False', 'HostnameNotAllowed')).toMatchObject({
    message: expect.stringContaining('team/old'),
  });
  await stage.servesOnly('team/old');
});

describe('pods', () => {
  test('that do not take the snapshot are named after five seconds', async () => {
    await using stage = await openStage({ pods: 2 });
    stage.pods[1]!.says = () => ({ version: null });
    stage.route('coding');
    await stage.condition('coding', 'Programmed', 'Unknown');
    const behind = await stage.condition('coding', 'Programmed', 'False', 'PartiallyProgrammed');
    expect(behind.message).toContain('bridge-1 (has no snapshot)');
    expect(behind.message).not.toContain('bridge-0');
  });

  test('that are not ready, or draining, do not count', async () => {
    await using stage = await openCluster(3);
    stage.pods[1]!.ready = false;
    stage.pods[2]!.terminating = true;
    for (const pod of stage.pods.slice(1)) pod.says = () => undefined;
    stage.showPods();
    await stage.start();
    stage.route('coding');
    await stage.condition('coding', 'Programmed', 'True');
    expect(stage.pods.slice(1).map(({ asked }) => asked)).toEqual([0, 0]);
  });

  test('none at all: the route says that nobody serves it, until somebody does', async () => {
    await using stage = await openStage({ pods: 0 });
    stage.route('coding');
    await stage.condition('coding', 'Programmed', 'False', 'NoReadyPods');
    await stage.scale(1);
    expect(await stage.condition('coding', 'Programmed', 'True')).toMatchObject({ reason: 'Programmed' });
  });

  test('the change of one route leaves the others confirmed', async () => {
    await using stage = await openStage();
    stage.route('steady');
    await stage.condition('steady', 'Ready', 'True');
    const writes = () => stage.kube.seen({ phase: 'apply', path: /steady\/status$/ }).length;
    const before = writes();
    const { generation, version } = (await until(() => stage.pods[0]!.says() as never, 'an answer')) as {
      generation: number;
      version: string;
    };
    stage.pods[0]!.says = () => ({ version, generation });
    stage.route('new');
    await stage.condition('new', 'Programmed', 'Unknown');
    expect(stage.conditions('steady').get('Programmed')?.status).toBe('True');
    expect(writes()).toBe(before);
  });
});
