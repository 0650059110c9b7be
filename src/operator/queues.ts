/** The work queues of an operator. */
import type { KubeFacts } from '../kube/kube-facts.ts';
import { WorkQueue, type WorkQueueOptions } from '../kube/work-queue.ts';

/**
 * Keys at a time. One snapshot, because all of them follow the same references; statuses are small writes, and the API
 * server's own limits are far above.
 */
export const CONCURRENCY = { snapshot: 1, status: 8 } as const;
/** A reconcile that takes longer hangs: all its requests have limits of their own. */
const RECONCILE_DEADLINE_MS = 20_000;

/** Owned by the caller: `close()`, or `destroy()`. */
export function openQueue(
  name: keyof typeof CONCURRENCY,
  facts: KubeFacts,
  process: WorkQueueOptions['process'],
): WorkQueue {
  return new WorkQueue({
    name,
    concurrency: CONCURRENCY[name],
    process,
    facts,
    deadlineMs: RECONCILE_DEADLINE_MS,
  });
}
