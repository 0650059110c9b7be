/** What goes wrong around an operator: other writers, a lost Lease, an API server that is away; and leaving. */
import { describe, expect, test } from '@jest/globals';
import { ownPort } from '../harness/own-port.ts';
import { until, within } from '../harness/wait-for.ts';
import { isLastWord, openCluster, openStage, SNAPSHOT } from './operator-stage.ts';

const SECRET = { apiVersion: 'v1', kind: 'Secret', ...SNAPSHOT };
const LEASE = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: SNAPSHOT.namespace,
  name: 'turnbridge-operator',
};
/** Another holder is seen soon, and no busy machine loses it to nobody. */
const OFTEN_RENEWED = { leaseDurationMs: 30_000, renewDeadlineMs: 20_000, retryPeriodMs: 100 };

describe('the snapshot Secret', () => {
  test('of another installation is left alone, and that is said', async () => {
    await using stage = await openCluster();
    stage.kube.put({
      ...SECRET,
      type: 'turnbridge.dev/snapshot',
      metadata: { ...SNAPSHOT, annotations: { 'turnbridge.dev/installation': 'tb-other' } },
    });
    const before = stage.kube.read(SECRET)!.metadata.resourceVersion;
    stage.route('coding');
    await stage.start();
    await until(async () => (await stage.ready()).reason?.includes('belongs to'), 'the reason');
    expect(await stage.ready()).toEqual({
      status: 503,
      reason: expect.stringMatching(
        /belongs to the operator installation tb-other, and this one is tb-test: stop/,
      ),
    });
    expect(stage.kube.read(SECRET)!.metadata.resourceVersion).toBe(before);
    expect(stage.conditions('coding').size).toBe(0);
    expect(stage.writes()).toEqual([]);
    const told = stage.lines.filter(({ event, level }) => event === 'operator.snapshot' && level === 'error');
    expect(told).toHaveLength(1);
    expect(await stage.metrics()).toMatch(
      /turnbridge_operator_snapshot_foreign\{secret="turnbridge\/snapshot"\} 1$/m,
    );
  });

  test('that is no snapshot at all is not overwritten', async () => {
    await using stage = await openCluster();
    stage.kube.put({ ...SECRET, type: 'Opaque', metadata: { ...SNAPSHOT }, data: { mine: btoa('x') } });
    await stage.start();
    await until(async () => (await stage.ready()).reason?.includes('type is Opaque'), 'the reason');
    expect(stage.kube.read(SECRET)).toMatchObject({ type: 'Opaque', data: { mine: btoa('x') } });
  });

  test('goes on where it was after a restart: nothing is written when nothing changed', async () => {
    await using stage = await openStage();
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    await stage.operator.close();
    const before = stage.writes().length;
    const { generation } = stage.snapshot()!;
    const again = await stage.start();
    await until(async () => (await stage.ready(again)).status === 200, 'the second one ready');
    await until(async () => /snapshot_routes\{.*\} 1$/m.test(await stage.metrics(again)), 'its compilation');
    expect(stage.writes().slice(before)).toEqual([]);
    stage.route('more');
    await stage.servesOnly('ai/coding', 'ai/more');
    expect(stage.snapshot()!.generation).toBeGreaterThan(generation);
  });

  test('that somebody deletes is written again, with a larger generation', async () => {
    await using stage = await openStage({ times: { lookAgainMs: 200 } });
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    const { generation } = stage.snapshot()!;
    stage.kube.remove(SECRET);
    await stage.servesOnly('ai/coding');
    expect(stage.snapshot()!.generation).toBeGreaterThan(generation);
  });

  test('that somebody changed meanwhile is read again before it is written', async () => {
    await using stage = await openStage();
    await stage.servesOnly();
    stage.kube.change(SECRET, { metadata: { labels: { theirs: 'yes' } } });
    stage.route('coding');
    await stage.servesOnly('ai/coding');
    expect(
      stage.kube.seen({ phase: 'apply', path: /secrets\/snapshot$/ }).map(({ status }) => status),
    ).toContain(409);
    expect(stage.kube.read(SECRET)!.metadata.labels).toMatchObject({ theirs: 'yes' });
  });

  test('that may not be written says so in the status of the routes that wait', async () => {
    await using stage = await openStage();
    await stage.servesOnly();
    const forbidden = stage.kube.fail(
      { phase: 'apply', path: /secrets\/snapshot$/ },
      { kind: 'status', status: 403, reason: 'Forbidden', message: 'no' },
      1000,
    );
    stage.route('coding');
    const pending = await stage.condition('coding', 'Programmed', 'Unknown', 'Pending');
    expect(pending.message).toMatch(/the snapshot Secret cannot be written/);
    expect(await stage.ready()).toEqual({
      status: 503,
      reason: expect.stringMatching(/^the snapshot Secret cannot be written: .*403/),
    });
    forbidden.stop();
    await stage.condition('coding', 'Ready', 'True');
    expect((await stage.ready()).status).toBe(200);
  });

  test('that may not be read makes the operator unready, with the reason', async () => {
    await using stage = await openCluster();
    const forbidden = stage.kube.fail(
      { phase: 'get', path: /secrets\/snapshot$/ },
      { kind: 'status', status: 403, reason: 'Forbidden', message: 'no' },
      1000,
    );
    await stage.start();
    await until(async () => /cannot be read: .*403/.test((await stage.ready()).reason ?? ''), 'the reason');
    forbidden.stop();
    await stage.servesOnly();
    expect((await stage.ready()).status).toBe(200);
  });
});

