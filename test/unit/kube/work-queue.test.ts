import { describe, expect, test } from '@jest/globals';
import { WorkQueue } from '../../../src/kube/work-queue.ts';
import { KubeError } from '../../../src/kube/kube-error.ts';
import { queueScene, rounds } from './queue-scene.ts';

describe('keys', () => {
  test('are worked at in the order in which they came, as many at a time as was said', async () => {
    const scene = queueScene({ concurrency: 2 });
    await scene.add('a', 'b', 'c', 'd');
    expect(scene.begun).toEqual(['a', 'b']);
    expect(scene.queue.depth).toBe(2);
    expect(scene.queue.activeWorkers).toBe(2);
    await scene.run('b').done();
    expect(scene.begun).toEqual(['a', 'b', 'c']);
    await scene.run('a').done();
    await scene.run('c').done();
    await scene.run('d').done();
    expect(scene.queue.depth).toBe(0);
    expect(scene.queue.activeWorkers).toBe(0);
  });

  test('never begin inside add', () => {
    const scene = queueScene();
    scene.queue.add('a');
    expect(scene.begun).toEqual([]);
  });

  test('that wait already are not added twice', async () => {
    const scene = queueScene();
    await scene.add('a', 'b', 'b', 'b');
    expect(scene.queue.depth).toBe(1);
    await scene.run('a').done();
    await scene.run('b').done();
    expect(scene.begun).toEqual(['a', 'b']);
  });

  test('that are added while they run, however often, run once more afterwards and never twice at a time', async () => {
    const scene = queueScene({ concurrency: 4 });
    await scene.add('a');
    await scene.add('a', 'a');
    await scene.add('a');
    expect(scene.running).toHaveLength(1);
    expect(scene.queue.depth).toBe(1);
    await scene.run('a').done();
    expect(scene.running).toHaveLength(1);
    await scene.run('a').done();
    expect(scene.begun).toEqual(['a', 'a']);
  });

  test('beyond the bound are refused and told of; those that are known are not, and an ended key makes room', async () => {
    const scene = queueScene({ maxKeys: 2 });
    await scene.add('a', 'b', 'c', 'b', 'a');
    scene.queue.addAfter('d', 10);
    expect(scene.facts.flatMap((fact) => (fact.kind === 'queue.refused' ? [fact.key] : []))).toEqual([
      'c',
      'd',
    ]);
    await scene.run('a').done();
    await scene.add('c');
    await scene.run('b').done();
    expect(scene.begun).toEqual(['a', 'b', 'c']);
  });

  test('are forgotten when their work is done: a million of them leave nothing behind', async () => {
    const scene = queueScene({ maxKeys: 1 });
    for (let n = 0; n < 50; n++) {
      await scene.add(`key-${String(n)}`);
      await scene.run(`key-${String(n)}`).done();
    }
    expect(scene.begun).toHaveLength(50);
    expect(scene.clock.pending).toBe(0);
  });
});

