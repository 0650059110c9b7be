/** The event recorder before an API server that does what it likes. */
import { describe, expect, test } from '@jest/globals';
import type { EventFact } from '../../src/kube/event-facts.ts';
import type { EventNote } from '../../src/kube/event-note.ts';
import { EventRecorder } from '../../src/kube/event-recorder.ts';
import { manualClock, type ManualClock } from '../harness/clock.ts';
import { openFakeKube, type FakeKube } from '../harness/fake-kube.ts';
import { kubeClientOf, type TestKubeClient } from '../harness/kube-client.ts';
import { until } from '../harness/wait-for.ts';

const MINUTE = 60_000;

interface StoredEvent {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly reason: string;
  readonly note: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

class Scene implements AsyncDisposable {
  readonly kube: FakeKube;
  readonly clock: ManualClock = manualClock();
  readonly facts: EventFact[] = [];
  readonly recorder: EventRecorder;
  readonly #client: TestKubeClient;

  constructor(kube: FakeKube) {
    this.kube = kube;
    this.#client = kubeClientOf(kube);
    this.recorder = new EventRecorder({
      client: this.#client,
      reportingController: 'turnbridge.dev/operator',
      reportingInstance: 'operator-0',
      facts: (fact) => void this.facts.push(fact),
      clock: this.clock,
    });
  }

  record(changes: Partial<EventNote> = {}, name = 'codex'): void {
    const regarding = {
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      namespace: 'ai',
      name,
      uid: `uid-of-${name}`,
    };
    const note = { type: 'Warning', reason: 'SecretNotFound', action: 'Compile', note: 'create it' } as const;
    this.recorder.record({ ...note, regarding, ...changes });
  }

  get events(): StoredEvent[] {
    return this.kube.list('events.k8s.io/v1', 'Event') as unknown as StoredEvent[];
  }

  /** `sent created`, `dropped failed`: in order. */
  get told(): string[] {
    return this.facts.map((fact) =>
      fact.kind === 'event.sent' ? `sent ${fact.how}` : `dropped ${fact.why}`,
    );
  }

  /** Waits for so many facts. */
  async facted(count: number): Promise<string[]> {
    await until(() => this.facts.length >= count, `${String(count)} facts; seen: ${this.told.join(', ')}`);
    return this.told;
  }

