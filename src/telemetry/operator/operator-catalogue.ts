/**
 * Every metric of the operator: name, kind, labels, buckets, meaning. What controllers have in common keeps the names,
 * labels and buckets of controller-runtime and client-go, so that dashboards for them work; what is ours begins with
 * `turnbridge_operator_`. docs/operator.md is compared with it by a test.
 */
import { METRIC_PREFIX } from '../names.ts';
import type { MetricKind } from '../metrics/metric-definition.ts';

function define<K extends MetricKind, L extends string>(
  kind: K,
  name: string,
  labels: readonly L[],
  help: string,
  buckets: readonly number[] = [],
) {
  return { kind, name, labels, help, buckets } as const;
}

const OURS = `${METRIC_PREFIX}operator_`;

/** Of controller-runtime. */
const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** Of client-go's work queues: powers of ten. */
const QUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000];
/** Of client-go's requests. */
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
/** A bridge has a snapshot some 20 ms after it was written; asking ends after five seconds. */
const CONFIRM_BUCKETS = [0.05, 0.1, 0.15, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10];

export const OPERATOR_CATALOGUE = {
  reconciles: define(
    'counter',
    'controller_runtime_reconcile_total',
    ['controller', 'result'],
    'Reconciles that ended, by result.',
  ),
  reconcileErrors: define(
    'counter',
    'controller_runtime_reconcile_errors_total',
    ['controller'],
    'Reconciles that failed; each is tried again.',
  ),
  terminalErrors: define(
    'counter',
    'controller_runtime_terminal_reconcile_errors_total',
    ['controller'],
    'Always 0: there is no failure that is not tried again.',
  ),
  reconcileTime: define(
    'histogram',
    'controller_runtime_reconcile_time_seconds',
    ['controller'],
    'How long reconciles took.',
    RECONCILE_BUCKETS,
  ),
  maxConcurrent: define(
    'gauge',
    'controller_runtime_max_concurrent_reconciles',
    ['controller'],
    'Most reconciles at a time.',
  ),
  activeWorkers: define(
    'gauge',
    'controller_runtime_active_workers',
    ['controller'],
    'Reconciles running now.',
  ),
  queueDepth: define('gauge', 'workqueue_depth', ['name'], 'Keys waiting now.'),
  queueAdds: define('counter', 'workqueue_adds_total', ['name'], 'Keys added; duplicates do not count.'),
  queueDuration: define(
    'histogram',
    'workqueue_queue_duration_seconds',
    ['name'],
    'How long keys waited.',
    QUEUE_BUCKETS,
  ),
  workDuration: define(
    'histogram',
    'workqueue_work_duration_seconds',
    ['name'],
    'How long the work at keys took.',
    QUEUE_BUCKETS,
  ),
  unfinished: define(
    'gauge',
    'workqueue_unfinished_work_seconds',
    ['name'],
    'Time that the work which runs now has taken so far, added up.',
  ),
  longestRunning: define(
    'gauge',
    'workqueue_longest_running_processor_seconds',
    ['name'],
    'Time that the longest work which runs now has taken so far.',
  ),
  retries: define('counter', 'workqueue_retries_total', ['name'], 'Keys that failed and were put back.'),
  requests: define(
    'counter',
    'rest_client_requests_total',
    ['code', 'method', 'host'],
    'Requests to the API server, by status; the code is <error> where no answer came.',
  ),
  requestDuration: define(
    'histogram',
    'rest_client_request_duration_seconds',
    ['verb', 'host'],
    'How long requests to the API server took until they were answered; watches until they were open.',
    REQUEST_BUCKETS,
  ),
  leading: define(
    'gauge',
    'leader_election_master_status',
    ['name'],
    '1 while this process holds the Lease of that name.',
  ),

  ready: define(
    'gauge',
    `${OURS}ready`,
    [],
    '1 while /readyz says so: replicas that do not lead are ready, too.',
  ),
  routes: define(
    'gauge',
    `${OURS}routes`,
    ['state', 'reason'],
    'Routes, by what their statuses say; every replica counts all of them.',
  ),
  lists: define(
    'counter',
    `${OURS}lists_total`,
    ['resource', 'result'],
    'Lists of the API server, all pages of one counted once.',
  ),
  watches: define('counter', `${OURS}watches_total`, ['resource'], 'Watches that were opened.'),
  watchEnds: define(
    'counter',
    `${OURS}watch_ends_total`,
    ['resource', 'reason'],
    'Watches that ended, by reason.',
  ),
  watchEvents: define(
    'counter',
    `${OURS}watch_events_total`,
    ['resource', 'type'],
    'What watches brought, bookmarks included.',
  ),
  watchesFailing: define(
    'gauge',
    `${OURS}watches_failing`,
    ['resource'],
    'Lists and watches that failed and have not succeeded since; of several, how many.',
  ),
  lastEventAge: define(
    'gauge',
    `${OURS}last_event_age_seconds`,
    ['resource'],
    'Since the last news of a list or watch; of several, the oldest.',
  ),
  storeObjects: define(
    'gauge',
    `${OURS}store_objects`,
    ['resource'],
    'Objects that are known to exist; of Secrets and ConfigMaps that no route names, nothing else is known.',
  ),
  storeHeld: define(
    'gauge',
    `${OURS}store_references`,
    ['resource'],
    'Secrets and ConfigMaps that routes name and of which entries are kept.',
  ),
  snapshotBytes: define(
    'gauge',
    `${OURS}snapshot_bytes`,
    ['secret'],
    'Size of the compressed snapshot; a Secret holds 1 MiB.',
  ),
  snapshotRoutes: define('gauge', `${OURS}snapshot_routes`, ['secret'], 'Routes in the snapshot.'),
  snapshotLeftOut: define(
    'gauge',
    `${OURS}snapshot_routes_left_out`,
    ['secret'],
    'Routes that did not fit into the snapshot.',
  ),
  snapshotLevel: define(
    'gauge',
    `${OURS}snapshot_level`,
    ['secret'],
    '0 while there is room, 1 from 80 % of what a snapshot holds on, 2 while routes are left out.',
  ),
  compileTime: define(
    'histogram',
    `${OURS}compile_seconds`,
    [],
    'How long it took to decide on all routes of a snapshot and to pack it.',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  ),
  snapshotWrites: define('counter', `${OURS}snapshot_writes_total`, ['secret'], 'Snapshots written.'),
  snapshotForeign: define(
    'gauge',
    `${OURS}snapshot_foreign`,
    ['secret'],
    '1 while the Secret belongs to another installation and is left alone.',
  ),
  confirmTime: define(
    'histogram',
    `${OURS}confirm_seconds`,
    [],
    'From the write of a snapshot until all ready bridge pods were seen to serve it.',
    CONFIRM_BUCKETS,
  ),
  pods: define('gauge', `${OURS}bridge_pods`, [], 'Bridge pods that are ready.'),
  podsBehind: define(
    'gauge',
    `${OURS}bridge_pods_behind`,
    [],
    'Bridge pods that did not serve the last snapshot when the asking ended.',
  ),
  statusWrites: define('counter', `${OURS}status_writes_total`, [], 'Statuses of routes written.'),
  statusOverwrites: define(
    'counter',
    `${OURS}status_overwrites_total`,
    [],
    'Statuses that somebody else overwrote soon after they were written: a second operator for the same bridge name.',
  ),
  unreadable: define(
    'gauge',
    `${OURS}unreadable_namespaces`,
    [],
    'Namespaces with routes whose Secrets or ConfigMaps cannot be read.',
  ),
  events: define('counter', `${OURS}events_total`, ['result'], 'Kubernetes events, by what became of them.'),
} as const;
