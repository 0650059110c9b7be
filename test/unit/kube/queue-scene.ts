/** A work queue whose clock stands still, and whose work the test ends by hand. */
import type { QueueFact } from '../../../src/kube/queue-facts.ts';
import { WorkQueue, type WorkQueueOptions, type WorkResult } from '../../../src/kube/work-queue.ts';
import { manualClock, type ManualClock } from '../../harness/clock.ts';

/** A run that waits for the test. */
export interface HeldRun {
  readonly key: string;
  readonly signal: AbortSignal;
  done(): Promise<void>;
  again(afterMs: number): Promise<void>;
  fail(error?: Error): Promise<void>;
}

export interface QueueScene {
  readonly queue: WorkQueue;
  readonly clock: ManualClock;
  readonly facts: QueueFact[];
  /** Runs that have begun and not ended, by age. */
  readonly running: HeldRun[];
  /** Keys in the order in which their runs began. */
  readonly begun: string[];
  /** Adds, and waits until what can run runs. */
  add(...keys: string[]): Promise<void>;
  /** Moves the clock, and waits until what can run runs. */
  advance(ms: number): Promise<void>;
  /** The oldest run of this key. */
  run(key: string): HeldRun;
  kinds(): string[];
}

export function queueScene(options: Partial<WorkQueueOptions> = {}): QueueScene {
  const clock = manualClock(1000);
  const facts: QueueFact[] = [];
  const running: HeldRun[] = [];
  const begun: string[] = [];
  const queue = new WorkQueue({
    name: 'routes',
    facts: (fact) => void facts.push(fact),
    clock,
    process(key, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<WorkResult>();
      const end = async (settle: () => void): Promise<void> => {
        running.splice(running.indexOf(held), 1);
        settle();
        await rounds();
      };
      const held: HeldRun = {
        key,
        signal,
        done: () => end(() => resolve({ kind: 'done' })),
        again: (afterMs) => end(() => resolve({ kind: 'again', afterMs })),
        fail: (error = new Error('no')) => end(() => reject(error)),
      };
      running.push(held);
      begun.push(key);
      return promise;
    },
    ...options,
  });
  return {
    queue,
    clock,
    facts,
    running,
    begun,
    async add(...keys) {
      for (const key of keys) queue.add(key);
      await rounds();
    },
    async advance(ms) {
      clock.advance(ms);
      await rounds();
    },
    run(key) {
      const found = running.find((held) => held.key === key);
      if (found === undefined) throw new Error(`${key} does not run`);
      return found;
    },
    kinds: () => facts.map((fact) => fact.kind.replace('queue.', '')),
  };
}

/** The event loop goes round a few times: the queue begins work in a turn of its own. */
export async function rounds(): Promise<void> {
  for (let n = 0; n < 3; n++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    setImmediate(resolve);
    await promise;
  }
}
