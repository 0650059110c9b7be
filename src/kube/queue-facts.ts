/**
 * What a work queue announces. `queue` is its name, a label of metrics; keys are `namespace/name` and belong in logs
 * only. `depth` is what is left waiting in line. The metrics of client-go and controller-runtime are made of these.
 */
export type QueueFact =
  /** A key was added that was not in line yet (workqueue_adds_total, workqueue_depth). */
  | { readonly kind: 'queue.added'; readonly queue: string; readonly depth: number }
  /** A key is being worked at (workqueue_queue_duration_seconds; one more active worker). */
  | {
      readonly kind: 'queue.taken';
      readonly queue: string;
      readonly depth: number;
      readonly waitedSeconds: number;
    }
  /** The work at a key ended (workqueue_work_duration_seconds, controller_runtime_reconcile_*; one worker less). */
  | QueueEnded
  /** A failed key waits for its next attempt (workqueue_retries_total). */
  | { readonly kind: 'queue.retried'; readonly queue: string; readonly key: string; readonly afterMs: number }
  /** A run has passed its deadline and was told to stop. It holds its place until it has ended. */
  | { readonly kind: 'queue.overdue'; readonly queue: string; readonly key: string }
  /** A new key was not taken: as many are known as may be. */
  | { readonly kind: 'queue.refused'; readonly queue: string; readonly key: string };

export interface QueueEnded {
  readonly kind: 'queue.ended';
  readonly queue: string;
  readonly key: string;
  readonly depth: number;
  readonly workSeconds: number;
  /** The first three are the `result` of controller-runtime; a run that failed after its deadline is one of its errors. */
  readonly outcome: 'success' | 'requeue_after' | 'error' | 'deadline';
  /** What the work was rejected with. */
  readonly error?: unknown;
}
