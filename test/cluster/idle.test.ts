/** An installation that is left alone: nothing is written but the Lease, and nothing grows. */
import { afterAll, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import type { Api } from './api.ts';
import { changeRoute, createAll, follow, memberOf, randomKey, untilAll, type Following } from './crowd.ts';
import {
  inMegabytes,
  metricsOf,
  probed,
  readSettled,
  socketsOf,
  sumBy,
  sumOf,
  type ProcessReading,
} from './process-reading.ts';
import { openStage, type RunningOperator } from './stage.ts';
import { useCluster } from './use-cluster.ts';

const ROUTES = 50;
/**
 * Twice what the operator lets pass between two looks at its Secret and at the pods. Time itself is what this is
 * about; longer by hand: `TURNBRIDGE_IDLE_SECONDS=1800`.
 */
const IDLE_MS = 1000 * Number(process.env['TURNBRIDGE_IDLE_SECONDS'] ?? 60);
const WAIT_MS = 60_000;
/** A few kilobytes are counters and timers; a leak of each look would be seen to be more over a longer time. */
const MAX_GROWTH_BYTES = 2e6;

const cluster = useCluster();
const figures: string[] = [];

afterAll(() => {
  process.stdout.write(`${figures.join('\n')}\n`);
});

test(
  'an operator and two bridges with nothing to do write nothing but the Lease, and do not grow',
  async () => {
    await using stage = await openStage(cluster);
    const api = await cluster.adminClient();
    const members = Array.from({ length: ROUTES }, (_, index) => memberOf(stage, index, [stage.namespace]));
    await createAll(api, [
      stage.secret('clients', { ada: randomKey() }),
      ...members.flatMap(({ secret, route }) => [secret, route]),
    ]);
    const first = await stage.startBridge({ unready: true, env: probed });
    const second = await stage.startBridge({ unready: true, env: probed });
    const operator = await stage.startOperator({ env: probed });
    await using routes = await followIn(api, stage.namespace, 'responsesroutes');
    await untilAll(routes, members, ['Ready', 'True'], WAIT_MS);
    await until(() => isQuiet(operator), 'the operator to have no work left', WAIT_MS);
    await using events = await followIn(api, stage.namespace, 'events');
    // they are sent by and by: Accepted and Programmed of each
    await until(() => events.objects.size >= 2 * ROUTES, 'the events of all routes', WAIT_MS);

    await using secrets = await followIn(api, stage.namespace, 'secrets');
    await using configMaps = await followIn(api, stage.namespace, 'configmaps');
    await using slices = await followIn(api, stage.namespace, 'endpointslices');
    await using leases = await followIn(api, stage.namespace, 'leases');
    const settled = { routes: routes.changes.length, events: events.changes.length };
    const processes = { operator, 'first bridge': first, 'second bridge': second };
    const before = await readAll(processes);
    const requestsBefore = await metricsOf(operator);
    const renewalsBefore = leases.changes.length;
    const serverBefore = await serverMetrics(api);

    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));

    const serverAfter = await serverMetrics(api);
    const requestsAfter = await metricsOf(operator);
    const renewals = leases.changes.length - renewalsBefore;
    const after = await readAll(processes, before);
    const seen = [
      ...routes.changes.slice(settled.routes),
      ...events.changes.slice(settled.events),
      ...[secrets, configMaps, slices].flatMap(({ changes }) => changes),
    ];
    expect(seen).toEqual([]);
    expect(new Set(leases.changes)).toEqual(new Set([`MODIFIED ${stage.namespace}/turnbridge-operator`]));
    const asked = difference(requestsBefore, requestsAfter, 'rest_client_requests_total', 'method');
    expect(asked).toEqual({ GET: expect.any(Number), PUT: expect.any(Number) });
    // the readings are moments apart, in which a renewal may fall at either end
    expect(Math.abs((asked['PUT'] ?? 0) - renewals)).toBeLessThanOrEqual(2);
    for (const resource of ['responsesroutes', 'secrets', 'events', 'endpointslices'])
      expect(writesTo(resource, serverAfter) - writesTo(resource, serverBefore)).toBe(0);

    figures.push(
      `idle for ${String(IDLE_MS / 1000)} s, ${String(ROUTES)} routes: requests ${JSON.stringify(asked)}`,
    );
    for (const [name, then] of Object.entries(before)) {
      const now = after[name]!;
      figures.push(
        [
          `${name.padEnd(14)} CPU ${(now.cpuSeconds - then.cpuSeconds).toFixed(2)} s`,
          `heap ${inMegabytes(then.heapBytes)} to ${inMegabytes(now.heapBytes)}`,
          `RSS ${inMegabytes(then.rssBytes)} to ${inMegabytes(now.rssBytes)}`,
          `sockets ${String(then.sockets)} to ${String(now.sockets)}`,
          `loop held ${now.heldCpuMs.toFixed(0)} ms`,
        ].join(', '),
      );
      expect(now.heapBytes).toBeLessThan(then.heapBytes + MAX_GROWTH_BYTES);
      // what the runtime keeps for itself varies by some megabytes
      expect(now.rssBytes - then.rssBytes).toBeLessThan(24e6);
      // one may be asking or be asked just now
      expect(now.sockets - then.sockets).toBeLessThanOrEqual(2);
      expect(now.cpuSeconds - then.cpuSeconds).toBeLessThan((0.1 * IDLE_MS) / 1000);
    }

    // all these eyes were open: a change is seen by each
    await changeRoute(api, members[0]!, { limits: { maxConnections: 7 } });
    await until(
      () => routes.changes.length >= settled.routes + 2 && secrets.changes.length > 0,
      'the change to be seen',
    );
    expect(writesTo('responsesroutes', await serverMetrics(api))).toBeGreaterThan(
      writesTo('responsesroutes', serverAfter),
    );
  },
  IDLE_MS + 180_000,
);

