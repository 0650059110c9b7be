/**
 * Contenders for one Lease, each with a client of its own, before a real server on loopback. What depends on exact
 * times is in test/unit/kube/lease*.test.ts, on a clock of the test's.
 */
import { describe, expect, test } from '@jest/globals';
import { LeaderLease } from '../../src/kube/lease.ts';
import type { LeaseTimes } from '../../src/kube/lease-decision.ts';
import type { LeaseFact } from '../../src/kube/lease-facts.ts';
import type { Fault } from '../harness/fake-kube-faults.ts';
import { openFakeKube, type FakeKube } from '../harness/fake-kube.ts';
import { kubeClientOf, type TestKubeClient } from '../harness/kube-client.ts';
import { until } from '../harness/wait-for.ts';

/** Short for a test, and long enough that a busy machine renews in time. */
const TIMES = { leaseDurationMs: 10_000, renewDeadlineMs: 8000, retryPeriodMs: 50 };

/** Where a test waits for a loss, and nothing else is asked of the leader before. */
const SHORTER = { leaseDurationMs: 2000, renewDeadlineMs: 1700, retryPeriodMs: 50 };

/** A lease changes hands within its duration and one look; the rest is for a busy machine. */
const HANDOVER_MS = 12_000;

const LEASE = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'turnbridge',
  name: 'operator',
};

interface LeaseSpec {
  readonly holderIdentity: string;
  readonly leaseTransitions: number;
  readonly leaseDurationSeconds: number;
  readonly renewTime: string;
  readonly acquireTime: string;
}

class Contender {
  readonly lease: LeaderLease;
  readonly client: TestKubeClient;
  readonly facts: LeaseFact[] = [];
  lost = 0;

  constructor(kube: FakeKube, identity: string, wallMs: () => number, times: LeaseTimes) {
    this.client = kubeClientOf(kube);
    this.lease = new LeaderLease({
      client: this.client,
      namespace: LEASE.namespace,
      name: LEASE.name,
      identity,
      labels: { 'app.kubernetes.io/name': 'turnbridge' },
      facts: (fact) => void this.facts.push(fact),
      times,
      wallMs,
    });
    this.lease.start(
      () => undefined,
      () => (this.lost += 1),
    );
  }

  /** The process is gone: no request of it is answered any more. */
  async kill(): Promise<void> {
    await this.client.close();
  }

  tried(result: string): number {
    return this.facts.filter((fact) => fact.kind === 'lease.tried' && fact.result === result).length;
  }
}

class Scene implements AsyncDisposable {
  readonly kube: FakeKube;
  readonly contenders: Contender[] = [];
  /** Moments at which two said that they lead. */
  readonly twice: string[] = [];
  readonly #times: LeaseTimes;
  readonly #watching: NodeJS.Timeout;

  constructor(kube: FakeKube, times: LeaseTimes) {
    this.kube = kube;
    this.#times = times;
    this.#watching = setInterval(() => {
      const { leaders } = this;
      if (leaders.length > 1) this.twice.push(leaders.join(' and '));
    }, 5);
  }

  contender(identity: string, wallMs: () => number = Date.now): Contender {
    const contender = new Contender(this.kube, identity, wallMs, this.#times);
    this.contenders.push(contender);
    return contender;
  }

  get leaders(): string[] {
    return this.contenders.filter((each) => each.lease.isLeader).map((each) => each.lease.holder ?? '?');
  }

  async led(by: Contender): Promise<void> {
    await until(() => by.lease.isLeader, 'a leader', HANDOVER_MS);
  }

  get spec(): LeaseSpec {
    return (this.kube.read(LEASE) as unknown as { spec: LeaseSpec }).spec;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watching);
    this.kube.heal();
    this.kube.thaw();
    await Promise.all(this.contenders.map((each) => each.lease.release()));
    await Promise.all(this.contenders.map((each) => each.client.close()));
    await this.kube[Symbol.asyncDispose]();
  }
}

async function openScene(times: LeaseTimes = TIMES): Promise<Scene> {
  return new Scene(await openFakeKube(), times);
}