test('a route that comes while the Secret is being read is not lost', async () => {
  await using stage = await openCluster();
  const read = Promise.withResolvers<void>();
  const held = stage.kube.fail(
    { phase: 'get', path: /secrets\/snapshot$/ },
    { kind: 'hold', until: read.promise },
  );
  await stage.start();
  await until(() => held.used === 1, 'the question');
  stage.route('coding');
  await until(
    async () =>
      /watch_events_total\{resource="responsesroutes",type="ADDED"\} 1$/m.test(await stage.metrics()),
    'the route at the operator',
  );
  // its own turn in the queue has come and gone before the answer
  await until(
    async () => /workqueue_adds_total\{name="snapshot"\} [2-9]/m.test(await stage.metrics()),
    'its turn',
  );
  read.resolve();
  await stage.servesOnly('ai/coding');
  expect(await stage.condition('coding', 'Ready', 'True')).toBeDefined();
});

describe('an API server', () => {
  test.each([429, 500, 503])(
    'that answers writes with %s is asked again until it takes them',
    async (status) => {
      await using stage = await openStage();
      await stage.servesOnly();
      const fault = stage.kube.fail({ phase: 'apply' }, { kind: 'status', status }, 4);
      stage.route('coding');
      await stage.condition('coding', 'Ready', 'True');
      expect(fault.used).toBe(4);
    },
  );

  test('that goes away and comes back: what happened meanwhile is in effect', async () => {
    // the Lease's own times: an absence shorter than it is nothing
    await using stage = await openStage();
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    await stage.kube.stop();
    const healthz = await fetch(`http://${stage.operator.opsAddress}/healthz`);
    expect(healthz.status).toBe(200);
    stage.route('more');
    stage.removeRoute('coding');
    await stage.kube.start();
    await stage.servesOnly('ai/more');
    await stage.condition('more', 'Ready', 'True');
  });

  test('that takes no status for a while gets each of them once it does', async () => {
    await using stage = await openStage();
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    const status = stage.kube.fail(
      { phase: 'apply', path: /status$/ },
      { kind: 'status', status: 500 },
      1000,
    );
    for (const name of ['one', 'two', 'three']) stage.route(name);
    await until(() => status.used >= 12, 'failures');
    status.stop();
    for (const name of ['one', 'two', 'three'])
      expect(await stage.condition(name, 'Ready', 'True')).toBeDefined();
    const written = stage.kube
      .seen({ phase: 'apply', path: /status$/ })
      .filter((seen) => seen.status === 200 && isLastWord(seen));
    expect(written).toHaveLength(4);
  });

  test('that is away at the start is waited for, alive and not ready', async () => {
    await using stage = await openCluster();
    stage.route('coding');
    await stage.kube.stop();
    await stage.start();
    expect(await stage.ready()).toMatchObject({
      status: 503,
      reason: expect.stringMatching(/first list of routes/),
    });
    expect((await fetch(`http://${stage.operator.opsAddress}/healthz`)).status).toBe(200);
    await stage.kube.start();
    await stage.condition('coding', 'Ready', 'True');
    expect(await stage.ready()).toEqual({ status: 200, reason: undefined });
  });
});

test('nothing is written while nothing changes, however often everything is looked at', async () => {
  await using stage = await openStage({ pods: 2, times: { lookAgainMs: 50 } });
  stage.secret('openai', { apiKey: 'sk-1' });
  stage.keyedRoute('keyed', 'openai');
  stage.route('wrong', {
    providers: [{ name: 'main', url: 'https://localhost/v1', auth: { type: 'None' } }],
  });
  await stage.condition('keyed', 'Ready', 'True');
  await stage.condition('wrong', 'Accepted', 'False');
  const looks = () => stage.kube.seen({ phase: 'get', path: /secrets\/snapshot$/ }).length;
  const from = looks();
  const before = stage.writes().length;
  await until(() => looks() >= from + 20, 'twenty more looks', 15_000);
  expect(stage.writes().slice(before)).toEqual([]);
});

