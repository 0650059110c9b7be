/** A work queue whose work are requests to an API server, on the machine's own clock. */
import { expect, test } from '@jest/globals';
import type { QueueFact } from '../../src/kube/queue-facts.ts';
import { WorkQueue, type WorkQueueOptions } from '../../src/kube/work-queue.ts';
import { openFakeKube, type FakeKube } from '../harness/fake-kube.ts';
import { kubeClientOf, type TestKubeClient } from '../harness/kube-client.ts';
import { until } from '../harness/wait-for.ts';

class Scene implements AsyncDisposable {
  readonly kube: FakeKube;
  readonly queue: WorkQueue;
  readonly facts: QueueFact[] = [];
  readonly #client: TestKubeClient;

  constructor(kube: FakeKube, options: Partial<WorkQueueOptions>) {
    this.kube = kube;
    this.#client = kubeClientOf(kube);
    this.queue = new WorkQueue({
      name: 'secrets',
      facts: (fact) => void this.facts.push(fact),
      process: async (name, signal) => {
        const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'ai' } };
        const path = '/api/v1/namespaces/ai/secrets';
        await this.#client.request({ method: 'POST', path, body, signal });
        return { kind: 'done' };
      },
      ...options,
    });
  }

  get stored(): string[] {
    return this.kube.list('v1', 'Secret').map(({ metadata }) => metadata.name);
  }

  outcomes(key: string): string[] {
    return this.facts.flatMap((fact) =>
      fact.kind === 'queue.ended' && fact.key === key ? [fact.outcome] : [],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue.destroy(new Error('the test is over'));
    await this.#client.close();
    await this.kube[Symbol.asyncDispose]();
  }
}

async function openScene(options: Partial<WorkQueueOptions> = {}): Promise<Scene> {
  return new Scene(await openFakeKube(), options);
}

test('a key whose requests fail is tried until one does not, and the others do not wait for it', async () => {
  await using scene = await openScene();
  scene.kube.fail({ phase: 'create' }, { kind: 'status', status: 500 }, 4);
  scene.queue.add('a');
  await until(() => scene.outcomes('a').length >= 2, 'failures');
  scene.queue.add('b');
  await until(() => scene.stored.length === 2, 'both to be stored');
  await until(() => scene.queue.activeWorkers === 0, 'the end');
  const outcomes = [...scene.outcomes('a'), ...scene.outcomes('b')];
  expect(outcomes.filter((outcome) => outcome === 'error')).toHaveLength(4);
  expect(outcomes.filter((outcome) => outcome === 'success')).toHaveLength(2);
});

test('a request without an answer is ended by the deadline, and made again', async () => {
  await using scene = await openScene({ deadlineMs: 300 });
  scene.kube.fail({ phase: 'create' }, { kind: 'cut', how: 'silence', after: 'nothing' });
  scene.queue.add('a');
  await until(() => scene.stored.length === 1, 'the second try');
  await until(() => scene.outcomes('a').length >= 2, 'its end');
  expect(scene.outcomes('a')[0]).toBe('deadline');
  expect(scene.facts.map((fact) => fact.kind)).toContain('queue.overdue');
});

test('a queue that is closed ends its request, and begins no other', async () => {
  await using scene = await openScene();
  const { promise, resolve } = Promise.withResolvers<void>();
  scene.kube.fail({ phase: 'create' }, { kind: 'hold', until: promise });
  scene.queue.add('a');
  scene.queue.add('b');
  await until(() => scene.kube.requests.length === 1, 'the request');
  const closed = scene.queue.close();
  resolve();
  await closed;
  expect(scene.stored).toEqual(['a']);
  expect(scene.kube.requests).toHaveLength(1);
});

test('a thousand keys are done a few at a time, each once', async () => {
  await using scene = await openScene({ concurrency: 8 });
  for (let n = 0; n < 1000; n++) scene.queue.add(`secret-${String(n)}`);
  await until(() => scene.stored.length === 1000, 'all of them', 45_000);
  expect(scene.kube.requests).toHaveLength(1000);
  await until(() => scene.queue.activeWorkers === 0, 'the end');
  expect(scene.queue.depth).toBe(0);
}, 60_000);
