/** The API server is gone: for a minute, and for a moment after which it has forgotten what was. Turns run all the while. */
import { afterAll, beforeAll, expect } from '@jest/globals';
import { connect } from '../harness/connect.ts';
import { until } from '../harness/wait-for.ts';
import { turnSucceeds } from './endless-turns.ts';
import { FaultScene } from './fault-scene.ts';
import { runPlace } from './run-place.ts';
import type { RunningOperator } from './stage.ts';
import { testWithFaults } from './start-control-plane.ts';

const outageMs = 60_000;
/** A bridge's watch is tried again after 10 s at most, an operator's when the Lease is reached; and a busy machine. */
const recoveryMs = 30_000;

let scene: FaultScene;

beforeAll(async () => {
  if (runPlace().own !== undefined) scene = await FaultScene.open();
}, 90_000);

afterAll(async () => {
  await scene?.close();
});

testWithFaults('an API server that has forgotten everything older is listed anew', async () => {
  const { own } = scene;
  const before = await expiredWatches(scene);
  await scene.apply(scene.stage.route('short-lived', { hostnames: ['short-lived.test'] }));
  await scene.ready('short-lived');
  await own.plane.kill('apiserver');
  await own.plane.compact();
  await own.plane.start('apiserver');
  // neither was told by any watch
  await scene.delete('short-lived');
  const effect = await scene.change();
  for (const { url } of scene.bridges)
    await until(
      async () => !(await turnSucceeds(url, 'short-lived.test')),
      'that the deleted route ends',
      recoveryMs,
    );
  expect(await expiredWatches(scene)).toBeGreaterThan(before);
  expect(await scene.harm()).toEqual([]);
  scene.figure('API server restarted, etcd compacted', effect);
});

testWithFaults(
  'an API server that is away for a minute is missed by no turn, nor by bridges that start with a folder',
  async () => {
    const { stage, own, bridges, replicas } = scene;
    const [folder, credentials] = [await stage.mountSnapshot(), await stage.bridgeCredentials()];
    const exits = (): readonly unknown[] => replicas.flatMap((replica) => replica.exits);
    await scene.leader();
    const [before, ended] = [scene.turns.completed, exits().length];
    await own.plane.kill('apiserver');
    const awayAt = performance.now();
    const kept = await stage.startBridge({ snapshotFolder: folder, credentials, unannounced: true });
    expect(await turnSucceeds(kept.url, 'steady.test')).toBe(true);
    const bare = await stage.startBridge({ credentials, unannounced: true, unready: true });
    expect(await statusOf(bare, '/healthz')).toBe(200);
    expect(await statusOf(bare, '/readyz')).toBe(503);
    expect(await connect(`${bare.url}/responses`).catch((error: unknown) => error)).toMatchObject({
      status: 503,
    });
    await until(() => performance.now() - awayAt > outageMs, 'the end of the outage', outageMs + 5_000);
    expect(scene.turns.completed - before).toBeGreaterThan(100);
    // the leader could not renew its Lease, and came back as a follower; the other one goes on
    expect(exits().length - ended).toBe(1);
    expect(new Set(exits())).toEqual(new Set([1]));
    await own.plane.start('apiserver');
    const effect = await scene.change([...bridges, kept, bare]);
    expect(effect.served).toBeLessThan(recoveryMs);
    expect(await statusOf(bare, '/readyz')).toBe(200);
    expect(exits().length - ended).toBe(1);
    expect(await scene.harm()).toEqual([]);
    scene.figure('API server away for a minute', effect);
    await Promise.all([kept.close(), bare.close()]);
  },
  150_000,
);

async function statusOf({ opsUrl }: RunningOperator, path: string): Promise<number> {
  return (await fetch(`${opsUrl}${path}`)).status;
}

/** Of the operators that run now. */
async function expiredWatches({ replicas }: FaultScene): Promise<number> {
  const counts = await Promise.all(
    replicas.map(async ({ process }) => {
      const text = await (await fetch(`${process.opsUrl}/metrics`)).text();
      const lines = text.matchAll(
        /^turnbridge_operator_watch_ends_total\{[^}]*reason="expired"[^}]*\} (\d+)$/gm,
      );
      return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