describe('two operators', () => {
  test('the one that does not hold the Lease looks at everything and writes nothing', async () => {
    await using stage = await openCluster();
    const now = new Date().toISOString().replace('Z', '000Z');
    stage.kube.put({
      ...LEASE,
      metadata: { namespace: LEASE.namespace, name: LEASE.name },
      spec: { holderIdentity: 'another', leaseDurationSeconds: 3600, acquireTime: now, renewTime: now },
    });
    stage.route('coding');
    stage.route('wrong', { providers: [] });
    await stage.start({ times: { lookAgainMs: 50 } });
    await until(async () => (await stage.ready()).status === 200, 'it ready');
    const looks = /workqueue_work_duration_seconds_count\{name="snapshot"\} (\d+)/;
    await until(async () => Number(looks.exec(await stage.metrics())?.[1]) >= 10, 'ten looks');
    expect(stage.writes()).toEqual([]);
    expect(stage.kube.list('events.k8s.io/v1', 'Event')).toEqual([]);
  });

  test('one leads; the other keeps up, is ready, and writes nothing', async () => {
    await using stage = await openStage();
    const second = await stage.start();
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    await until(async () => (await stage.ready(second)).status === 200, 'the second one ready');
    expect([stage.operator.isLeader, second.isLeader]).toEqual([true, false]);
    expect(stage.kube.seen({ phase: 'apply', path: /secrets\/snapshot$/ }).length).toBeLessThanOrEqual(2);
    expect(await stage.metrics(second)).toMatch(
      /leader_election_master_status\{name="turnbridge-operator"\} 0$/m,
    );
  });

  test('when the first leaves, the other goes on at once, with nothing to write', async () => {
    await using stage = await openStage();
    const second = await stage.start();
    stage.route('coding');
    await stage.condition('coding', 'Ready', 'True');
    const before = stage.lastWords().length;
    await stage.operator.close();
    await until(() => second.isLeader, 'the second one leading', 15_000);
    stage.route('more');
    await stage.condition('more', 'Ready', 'True');
    expect(stage.lastWords().slice(before)).toHaveLength(2);
  });

  test('a Lease that is lost ends all writes, however often it is looked at what there is to write', async () => {
    await using stage = await openStage({ times: { lease: OFTEN_RENEWED, lookAgainMs: 50 } });
    await stage.servesOnly();
    const noEvents = stage.kube.fail(
      { phase: 'create', path: /events$/ },
      { kind: 'status', status: 500 },
      1000,
    );
    stage.route('early');
    await stage.condition('early', 'Ready', 'True');
    await until(() => noEvents.used > 0, 'an event that waits for its next try');
    // serves another bridge: what it has done by then, the first could have done as well
    const secret = { namespace: SNAPSHOT.namespace, name: 'other' };
    await stage.start({
      bridgeName: 'other',
      snapshotSecret: secret,
      lease: 'other',
      installation: 'tb-other',
    });
    const spec = stage.kube.read(LEASE)!['spec'] as Record<string, unknown>;
    stage.kube.put({
      ...LEASE,
      metadata: { namespace: LEASE.namespace, name: LEASE.name },
      spec: { ...spec, holderIdentity: 'somebody-else' },
    });
    await within(stage.operator.lost, 'the loss', 15_000);
    expect(stage.operator.isLeader).toBe(false);
    expect((await stage.ready()).status).toBe(503);
    noEvents.stop();
    const own = () => stage.writes().filter((write) => /secrets\/snapshot$|coding\/status$/.test(write));
    const before = own().length;
    stage.route('coding');
    const seen = /watch_events_total\{resource="responsesroutes",type="ADDED"\} 2$/m;
    await until(async () => seen.test(await stage.metrics()), 'the route at the operator');
    for (const name of ['one', 'two']) {
      stage.route(name, { bridgeName: 'other' });
      await stage.condition(name, 'Accepted', 'True');
    }
    expect(own().slice(before)).toEqual([]);
    const events = stage.kube.list('events.k8s.io/v1', 'Event');
    expect(events.length).toBeGreaterThan(0);
    expect(events.filter((event) => event['reportingInstance'] === 'operator-1')).toEqual([]);
    await stage.operator.close();
    expect(own().slice(before)).toEqual([]);
    expect(stage.kube.read(LEASE)!['spec']).toMatchObject({ holderIdentity: 'somebody-else' });
  }, 60_000);
});

test('who leaves gives the Lease back, closes its watches, and may be told so twice', async () => {
  await using stage = await openStage({ opsListen: { host: '127.0.0.1', port: await ownPort() } });
  stage.route('coding');
  await stage.condition('coding', 'Ready', 'True');
  await Promise.all([stage.operator.close(), stage.operator.close()]);
  expect((stage.kube.read(LEASE)!['spec'] as { holderIdentity?: string }).holderIdentity ?? '').toBe('');
  await until(() => stage.kube.watches.length === 0, 'no watch');
  await expect(fetch(`http://${stage.operator.opsAddress}/healthz`)).rejects.toThrow(/fetch failed/);
});
