/**
 * Bridges come and go while two hundred clients and the real Codex go on: what is planned loses no turn and shows none.
 * Drain times are scaled to turns of at most 30 s: a deadline of 60 s instead of an hour.
 */
import { beforeAll, expect, test } from '@jest/globals';
import { useClients } from '../../clients/use-clients.ts';
import { CodexLanes } from '../load/codex-lanes.ts';
import { killContainer } from '../load/kill-container.ts';
import type { TurnRecord } from '../load/session.ts';
import { SteadyLoad } from '../load/steady-load.ts';
import { tally, type Tally, type Window } from '../load/tally.ts';
import { openTimedProvider } from '../load/timed-provider.ts';
import { until } from '../../harness/wait-for.ts';
import type { Release } from '../release.ts';
import { useNode, type Pod } from '../use-node.ts';

useClients();
const node = useNode();

const CLIENTS = 200;
const CODEX_LANES = 3;
const BRIDGES = 'app.kubernetes.io/component=bridge';
/**
 * As by default, but for these: the deadline is longer than the longest turn, and the grace period than both. The delay is
 * the default: what it waits for, controllers and nodes, is as slow here as elsewhere.
 */
const VALUES = {
  bridge: {
    replicas: 3,
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    flags: { drainDelay: 10, drainSpread: 5, drainDeadline: 60, drainLinger: 2 },
    terminationGracePeriodSeconds: 75,
  },
};

/** Until nodes do what a Service says: about a second. */
const FOLLOW_MS = 2000;

let namespace = '';
let release: Release;

beforeAll(async () => {
  namespace = await node.namespace({ enforce: 'restricted' });
  // an operator reads the routes of all namespaces, and a name of its own keeps others' out
  const values = { bridge: { ...VALUES.bridge, bridgeName: namespace } };
  release = await node.install({ namespace, values });
}, 180_000);

function bridges(): Promise<readonly Pod[]> {
  return node.pods(namespace, BRIDGES);
}

/** Also those that end. */
async function settled(count: number): Promise<void> {
  await node.readyPods(namespace, BRIDGES, count);
  const gone = ['wait', '--for=delete', 'pod', '-n', namespace, '-l', BRIDGES, '--field-selector'];
  const { items } = await node.get<{ items: readonly Pod[] }>(['pods', '-n', namespace, '-l', BRIDGES]);
  for (const { metadata } of items.filter((pod) => pod.metadata.deletionTimestamp !== undefined))
    await node.mustKubectl([...gone, `metadata.name=${metadata.name}`, '--timeout=120s'], {
      timeoutMs: 130_000,
    });
}

async function rollout(deployment: string, ...args: readonly string[]): Promise<void> {
  const name = `deployment/${deployment}`;
  if (args.length > 0) await node.mustKubectl([...args, name, '-n', namespace]);
  await node.mustKubectl(['rollout', 'status', name, '-n', namespace, '--timeout=180s'], {
    timeoutMs: 190_000,
  });
}

/** Of one pod, as it says itself. */
async function activeTurns(pod: Pod): Promise<number> {
  const response = await fetch(`http://${pod.status.podIP ?? ''}:9464/metrics`);
  const lines = (await response.text()).split('\n').filter((line) => /^turnbridge_turns_active\b/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Addresses of the bridges that the Service leads to. */
async function endpoints(): Promise<readonly string[]> {
  const words = ['endpointslices', '-n', namespace, '-l', 'kubernetes.io/service-name=turnbridge'];
  const { items } = await node.get<{ items: readonly EndpointSlice[] }>(words);
  const all = items.flatMap((slice) => slice.endpoints ?? []);
  return all.flatMap(({ addresses, conditions }) => (conditions?.ready === true ? addresses : []));
}

interface EndpointSlice {
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean };
  }[];
}

interface Event {
  readonly name: string;
  readonly window: Window;
  readonly idleCloses: number;
}