  /** Waits until the recorder pauses before another try, and lets the time pass. */
  async pass(ms: number): Promise<void> {
    // The search for series that are over is one timer, the pause is the other.
    await until(() => this.clock.pending === 2, 'a pause before the next try');
    this.clock.advance(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.recorder.close();
    await this.#client.close();
    await this.kube[Symbol.asyncDispose]();
  }
}

async function openScene(): Promise<Scene> {
  return new Scene(await openFakeKube());
}

test('an event is created beside its object, a repeat makes it a series, and its end is counted', async () => {
  await using scene = await openScene();
  scene.record();
  expect(await scene.facted(1)).toEqual(['sent created']);
  expect(scene.events).toMatchObject([
    { reason: 'SecretNotFound', note: 'create it', metadata: { namespace: 'ai' } },
  ]);
  expect(scene.events[0]?.metadata.name).toMatch(/^codex\.[0-9a-f]{15,16}$/);
  expect(scene.events[0]?.series).toBeUndefined();
  for (let n = 0; n < 5; n++) scene.record();
  await scene.facted(2);
  const first = scene.events[0]?.series?.count ?? 0;
  expect(first).toBeGreaterThanOrEqual(2);
  expect(scene.events[0]?.series?.lastObservedTime).toMatch(/\.\d{6}Z$/);
  scene.clock.advance(6 * MINUTE);
  await until(() => scene.events[0]?.series?.count === 6, 'the last count');
  expect(scene.events).toHaveLength(1);
  expect(scene.clock.pending).toBe(0);
});

test('repeats that come before the first was sent go with it, in one request', async () => {
  await using scene = await openScene();
  scene.record({ reason: 'Conflicted' });
  for (let n = 0; n < 4; n++) scene.record();
  await scene.facted(2);
  await scene.recorder.close();
  expect(scene.told).toEqual(['sent created', 'sent created']);
  expect(scene.events).toMatchObject([{ reason: 'Conflicted' }, { series: { count: 4 } }]);
  expect(scene.kube.requests).toHaveLength(2);
});

test('a count whose event the API server has forgotten creates it again', async () => {
  await using scene = await openScene();
  scene.record();
  await scene.facted(1);
  const name = scene.events[0]?.metadata.name ?? '';
  scene.kube.remove({ apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace: 'ai', name });
  scene.record();
  await scene.facted(2);
  expect(scene.events).toMatchObject([{ metadata: { name }, series: { count: 2 } }]);
});

test('an event about an object of the cluster is found in `default`', async () => {
  await using scene = await openScene();
  scene.record({ regarding: { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' } });
  await scene.facted(1);
  expect(scene.events).toMatchObject([{ metadata: { namespace: 'default' } }]);
});

describe('an API server', () => {
  test.each([
    ['says 500', { kind: 'status', status: 500 }],
    ['says 429', { kind: 'status', status: 429, retryAfter: 2 }],
    ['resets the connection', { kind: 'cut', how: 'reset', after: 'nothing' }],
  ] as const)('that %s twice is asked a third time', async (_, fault) => {
    await using scene = await openScene();
    scene.kube.fail({ phase: 'create' }, fault, 2);
    scene.record();
    await scene.pass(2000);
    await scene.pass(2000);
    expect(await scene.facted(1)).toEqual(['sent created']);
    expect(scene.events).toHaveLength(1);
  });

  test('that goes on failing costs this event, which is counted, and the next one is sent', async () => {
    await using scene = await openScene();
    scene.kube.fail({ phase: 'create' }, { kind: 'status', status: 503 }, 3);
    scene.record();
    scene.record({ reason: 'Conflicted' });
    await scene.pass(1000);
    await scene.pass(2000);
    expect(await scene.facted(2)).toEqual(['dropped failed', 'sent created']);
    expect(scene.events).toMatchObject([{ reason: 'Conflicted' }]);
    scene.record();
    expect(await scene.facted(3)).toEqual(['dropped failed', 'sent created', 'sent created']);
  });

  test('that asks for more patience than ten seconds is asked after ten', async () => {
    await using scene = await openScene();
    scene.kube.fail({ phase: 'create' }, { kind: 'status', status: 429, retryAfter: 3600 });
    scene.record();
    await scene.pass(10_000);
    expect(await scene.facted(1)).toEqual(['sent created']);
  });

  test('that stored it but lost the answer has it once', async () => {
    await using scene = await openScene();
    scene.kube.fail({ phase: 'create' }, { kind: 'cut', how: 'reset', after: 'nothing', late: true });
    scene.record();
    await scene.pass(1000);
    expect(await scene.facted(1)).toEqual(['sent created']);
    expect(scene.events).toHaveLength(1);
  });

  test.each([400, 403, 422])('that refuses with %d is not asked again', async (status) => {
    await using scene = await openScene();
    scene.kube.fail({ phase: 'create' }, { kind: 'status', status }, Infinity);
    scene.record();
    expect(await scene.facted(1)).toEqual(['dropped refused']);
    expect(scene.kube.requests).toHaveLength(1);
  });
});

test('of a storm, 200 events wait; what is too much is dropped and counted, and the caller never hears of it', async () => {
  await using scene = await openScene();
  const { promise, resolve } = Promise.withResolvers<void>();
  scene.kube.fail({ phase: 'create' }, { kind: 'hold', until: promise });
  for (let n = 0; n < 250; n++) scene.record({}, `route-${String(n)}`);
  // One is on its way, 200 wait.
  expect(scene.told).toEqual(Array.from({ length: 49 }, () => 'dropped full'));
  resolve();
  await scene.facted(250);
  expect(scene.events).toHaveLength(201);
  // Those that were dropped are told when they happen again.
  scene.record({}, 'route-249');
  await scene.facted(251);
  expect(scene.events).toHaveLength(202);
});

test('more than 25 events about one object are dropped and counted', async () => {
  await using scene = await openScene();
  for (let n = 0; n < 30; n++) scene.record({ note: `sentence ${String(n)}` });
  await scene.facted(30);
  expect(scene.events).toHaveLength(25);
  expect(scene.told.filter((told) => told === 'dropped budget')).toHaveLength(5);
});

describe('the end', () => {
  test('sends what waits; what comes afterwards is dropped; it may be asked for twice', async () => {
    await using scene = await openScene();
    for (let n = 0; n < 5; n++) scene.record({}, `route-${String(n)}`);
    await Promise.all([scene.recorder.close(), scene.recorder.close()]);
    expect(scene.events).toHaveLength(5);
    scene.record();
    expect(scene.told.at(-1)).toBe('dropped closed');
    expect(scene.clock.pending).toBe(0);
  });

  test('waits for an API server that does not answer no longer than two seconds', async () => {
    await using scene = await openScene();
    scene.kube.freeze();
    scene.record();
    scene.record({ reason: 'Conflicted' });
    await until(() => scene.kube.requests.length === 1, 'a request');
    const closed = scene.recorder.close();
    scene.clock.advance(2000);
    await closed;
    expect(scene.told).toEqual(['dropped closed', 'dropped closed']);
    // The request was ended by us, not by its own time.
    expect(scene.facts[0]).toMatchObject({ error: { reason: 'Aborted' } });
    scene.kube.thaw();
  });

  test('by force sends nothing more, and ends what is under way', async () => {
    await using scene = await openScene();
    scene.kube.freeze();
    scene.record();
    scene.record({ reason: 'Conflicted' });
    await until(() => scene.kube.requests.length === 1, 'a request');
    await Promise.all([scene.recorder.destroy(), scene.recorder.close()]);
    scene.record();
    expect(scene.told).toEqual(['dropped closed', 'dropped closed', 'dropped closed']);
    scene.kube.thaw();
    expect(scene.kube.requests).toHaveLength(1);
    expect(scene.clock.pending).toBe(0);
  });

  test('tries an event that waits for another try once more', async () => {
    await using scene = await openScene();
    scene.kube.fail({ phase: 'create' }, { kind: 'status', status: 500 });
    scene.record();
    await scene.pass(0);
    await scene.recorder.close();
    expect(scene.told).toEqual(['sent created']);
  });
});
