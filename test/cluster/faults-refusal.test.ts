/**
 * The API server is there and serves badly: slow, refusing, without its etcd, frozen, behind connections that break.
 * Operators and bridges reach it through a proxy; turns run all the while.
 *
 *   operators, bridges ─▶ resets, delays ─▶ refusals ─▶ API server ─▶ etcd
 */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { openFlakyProxy, type FlakyProxy } from '../harness/flaky-proxy.ts';
import { until } from '../harness/wait-for.ts';
import { FaultScene, ownCertificates, type InEffect } from './fault-scene.ts';
import { openRefusingFront, type Refusal, type RefusingFront } from './refusing-front.ts';
import { runPlace } from './run-place.ts';
import { testWithFaults } from './start-control-plane.ts';

/** Each way. */
const delayMs = 1_000;
const bytesPerSecond = 64 * 1024;
/** Shorter than the time after which a leader gives up (10 s), longer than several tries. */
const faultMs = 5_000;
const resetEachMs = 150;
/** A watch of an operator is tried again after 30 s at most, a bridge's after 10 s at most. */
const recoveryMs = 40_000;

let scene: FaultScene;
let front: RefusingFront;
let proxy: FlakyProxy;

beforeAll(async () => {
  if (runPlace().own === undefined) return;
  scene = await FaultScene.open({
    async before(serverUrl) {
      front = await openRefusingFront(serverUrl, ownCertificates());
      proxy = await openFlakyProxy(Number(new URL(front.url).port));
      return `https://127.0.0.1:${String(proxy.port)}`;
    },
  });
}, 90_000);

afterAll(async () => {
  await scene?.close();
  await proxy?.close();
  await front?.close();
});

/** A fault is there for a time: that is what it is. */
async function last(ms: number): Promise<void> {
  const startedAt = performance.now();
  await until(() => performance.now() - startedAt > ms, 'the end of the fault', ms + 5_000);
}

/** A change that is made while the fault is there, and one right after it; neither may be lost. */
async function through(fault: string, begin: () => void, end: () => void): Promise<InEffect> {
  const exits = scene.replicas.flatMap((replica) => replica.exits).length;
  begin();
  // where the server itself hangs, its answer comes after the fault
  const applied = scene.apply(scene.stage.route(fault, { hostnames: [`${fault}.test`] }));
  try {
    await last(faultMs);
  } finally {
    end();
  }
  await applied;
  const effect = await scene.change();
  await scene.ready(fault);
  expect(effect.served).toBeLessThan(recoveryMs);
  expect(await scene.harm()).toEqual([]);
  scene.figure(fault, {
    ...effect,
    'leaders lost': String(scene.replicas.flatMap((replica) => replica.exits).length - exits),
  });
  return effect;
}

testWithFaults(
  'an API server that answers two seconds late, a few bytes at a time, is waited for',
  async () => {
    const exits = scene.replicas.map((replica) => replica.exits.length);
    proxy.delay(delayMs);
    proxy.throttle(bytesPerSecond);
    const effect = await scene.change();
    expect(effect.served).toBeGreaterThan(delayMs);
    proxy.restore();
    expect(scene.replicas.map((replica) => replica.exits.length)).toEqual(exits);
    expect(await scene.harm()).toEqual([]);
    scene.figure('answers 2 s late', effect);
  },
);

const refusals: readonly (Refusal & { readonly name: string })[] = [
  { name: 'too-many-requests', status: 429, reason: 'TooManyRequests', retryAfter: 1 },
  { name: 'internal-error', status: 500, reason: 'InternalError' },
];
for (const refusal of refusals) {
  testWithFaults(
    `an API server that refuses everything with ${String(refusal.status)} is asked again`,
    async () => {
      const before = front.refused;
      await through(
        refusal.name,
        () => front.refuse(refusal),
        () => front.refuse(undefined),
      );
      // with patience: six watches and two Leases, each with longer and longer pauses
      expect(front.refused).toBeGreaterThan(before + 5);
      expect(front.refused).toBeLessThan(before + 200);
    },
  );
}

testWithFaults(
  'connections that break again and again, anywhere in lists and watches, cost nothing but time',
  async () => {
    const before = proxy.connections;
    let resets: NodeJS.Timeout | undefined;
    await through(
      'connections-reset',
      () => {
        resets = setInterval(() => proxy.reset(), resetEachMs);
      },
      () => clearInterval(resets),
    );
    expect(proxy.connections).toBeGreaterThan(before + 10);
  },
);

const parts = ['etcd', 'apiserver'] as const;
for (const part of parts) {
  testWithFaults(
    `a control plane whose ${part} is frozen, with all connections open, is waited for`,
    async () => {
      const { plane } = scene.own;
      await through(
        `frozen-${part}`,
        () => plane.freeze(part),
        () => plane.thaw(part),
      );
    },
  );
}
