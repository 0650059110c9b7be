/** Writing statuses, one step at a time: what the watch has shown by then is up to the test. */
import { expect, test } from '@jest/globals';
import type { EventNote } from '../../src/kube/event-note.ts';
import type { OperatorFact } from '../../src/operator/facts.ts';
import { RouteWatch } from '../../src/operator/route-watch.ts';
import { StatusWriter } from '../../src/operator/status-writer.ts';
import type { Finding } from '../../src/reconcile/conditions.ts';
import type { Verdict } from '../../src/reconcile/decide.ts';
import { manualClock } from '../harness/clock.ts';
import { type FakeKube, openFakeKube } from '../harness/fake-kube.ts';
import { kubeClientOf } from '../harness/kube-client.ts';
import { until } from '../harness/wait-for.ts';

const ROUTE = { apiVersion: 'turnbridge.dev/v1alpha1', kind: 'ResponsesRoute', namespace: 'ai', name: 'a' };
const KEY = 'ai/a';

const VERDICT: Verdict = {
  accepted: { status: 'True', reason: 'Accepted', message: 'accepted' },
  resolvedRefs: { status: 'True', reason: 'ResolvedRefs', message: 'resolved' },
  partiallyInvalid: undefined,
  warnings: [],
  providers: { usable: 1, total: 1 },
};
const PENDING: Finding<'Programmed'> = { status: 'Unknown', reason: 'Pending', message: 'asked' };
const PROGRAMMED: Finding<'Programmed'> = { status: 'True', reason: 'Programmed', message: 'everywhere' };

type Scene = Awaited<ReturnType<typeof openScene>>;

async function openScene() {
  const kube = await openFakeKube();
  const client = kubeClientOf(kube);
  const clock = manualClock();
  const facts: OperatorFact[] = [];
  const events: EventNote[] = [];
  const wish = { programmed: PENDING };
  const routes = new RouteWatch({
    client,
    namespaces: undefined,
    bridgeName: 'default',
    patienceMs: 30_000,
    facts: () => undefined,
    onChange: (key) => writer.observed(key, routes.get(key)),
    onSynced: () => undefined,
  });
  const writer = new StatusWriter({
    client,
    recorder: { record: (note) => void events.push(note) },
    facts: (fact) => void facts.push(fact),
    wishFor: (key) => {
      const route = routes.get(key);
      return route && { route, verdict: VERDICT, ...wish };
    },
    canWrite: () => true,
    now: Date.now,
    monotonic: () => clock.now(),
  });
  routes.start();
  putRoute(kube);
  await until(() => routes.get(KEY), 'the route');
  return {
    kube,
    routes,
    writer,
    clock,
    facts,
    wish,
    process: () => writer.process(KEY, new AbortController().signal),
    writes: () => kube.seen({ phase: 'apply', path: /status$/ }).length,
    /** Waits until the watch has shown what is stored now. */
    catchUp: async () => {
      const version = kube.read(ROUTE)!.metadata.resourceVersion;
      await until(() => routes.get(KEY)?.resourceVersion === version, 'the newest version');
    },
    [Symbol.asyncDispose]: async () => {
      await routes.close();
      await client.close();
      await kube[Symbol.asyncDispose]();
    },
  };
}

function putRoute(kube: FakeKube): void {
  kube.put({
    apiVersion: ROUTE.apiVersion,
    kind: ROUTE.kind,
    metadata: { namespace: 'ai', name: 'a' },
    spec: {
      bridgeName: 'default',
      clients: { auth: { type: 'None' } },
      providers: [{ name: 'main', url: 'https://provider.example/v1', auth: { type: 'None' } }],
    },
  });
}

function overwrite(kube: FakeKube): void {
  const { apiVersion, kind } = ROUTE;
  const { metadata, spec, status } = kube.read(ROUTE)!;
  kube.put({ apiVersion, kind, metadata, spec, status: { ...(status as object), providers: '7/7' } });
}

test('what was written is not written again while the watch has not shown it', async () => {
  await using scene = await openScene();
  for (const watch of scene.kube.watches) watch.silence();
  expect(await scene.process()).toEqual({ kind: 'done' });
  expect(scene.writer.isDue(KEY)).toBe(false);
  await scene.process();
  expect(scene.writes()).toBe(1);
  scene.wish.programmed = PROGRAMMED;
  expect(scene.writer.isDue(KEY)).toBe(true);
  await scene.process();
  await scene.process();
  expect(scene.writes()).toBe(2);
});

test('somebody who undoes a write before its answer is here is noticed', async () => {
  await using scene = await openScene();
  scene.kube.fail({ phase: 'apply' }, { kind: 'slow', pieceBytes: 100, everyMs: 20 });
  const processing = scene.process();
  await until(() => scene.routes.get(KEY)?.status?.providers === '1/1', 'the write at the watch');
  overwrite(scene.kube);
  await scene.catchUp();
  await processing;
  expect(scene.writer.isDue(KEY)).toBe(true);
  expect(await scene.process()).toEqual({ kind: 'again', afterMs: 1000 });
});

test.each(['is deleted', 'is made anew'])(
  'a route that %s while its status is on its way is nothing to try again',
  async (how) => {
    await using scene = await openScene();
    for (const watch of scene.kube.watches) watch.silence();
    scene.kube.remove(ROUTE);
    if (how === 'is made anew') putRoute(scene.kube);
    expect(await scene.process()).toEqual({ kind: 'done' });
    const [write] = scene.kube.seen({ phase: 'apply', path: /status$/ });
    expect(write?.status).toBe(how === 'is deleted' ? 404 : 409);
    expect(scene.kube.read(ROUTE)?.['status']).toBeUndefined();
  },
);

test('a status that cannot be written is tried again', async () => {
  await using scene = await openScene();
  scene.kube.fail({ phase: 'apply' }, { kind: 'status', status: 500 });
  await expect(scene.process()).rejects.toMatchObject({ status: 500 });
  expect(scene.writer.isDue(KEY)).toBe(true);
});

/** Has the status written as the queue would. @returns how long it had to wait */
async function writeNext({ process, clock }: Pick<Scene, 'process' | 'clock'>): Promise<number> {
  const result = await process();
  if (result.kind === 'done') return 0;
  clock.advance(result.afterMs);
  await process();
  return result.afterMs;
}

test('a status that somebody overwrites is written more and more seldom, and that is told once a minute', async () => {
  await using scene = await openScene();
  const waits: number[] = [];
  for (let times = 0; times < 8; times += 1) {
    const waitMs = await writeNext(scene);
    if (waitMs > 0) waits.push(waitMs);
    expect(scene.writes()).toBe(times + 1);
    overwrite(scene.kube);
    await scene.catchUp();
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 64_000]);
  expect(scene.facts.filter(({ kind }) => kind === 'status.overwritten')).toHaveLength(8);
  // after 1, 63 and 127 seconds; those in between are within a minute
  const contested = { kind: 'statuses.contested', route: KEY, routes: 1 };
  expect(scene.facts.filter(({ kind }) => kind === contested.kind)).toEqual([
    contested,
    contested,
    contested,
  ]);
});
