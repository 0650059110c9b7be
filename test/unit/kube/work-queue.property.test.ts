/** Whatever comes in whatever order: never two at once for a key, and no wish is lost. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { runs } from '../../harness/property-runs.ts';
import { queueScene, type QueueScene } from './queue-scene.ts';

const KEYS = ['a', 'b', 'c', 'd'];

type Step =
  | { readonly kind: 'add'; readonly key: string }
  | { readonly kind: 'end'; readonly key: string; readonly how: 'done' | 'fail' | 'again' }
  | { readonly kind: 'addAfter'; readonly key: string; readonly ms: number }
  | { readonly kind: 'advance'; readonly ms: number };

const key = fc.constantFrom(...KEYS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key }),
  fc.record({
    kind: fc.constant('end' as const),
    key,
    how: fc.constantFrom('done' as const, 'fail' as const, 'again' as const),
  }),
  fc.record({ kind: fc.constant('addAfter' as const), key, ms: fc.nat(3000) }),
  fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(5000) }),
);

/** What was asked for and not done yet. */
class Wishes {
  /** Keys of which a run must still begin. */
  readonly open = new Set<string>();
  /** When those which were asked for a later time are due; the earlier of two. */
  readonly #later = new Map<string, number>();
  #begun = 0;

  add(key: string): void {
    this.open.add(key);
  }

  addAfter(key: string, dueAt: number): void {
    this.#later.set(key, Math.min(this.#later.get(key) ?? Infinity, dueAt));
  }

  /** Compares with what has begun since the last call. Runs begin when the clock has been moved, so they come after what fell due. */
  account(scene: QueueScene, concurrency: number): void {
    for (const [key, dueAt] of this.#later) {
      if (dueAt > scene.clock.now()) continue;
      this.#later.delete(key);
      this.open.add(key);
    }
    for (const key of scene.begun.slice(this.#begun)) this.open.delete(key);
    this.#begun = scene.begun.length;
    const keys = scene.running.map((run) => run.key);
    if (new Set(keys).size < keys.length) throw new Error(`two at once: ${keys.join(', ')}`);
    if (keys.length > concurrency) throw new Error(`more than may run: ${keys.join(', ')}`);
  }

  get isEmpty(): boolean {
    return this.open.size === 0 && this.#later.size === 0;
  }
}

async function take(scene: QueueScene, at: Step, wishes: Wishes): Promise<void> {
  switch (at.kind) {
    case 'advance':
      return scene.advance(at.ms);
    case 'add':
      wishes.add(at.key);
      return scene.add(at.key);
    case 'addAfter':
      wishes.addAfter(at.key, scene.clock.now() + at.ms);
      return scene.queue.addAfter(at.key, at.ms);
    case 'end': {
      const run = scene.running.find((held) => held.key === at.key);
      if (at.how === 'again') await run?.again(50);
      else await run?.[at.how]();
    }
  }
}

/** From here on everything ends well: what was asked for is done within the longest delay. */
async function endWell(scene: QueueScene, wishes: Wishes, concurrency: number): Promise<void> {
  for (let n = 0; n < 40 && (!wishes.isEmpty || scene.running.length > 0); n++) {
    for (const run of scene.running.slice()) await run.done();
    wishes.account(scene, concurrency);
    await scene.advance(3000);
    wishes.account(scene, concurrency);
  }
}

test('no key runs twice at a time, no more run than may, and each wish is followed by a run that began after it', async () => {
  const steps = fc.array(step, { maxLength: 60 });
  const property = fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (steps, concurrency) => {
    const scene = queueScene({ concurrency });
    const wishes = new Wishes();
    for (const at of steps) {
      await take(scene, at, wishes);
      wishes.account(scene, concurrency);
    }
    await endWell(scene, wishes, concurrency);
    expect([...wishes.open]).toEqual([]);
    expect(scene.queue.depth).toBe(0);
    await scene.queue.close();
    expect(scene.clock.pending).toBe(0);
  });
  await fc.assert(property, runs(150));
});
