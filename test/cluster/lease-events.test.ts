/** The operator's Lease and its events before the real API server, with the rights that its manifests give it. */
import { expect, test } from '@jest/globals';
import { EventRecorder } from '../../src/kube/event-recorder.ts';
import type { EventFact } from '../../src/kube/event-facts.ts';
import type { EventNote } from '../../src/kube/event-note.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { LeaderLease } from '../../src/kube/lease.ts';
import { defaultLeaseTimes, type LeaseTimes } from '../../src/kube/lease-decision.ts';
import type { LeaseFact } from '../../src/kube/lease-facts.ts';
import { openKubeClient } from '../../src/kube/open-kube-client.ts';
import { manualClock } from '../harness/clock.ts';
import { until } from '../harness/wait-for.ts';
import { applyRbac } from './rbac-manifests.ts';
import { startControlPlane, testWithFaults } from './start-control-plane.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();

/** Of the manifests. */
const LEASE = 'turnbridge-operator';

/** The product's, with looks that come soon: for leaders that are not to lose the Lease, however busy the machine is. */
const LASTING: LeaseTimes = { ...defaultLeaseTimes, retryPeriodMs: 100 };
/** For leaders that lose it: a test waits for that. Long enough that a machine that stands still for a moment takes it from none. */
const SHORT: LeaseTimes = { leaseDurationMs: 8000, renewDeadlineMs: 6000, retryPeriodMs: 100 };
const HANDOVER_MS = 20_000;
/** Many looks, and less than a Lease that lasts: it was given back. */
const NEXT_LOOK_MS = 10_000;

interface Contender {
  readonly lease: LeaderLease;
  readonly facts: LeaseFact[];
  readonly client: KubeClient;
  lost: number;
}

async function contender(
  kubeconfig: string,
  namespace: string,
  identity: string,
  times: LeaseTimes,
): Promise<Contender> {
  const client = await openKubeClient({ kubeconfig, facts: () => undefined, userAgent: 'turnbridge-test' });
  const facts: LeaseFact[] = [];
  const lease = new LeaderLease({
    client,
    namespace,
    name: LEASE,
    identity,
    facts: (fact) => void facts.push(fact),
    times,
  });
  const made: Contender = { lease, facts, client, lost: 0 };
  lease.start(
    () => undefined,
    () => (made.lost += 1),
  );
  return made;
}

async function end(...contenders: Contender[]): Promise<void> {
  for (const { lease, client } of contenders) {
    await lease.release();
    await client.close();
  }
}

/** The operator's own account in a namespace of its own. */
async function operatorPlace(): Promise<{ namespace: string; kubeconfig: string }> {
  const namespace = await cluster.namespace();
  await applyRbac(cluster, 'operator', { turnbridge: namespace });
  const kubeconfig = await cluster.kubeconfig({ as: { namespace, serviceAccount: 'turnbridge-operator' } });
  return { namespace, kubeconfig };
}

test('two contenders with the operator’s rights: one leads, it leaves, the other leads at its next look', async () => {
  const { namespace, kubeconfig } = await operatorPlace();
  const a = await contender(kubeconfig, namespace, 'a', LASTING);
  await until(() => a.lease.isLeader, 'a leader', HANDOVER_MS);
  const b = await contender(kubeconfig, namespace, 'b', LASTING);
  await until(() => b.lease.holder === 'a', 'that b knows', HANDOVER_MS);
  const renewals = (): number => a.facts.filter((fact) => fact.kind === 'lease.tried').length;
  await until(() => renewals() > 10, 'renewals', HANDOVER_MS);
  expect(a.facts.filter((fact) => fact.kind === 'lease.tried' && fact.result !== 'renewed')).toMatchObject([
    { result: 'created' },
  ]);
  await a.lease.release();
  await until(() => b.lease.isLeader, 'the next leader', NEXT_LOOK_MS);
  const { stdout } = await cluster.kubectl(['get', 'lease', LEASE, '-n', namespace, '-o', 'json']);
  expect(JSON.parse(stdout)).toMatchObject({ spec: { holderIdentity: 'b', leaseTransitions: 1 } });
  await end(a, b);
  const released = await cluster.kubectl(['get', 'lease', LEASE, '-n', namespace, '-o', 'json']);
  expect(JSON.parse(released.stdout)).toMatchObject({
    spec: { holderIdentity: '', leaseDurationSeconds: 1 },
  });
});