const groups: Readonly<Record<string, string>> = {
  responsesroutes: 'apis/turnbridge.dev/v1alpha1',
  events: 'apis/events.k8s.io/v1',
  endpointslices: 'apis/discovery.k8s.io/v1',
  leases: 'apis/coordination.k8s.io/v1',
};

function followIn(api: Api, namespace: string, resource: string): Promise<Following> {
  return follow(api, `/${groups[resource] ?? 'api/v1'}/namespaces/${namespace}/${resource}`);
}

/** No key waits, none is worked at, and the pods have confirmed what was written. */
async function isQuiet(operator: RunningOperator): Promise<boolean> {
  const text = await metricsOf(operator);
  return (
    sumOf(text, 'turnbridge_operator_confirm_seconds_count') > 0 &&
    sumOf(text, 'workqueue_depth') === 0 &&
    sumOf(text, 'controller_runtime_active_workers') === 0
  );
}

/** @param before each is read until it holds little more than then: a look that is under way holds what it reads */
async function readAll(
  processes: Readonly<Record<string, RunningOperator>>,
  before: Readonly<Record<string, ProcessReading>> = {},
) {
  const entries = Object.entries(processes).map(async ([name, running]) => {
    const { heapBytes } = before[name] ?? { heapBytes: Infinity };
    const reading = await readSettled(running, heapBytes + MAX_GROWTH_BYTES);
    return [name, { ...reading, sockets: await socketsOf(running) }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function serverMetrics(api: Api): Promise<string> {
  return api.request<string>({ path: '/metrics' });
}

/** Of anybody, status included. */
function writesTo(resource: string, text: string): number {
  const writes = ['POST', 'PUT', 'PATCH', 'APPLY'].map((verb) => {
    const labels = new RegExp(`(?=.*resource="${resource}")(?=.*verb="${verb}")`);
    return sumOf(text, 'apiserver_request_total', labels);
  });
  return writes.reduce((sum, count) => sum + count, 0);
}

function difference(before: string, after: string, metric: string, label: string): Record<string, number> {
  const then = sumBy(before, metric, label);
  const counts = [...sumBy(after, metric, label)].map(
    ([name, count]) => [name, count - (then.get(name) ?? 0)] as const,
  );
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
}