test('planned events lose no turn and show none; of a pod that is killed only its own turns break', async () => {
  await using provider = await openTimedProvider(node.addresses[11] ?? '');
  await node.apply(
    {
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      metadata: { name: 'timed' },
      spec: {
        bridgeName: namespace,
        clients: { auth: { type: 'None' } },
        providers: [{ name: 'timed', url: provider.url, auth: { type: 'None' } }],
      },
    },
    namespace,
  );
  await node.mustKubectl([
    'wait',
    '--for=condition=Ready',
    'responsesroute/timed',
    '-n',
    namespace,
    '--timeout=60s',
  ]);
  await using load = new SteadyLoad({ url: `${release.serviceUrl}/v1/responses`, clients: CLIENTS });
  await using codex = new CodexLanes(`${release.serviceUrl}/v1`, CODEX_LANES);

  const meet = async (name: string, action: () => Promise<void>): Promise<Event> => {
    await load.steady();
    const before = load.idleCloses;
    const from = performance.now();
    await action();
    const window = { from, to: performance.now() };
    await load.round();
    return { name, window, idleCloses: load.idleCloses - before };
  };

  const planned = [
    await meet('rollout restart', async () => {
      await rollout('turnbridge', 'rollout', 'restart');
      await settled(3);
    }),
    await meet('scale down from 3 to 2', async () => {
      await rollout('turnbridge', 'scale', '--replicas=2');
      await settled(2);
    }),
    await meet('node drain', async () => {
      const [first] = await bridges();
      const name = first?.spec.nodeName ?? '';
      const flags = ['--ignore-daemonsets', '--delete-emptydir-data', '--timeout=300s'];
      await node.mustKubectl(['drain', name, ...flags], { timeoutMs: 310_000 });
      await node.mustKubectl(['uncordon', name]);
      await settled(2);
    }),
    await meet('operator restart', () => rollout('turnbridge-operator', 'rollout', 'restart')),
  ];

  let onKilledPod = 0;
  /** When the Service was first seen to lead elsewhere: until then every second retry goes to the dead. */
  let leftAloneMs: number | undefined;
  /** While the Service led to the dead, or, where that was not seen, until all was well again. */
  let ledAstray: Window | undefined;
  const killed = await meet('kill -9', async () => {
    const two = await node.readyPods(namespace, BRIDGES, 2);
    // both: who loses one goes to the other, and what is proven is that this is enough
    const isListed = async (): Promise<boolean> => {
      const listed = await endpoints();
      return two.every(({ status }) => listed.includes(status.podIP ?? ''));
    };
    await until(isListed, 'both bridges behind the Service', 60_000);
    const [victim] = two;
    onKilledPod = await activeTurns(victim!);
    const from = performance.now();
    await killContainer(victim!, 'bridge');
    const killedAt = performance.now();
    // what stays to be seen: it may be ready again before anybody has looked
    const restarts = async (): Promise<number> => {
      const found = (await bridges()).find(({ metadata }) => metadata.uid === victim!.metadata.uid);
      return found?.status.containerStatuses?.[0]?.restartCount ?? 0;
    };
    const hasRestarted = async (): Promise<boolean> => {
      const listed = await endpoints();
      if (!listed.includes(victim!.status.podIP ?? '')) leftAloneMs ??= performance.now() - killedAt;
      return (await restarts()) > 0;
    };
    await until(hasRestarted, 'its container to start again', 60_000);
    await node.readyPods(namespace, BRIDGES, 2);
    ledAstray = { from, to: leftAloneMs === undefined ? performance.now() : killedAt + leftAloneMs };
  });
  await load.close();
  await codex.close();

  const rows = [...planned, killed].map(({ name, window, idleCloses }) => {
    const runs = codex.during(window);
    return {
      name,
      seconds: Math.round((window.to - window.from) / 1000),
      ...tally(load.records, provider.asked, window),
      idleCloses,
      codexRuns: runs.length,
      codexIncomplete: runs.filter(({ isComplete }) => !isComplete).length,
      codexShown: runs.flatMap((run) => run.complaints),
      codexRetries: runs.flatMap(({ retries }) => retries).length,
    };
  });
  process.stdout.write(
    `${JSON.stringify({ rows, onKilledPod, leftAloneMs, turns: load.records.length }, undefined, 1)}\n`,
  );

  for (const row of rows.slice(0, -1)) {
    expect(row).toMatchObject({ lost: 0, shown: 0, askedAgain: 0, codexIncomplete: 0, codexShown: [] });
    expect(row.metRunning).toBeGreaterThan(CLIENTS / 4);
  }
  expectKilled(rows.at(-1)!, onKilledPod);
  // Codex and clients like it send again what broke; the SDK does not, and says so
  const lost = load.records.filter(({ outcome, kind }) => outcome === 'lost' && kind === 'websocket');
  expect(lost.filter((record) => !isAstray(record, ledAstray!))).toEqual([]);
}, 1_500_000);

/** Whether a turn met the dead pod again and again, to which its Service led: neither its client nor a bridge can help that. */
function isAstray({ retries }: TurnRecord, { from, to }: Window): boolean {
  return retries.every(
    ({ at, why }, index) => at >= from && at <= to + FOLLOW_MS && (index === 0 || why === 'ECONNREFUSED'),
  );
}

/** Only what ran on that pod breaks; it is sent again, and completes. */
function expectKilled(row: Tally & { readonly codexIncomplete: number }, onKilledPod: number): void {
  expect(row.broken).toBeGreaterThan(0);
  // a few may have begun between the look and the end of the process
  expect(row.broken).toBeLessThanOrEqual(onKilledPod + 20);
  expect(row.askedAgain).toBeLessThanOrEqual(row.broken);
  expect(row.codexIncomplete).toBe(0);
}