testWithFaults(
  'an API server that is gone ends the leader in time; when it is back, another leads',
  async () => {
    await using plane = await startControlPlane();
    const twice: string[] = [];
    const a = await contender(plane.kubeconfigPath, 'default', 'a', SHORT);
    await until(() => a.lease.isLeader, 'a leader', HANDOVER_MS);
    const b = await contender(plane.kubeconfigPath, 'default', 'b', SHORT);
    await until(() => b.lease.holder === 'a', 'that b knows', HANDOVER_MS);
    const watching = setInterval(() => {
      if (a.lease.isLeader && b.lease.isLeader) twice.push('two leaders');
    }, 5);
    plane.freeze('apiserver');
    await until(() => a.lost === 1, 'the loss', HANDOVER_MS);
    expect([a.lease.isLeader, b.lease.isLeader]).toEqual([false, false]);
    plane.thaw('apiserver');
    await until(() => b.lease.isLeader, 'the next leader', HANDOVER_MS);
    const c = await contender(plane.kubeconfigPath, 'default', 'c', SHORT);
    await plane.kill('apiserver');
    await until(() => b.lost === 1, 'its loss', HANDOVER_MS);
    await plane.start('apiserver');
    await until(() => c.lease.isLeader, 'a third leader', HANDOVER_MS);
    clearInterval(watching);
    expect(twice).toEqual([]);
    await end(a, b, c);
  },
);

test('events are accepted with everything at its limit, and kubectl shows how often they were told', async () => {
  const { namespace, kubeconfig } = await operatorPlace();
  const client = await openKubeClient({ kubeconfig, facts: () => undefined, userAgent: 'turnbridge-test' });
  const facts: EventFact[] = [];
  const clock = manualClock();
  const recorder = new EventRecorder({
    client,
    reportingController: 'turnbridge.dev/operator',
    reportingInstance: `operator-${'x'.repeat(200)}`,
    facts: (fact) => void facts.push(fact),
    clock,
  });
  const regarding = {
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    namespace,
    // The longest there is: the event's name is made of it.
    name: `${'a'.repeat(236)}.${'b'.repeat(16)}`,
    uid: '5a2b3c4d-0000-4000-8000-000000000000',
    resourceVersion: '7',
  };
  const note: EventNote = {
    regarding,
    type: 'Warning',
    reason: 'SecretNotFound',
    action: 'Compile',
    note: `spec.providers[0].auth: ${'€'.repeat(1000)}`,
  };
  recorder.record(note);
  await until(() => facts.length === 1, 'the event');
  for (let n = 0; n < 4; n++) recorder.record(note);
  await until(() => facts.length === 2, 'its count');
  clock.advance(6 * 60_000);
  await until(() => facts.length === 3, 'its last count');
  recorder.record({ ...note, type: 'Normal', reason: 'Accepted', note: '' });
  recorder.record({ ...note, regarding: { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' } });
  await recorder.close();
  await client.close();
  expect(facts).toMatchObject([
    { kind: 'event.sent', how: 'created' },
    { kind: 'event.sent', how: 'counted' },
    { kind: 'event.sent', how: 'counted' },
    { kind: 'event.sent', how: 'created' },
    { kind: 'event.sent', how: 'created' },
  ]);
  const { stdout } = await cluster.kubectl(['get', 'events.v1.events.k8s.io', '-n', namespace, '-o', 'json']);
  const { items } = JSON.parse(stdout) as {
    items: { reason: string; note: string; series?: { count: number } }[];
  };
  const counts = Object.fromEntries(items.map(({ reason, series }) => [reason, series?.count]));
  expect(counts).toEqual({ Accepted: undefined, SecretNotFound: 5 });
  const told = items.find(({ reason }) => reason === 'SecretNotFound');
  expect(told?.note).toMatch(/^spec\.providers\[0\]\.auth: €+…$/);
});