test('one of three leads; the record has times of six digits and the labels that were asked for', async () => {
  await using scene = await openScene();
  const all = ['a', 'b', 'c'].map((identity) => scene.contender(identity));
  await until(() => scene.leaders.length === 1, 'a leader');
  await until(() => all.every((each) => each.lease.holder === scene.leaders[0]), 'that all know it');
  const { spec } = scene;
  expect(spec).toMatchObject({ leaseDurationSeconds: 10, leaseTransitions: 0 });
  expect(spec.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  expect(spec.acquireTime).toMatch(/\.\d{6}Z$/);
  expect(scene.kube.read(LEASE)).toMatchObject({
    metadata: { labels: { 'app.kubernetes.io/name': 'turnbridge' } },
  });
  await until(() => scene.spec.renewTime > spec.renewTime, 'a renewal');
  expect(scene.spec.acquireTime).toBe(spec.acquireTime);
  expect(scene.twice).toEqual([]);
});

test('a leader that is killed is followed by another, and was none any more before', async () => {
  await using scene = await openScene(SHORTER);
  const a = scene.contender('a');
  await scene.led(a);
  const b = scene.contender('b');
  await until(() => b.lease.holder === 'a', 'that b knows');
  await a.kill();
  await scene.led(b);
  expect(a.lease.isLeader).toBe(false);
  expect(a.lost).toBe(1);
  expect(scene.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  expect(scene.twice).toEqual([]);
});

test('a leader that leaves is followed at the next look, without waiting for the lease to end', async () => {
  await using scene = await openScene();
  const a = scene.contender('a');
  await scene.led(a);
  const b = scene.contender('b');
  await until(() => b.lease.holder === 'a', 'that b knows');
  const before = b.tried('held');
  await a.lease.release();
  await scene.led(b);
  // It took the first empty record that it saw; one look may have been under way.
  expect(b.facts.filter((fact) => fact.kind === 'lease.holder').map((fact) => fact.holder)).toEqual(
    expect.arrayContaining(['a', 'b']),
  );
  expect(b.tried('taken')).toBe(1);
  expect(b.tried('held')).toBeGreaterThanOrEqual(before);
  expect(a.lost).toBe(0);
  expect(scene.twice).toEqual([]);
});

describe('a leader goes on', () => {
  const faults: [string, Fault, times?: number][] = [
    ['says 500', { kind: 'status', status: 500 }],
    ['says 429', { kind: 'status', status: 429, retryAfter: 30 }],
    ['says 409', { kind: 'status', status: 409, reason: 'Conflict' }],
    ['resets the connection before it stores', { kind: 'cut', how: 'reset', after: 'nothing' }],
    ['stores, and loses the answer', { kind: 'cut', how: 'reset', after: 'nothing', late: true }],
    ['breaks off in the middle of the answer', { kind: 'cut', how: 'close', after: 20 }],
    ['answers something else', { kind: 'body', body: '<html>' }],
    ['does not answer', { kind: 'cut', how: 'silence', after: 'nothing' }, 1],
    ['stores, and does not answer', { kind: 'cut', how: 'silence', after: 'headers' }, 1],
    ['answers slowly', { kind: 'slow', pieceBytes: 100, everyMs: 10 }],
  ];

  test.each(faults)('when the API server %s, a few times in a row', async (_, fault, times = 3) => {
    await using scene = await openScene();
    const a = scene.contender('a');
    await scene.led(a);
    const b = scene.contender('b');
    await until(() => b.lease.holder === 'a', 'that b knows');
    const faulty = scene.kube.fail({ phase: 'update' }, fault, times);
    await until(() => faulty.used === times, 'the faults');
    const renewed = a.tried('renewed');
    // a request without an answer is given up after half the deadline
    await until(() => a.tried('renewed') > renewed, 'a renewal', HANDOVER_MS);
    expect([a.lease.isLeader, a.lost, b.lease.isLeader]).toEqual([true, 0, false]);
    expect(scene.twice).toEqual([]);
  });
});

test('a leader whose API server falls silent stops in time, and the next one begins when it answers again', async () => {
  await using scene = await openScene(SHORTER);
  const a = scene.contender('a');
  await scene.led(a);
  const b = scene.contender('b');
  await until(() => b.lease.holder === 'a', 'that b knows');
  scene.kube.freeze();
  await until(() => a.lost === 1, 'the loss', HANDOVER_MS);
  expect(a.lease.isLeader).toBe(false);
  expect(b.lease.isLeader).toBe(false);
  scene.kube.thaw();
  await scene.led(b);
  expect(scene.twice).toEqual([]);
});

test('a leader that stood still leads no more at the first look at the clock, before anything else has run', async () => {
  await using scene = await openScene(SHORTER);
  const a = scene.contender('a');
  await scene.led(a);
  const endMs = performance.now() + SHORTER.renewDeadlineMs;
  // A blocked event loop: no timer, no answer, nothing.
  while (performance.now() < endMs);
  expect(a.lease.isLeader).toBe(false);
  expect(a.lost).toBe(0);
});

test('calendars that jump change nothing', async () => {
  await using scene = await openScene();
  let wallMs = Date.now();
  const a = scene.contender('a', () => wallMs);
  await scene.led(a);
  const b = scene.contender('b', () => 4e12 - wallMs);
  for (const time of [0, 4e12, 1]) {
    wallMs = time;
    const held = b.tried('held');
    await until(() => b.tried('held') > held + 2, 'looks');
  }
  expect([a.lease.isLeader, a.lost, b.lease.isLeader]).toEqual([true, 0, false]);
  expect(scene.twice).toEqual([]);
});

test('a Lease that somebody deletes is created again by its holder', async () => {
  await using scene = await openScene();
  const a = scene.contender('a');
  await scene.led(a);
  const b = scene.contender('b');
  await until(() => b.lease.holder === 'a', 'that b knows');
  scene.kube.remove(LEASE);
  const looks = b.tried('held');
  await until(() => scene.kube.read(LEASE) !== undefined && b.tried('held') > looks + 1, 'the Lease');
  expect(scene.spec.holderIdentity).toBe('a');
  expect([a.lease.isLeader, b.lease.isLeader]).toEqual([true, false]);
});

test('without the right to it nobody leads, and leaving ends all the same', async () => {
  await using scene = await openScene();
  scene.kube.fail({ path: 'leases' }, { kind: 'status', status: 403, reason: 'Forbidden' }, Infinity);
  const a = scene.contender('a');
  await until(() => a.tried('error') > 1, 'refusals');
  expect(a.lease.isLeader).toBe(false);
  expect(a.lease.holder).toBeUndefined();
  await a.lease.release();
  expect(a.facts.at(-1)).toMatchObject({ kind: 'lease.changed', state: 'released' });
});