describe('later', () => {
  test('a key runs when its time has come; of two wishes the earlier counts', async () => {
    const scene = queueScene();
    scene.queue.addAfter('a', 500);
    scene.queue.addAfter('a', 100);
    scene.queue.addAfter('a', 900);
    expect(scene.clock.pending).toBe(1);
    await scene.advance(99);
    expect(scene.begun).toEqual([]);
    await scene.advance(1);
    expect(scene.begun).toEqual(['a']);
    await scene.run('a').done();
    await scene.advance(10_000);
    expect(scene.begun).toEqual(['a']);
  });

  test('a wish for later is kept when the key runs before', async () => {
    const scene = queueScene();
    scene.queue.addAfter('a', 500);
    await scene.add('a');
    await scene.run('a').done();
    await scene.advance(500);
    expect(scene.begun).toEqual(['a', 'a']);
  });

  test('a wish for later is kept when work asks to be called again before', async () => {
    const scene = queueScene();
    await scene.add('a');
    await scene.run('a').again(50);
    scene.queue.addAfter('a', 51);
    await scene.advance(50);
    await scene.run('a').done();
    await scene.advance(1);
    expect(scene.begun).toEqual(['a', 'a', 'a']);
  });

  test('work that asks to be called again is called when it said, and it counts as a success', async () => {
    const scene = queueScene();
    await scene.add('a');
    await scene.run('a').again(30_000);
    expect(scene.facts.at(-1)).toMatchObject({ kind: 'queue.ended', outcome: 'requeue_after' });
    await scene.advance(29_999);
    expect(scene.begun).toEqual(['a']);
    await scene.advance(1);
    expect(scene.begun).toEqual(['a', 'a']);
  });

  test('a run before that makes it needless: the run says anew when to be called', async () => {
    const scene = queueScene();
    await scene.add('a');
    await scene.run('a').again(30_000);
    await scene.advance(10_000);
    await scene.add('a');
    await scene.run('a').again(30_000);
    await scene.advance(29_999);
    expect(scene.begun).toEqual(['a', 'a']);
    await scene.advance(1);
    expect(scene.begun).toEqual(['a', 'a', 'a']);
  });

  test('work that wants to be called at once again lets a little time pass', async () => {
    const scene = queueScene();
    await scene.add('a');
    await scene.run('a').again(0);
    await scene.advance(4);
    expect(scene.begun).toEqual(['a']);
    await scene.advance(1);
    expect(scene.begun).toEqual(['a', 'a']);
  });
});

describe('failures', () => {
  test('have the key tried again, later each time; a success forgets them', async () => {
    const scene = queueScene();
    await scene.add('a');
    for (const ms of [5, 10, 20, 40]) {
      await scene.run('a').fail();
      expect(scene.facts.at(-1)).toMatchObject({ kind: 'queue.retried', key: 'a', afterMs: ms });
      await scene.advance(ms - 1);
      expect(scene.running).toEqual([]);
      await scene.advance(1);
    }
    await scene.run('a').done();
    await scene.add('a');
    await scene.run('a').fail();
    expect(scene.facts.at(-1)).toMatchObject({ kind: 'queue.retried', afterMs: 5 });
  });

  test('that name a time to wait for are not tried again before, and not hours later either', async () => {
    const scene = queueScene();
    await scene.add('a');
    for (const [retryAfterMs, afterMs] of [
      [30_000, 30_000],
      [1, 10],
      [86_400_000, 300_000],
    ] as const) {
      await scene.run('a').fail(new KubeError('PATCH /x: 429', { status: 429, retryAfterMs }));
      expect(scene.facts.at(-1)).toMatchObject({ kind: 'queue.retried', afterMs });
      await scene.advance(afterMs - 1);
      expect(scene.running).toEqual([]);
      await scene.advance(1);
      expect(scene.running).toHaveLength(1);
    }
  });

  test('are forgotten also by work that succeeds and asks to be called again', async () => {
    const scene = queueScene();
    await scene.add('a');
    await scene.run('a').fail();
    await scene.advance(5);
    await scene.run('a').again(100);
    await scene.advance(100);
    await scene.run('a').fail();
    expect(scene.facts.at(-1)).toMatchObject({ kind: 'queue.retried', afterMs: 5 });
  });

  test('are told with their reason, and an exception is one like a rejection', async () => {
    const error = new Error('the API server said 500');
    const scene = queueScene({
      process() {
        throw error;
      },
    });
    await scene.add('a');
    expect(scene.kinds()).toEqual(['added', 'taken', 'ended', 'retried']);
    expect(scene.facts[2]).toMatchObject({ outcome: 'error', error, key: 'a' });
  });

  test('of one key do not hold up the others', async () => {
    const scene = queueScene();
    await scene.add('a', 'b');
    await scene.run('a').fail();
    expect(scene.begun).toEqual(['a', 'b']);
  });

  test('a key that is added while it waits for its next attempt is tried at once, and not a second time for the old failure', async () => {
    const scene = queueScene();
    await scene.add('a');
    await scene.run('a').fail();
    await scene.add('a');
    await scene.run('a').done();
    await scene.advance(2_000_000);
    expect(scene.begun).toEqual(['a', 'a']);
    expect(scene.clock.pending).toBe(0);
  });
});

describe('a deadline', () => {
  test('tells the work to stop, and the key is tried again when it has', async () => {
    const scene = queueScene({ deadlineMs: 1000 });
    await scene.add('a', 'b');
    await scene.advance(999);
    expect(scene.run('a').signal.aborted).toBe(false);
    await scene.advance(1);
    const run = scene.run('a');
    expect(run.signal.aborted).toBe(true);
    expect(String(run.signal.reason)).toContain('not done within 1000 ms');
    expect(scene.kinds()).toContain('overdue');
    expect(scene.begun).toEqual(['a']);
    await run.fail();
    expect(scene.facts.find((fact) => fact.kind === 'queue.ended')).toMatchObject({ outcome: 'deadline' });
    expect(scene.begun).toEqual(['a', 'b']);
    await scene.run('b').done();
    await scene.advance(5);
    expect(scene.begun).toEqual(['a', 'b', 'a']);
  });

  test('that the work passes and is done all the same leaves nothing to be tried again', async () => {
    const scene = queueScene({ deadlineMs: 1000 });
    await scene.add('a');
    await scene.advance(1500);
    await scene.run('a').done();
    expect(scene.facts.at(-1)).toMatchObject({ kind: 'queue.ended', outcome: 'success', workSeconds: 1.5 });
    expect(scene.clock.pending).toBe(0);
  });
});

describe('the end', () => {
  test('drops what waits and waits for what runs; both may be asked for twice', async () => {
    const scene = queueScene();
    await scene.add('a', 'b');
    scene.queue.addAfter('c', 10);
    let isClosed = false;
    const closed = scene.queue.close().then(() => (isClosed = true));
    await rounds();
    expect(isClosed).toBe(false);
    expect(scene.run('a').signal.aborted).toBe(false);
    await scene.add('d', 'a');
    await scene.run('a').fail();
    await closed;
    await scene.queue.close();
    await scene.advance(10_000);
    expect(scene.begun).toEqual(['a']);
    expect(scene.clock.pending).toBe(0);
    expect(scene.queue.depth).toBe(0);
  });

  test('by force tells what runs to stop, also after a gentle one', async () => {
    const scene = queueScene();
    await scene.add('a');
    const gentle = scene.queue.close();
    const reason = new Error('the lease is lost');
    const forced = scene.queue.destroy(reason);
    expect(scene.run('a').signal.reason).toBe(reason);
    await scene.run('a').fail(reason);
    await Promise.all([gentle, forced]);
  });

  test('of a queue that does nothing comes at once', async () => {
    const queue = new WorkQueue({
      name: 'routes',
      facts: () => undefined,
      process: () => Promise.resolve({ kind: 'done' }),
    });
    queue.add('a');
    await queue.close();
    await rounds();
    expect(queue.depth).toBe(0);
  });
});

test('the facts tell how long a key waited, how long the work took, and what is under way', async () => {
  const scene = queueScene();
  await scene.add('a');
  await scene.advance(250);
  scene.queue.add('b');
  await scene.advance(750);
  expect(scene.queue.unfinishedSeconds).toBe(1);
  expect(scene.queue.longestRunningSeconds).toBe(1);
  await scene.run('a').done();
  expect(scene.facts).toEqual([
    { kind: 'queue.added', queue: 'routes', depth: 1 },
    { kind: 'queue.taken', queue: 'routes', depth: 0, waitedSeconds: 0 },
    { kind: 'queue.added', queue: 'routes', depth: 1 },
    { kind: 'queue.ended', queue: 'routes', key: 'a', depth: 1, workSeconds: 1, outcome: 'success' },
    { kind: 'queue.taken', queue: 'routes', depth: 0, waitedSeconds: 0.75 },
  ]);
  expect(scene.queue.longestRunningSeconds).toBe(0);
});
