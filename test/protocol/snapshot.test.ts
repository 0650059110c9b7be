/** Routes that an operator writes: in effect within a second, between turns, and nobody is dropped without need. */
import { describe, expect, test } from '@jest/globals';
import type { LogLine } from '../harness/bridge.ts';
import { gate } from '../harness/fake-provider.ts';
import { promptly } from '../harness/promptly.ts';
import { packRoutes } from '../harness/snapshot-secret.ts';
import { until, within } from '../harness/wait-for.ts';
import { refusedUpgrade } from './refused-upgrade.ts';
import { ask, logged, openScene, routeFile, textOf, typesOf } from './scene.ts';
import { openSnapshotScene, type SnapshotScene } from './snapshot-scene.ts';

/** The first log line whose message holds this. */
function said({ bridge }: SnapshotScene, words: string): Promise<LogLine> {
  return until(
    () => bridge.logs().find(({ msg }) => String(msg).includes(words)),
    `the log to say: ${words}`,
  );
}

describe('the first snapshot', () => {
  test.each(['watch', 'mount', 'both'] as const)('makes a bridge ready that looks by %s', async (by) => {
    await using scene = await openSnapshotScene({ by });
    expect(await scene.readiness()).toEqual({ ready: true });
    const client = await scene.connect();
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test('is waited for: running, not ready, and it is said for what', async () => {
    await using scene = await openSnapshotScene({ by: 'both', first: 'nothing' });
    await logged(scene.bridge, 'config.watch');
    expect(await scene.readiness()).toEqual({
      ready: false,
      reason: expect.stringMatching(
        /^no snapshot yet: waiting for Secret ai\/turnbridge-snapshot \(the watch is open, and the Secret is not there.*\) or the file .*\/snapshot \(it is not there\)$/,
      ),
    });
    expect((await refusedUpgrade(scene.connect())).status).toBe(503);
    expect(await scene.snapshot()).toEqual({ status: 503, body: { version: null } });
    await scene.inEffect(scene.writeRoute({}));
    expect(await scene.readiness()).toEqual({ ready: true });
    expect(typesOf(await ask(await scene.connect(), {})).at(-1)).toBe('response.completed');
  });

  test('without a route is one: ready, and nobody finds anything', async () => {
    await using scene = await openSnapshotScene({ routes: () => '' });
    expect(await scene.readiness()).toEqual({ ready: true });
    expect((await refusedUpgrade(scene.connect())).status).toBe(404);
    await scene.inEffect(scene.writeRoute({}));
    expect(typesOf(await ask(await scene.connect(), {})).at(-1)).toBe('response.completed');
  });

  test('that cannot be read is told to whoever asks why', async () => {
    await using scene = await openSnapshotScene({ first: 'nothing' });
    scene.writeBytes(Buffer.from('no snapshot'));
    await said(scene, 'snapshot refused');
    expect((await scene.readiness()).reason).toMatch(
      /Secret ai\/turnbridge-snapshot \(the snapshot is not gzip/,
    );
  });
});

describe('what is in effect', () => {
  test('is told on the ops port, in metrics and in the log', async () => {
    await using scene = await openSnapshotScene();
    const { body } = await scene.snapshot();
    expect(body).toEqual({
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
      generation: 1,
      source: 'watch',
      routes: 1,
      format: expect.stringMatching(/^\d+\.\d+$/),
      installation: 'test-operator',
    });
    expect(await logged(scene.bridge, 'process.ready')).toMatchObject([
      { snapshot: body['version'], routes: 1, generation: 1, source: 'watch' },
    ]);
    const metric = (name: string) => scene.bridge.metric(`turnbridge_snapshot_${name}`);
    expect(await metric('generation')).toBe(1);
    expect(await metric('routes')).toBe(1);
    expect(await metric('watch_up')).toBe(1);
    expect(Math.abs((await metric('last_applied_timestamp_seconds')) - Date.now() / 1000)).toBeLessThan(60);
  });

  test('is told of files too', async () => {
    await using scene = await openScene();
    const answer = await fetch(`${scene.bridge.opsUrl}/snapshot`);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      {
        version: expect.stringMatching(/^[0-9a-f]{12}$/),
        generation: null,
        source: 'routes',
        routes: 1,
        format: null,
        installation: null,
      },
    ]);
    const text = await (await fetch(`${scene.bridge.opsUrl}/metrics`)).text();
    expect(text).toMatch(/^turnbridge_snapshot_routes 1$/m);
    expect(text).not.toMatch(/^turnbridge_snapshot_(watch_up|generation) /m);
  });

  test('stays what it is when only the generation moves on', async () => {
    await using scene = await openSnapshotScene();
    const { body } = await scene.snapshot();
    await scene.inEffect(scene.writeRoute({}));
    expect(await scene.snapshot()).toMatchObject({ body: { version: body['version'], generation: 2 } });
    expect(scene.bridge.logs().filter(({ msg }) => msg === 'routes changed')).toEqual([]);
  });
});

describe('a change', () => {
  test('is in effect within a second, on the connections that are open', async () => {
    await using scene = await openSnapshotScene();
    const client = await scene.connect();
    await ask(client, {});
    let changes = 0;
    await promptly(async () => {
      const to = `other-${++changes}`;
      const changedAt = performance.now();
      await scene.inEffect(scene.writeRoute({ provider: { modelMapping: [{ from: 'm', to }] } }));
      const tookMs = performance.now() - changedAt;
      await ask(client, {});
      expect(scene.provider.requests.at(-1)?.body.model).toBe(to);
      return tookMs;
    }, 1000);
    expect(scene.provider.requests[0]?.body.model).toBe('m');
    expect(await said(scene, 'routes changed')).toMatchObject({ generation: 2, source: 'watch' });
  });

  test('of a provider and its key leaves the running turn where it is; the next turn goes to the new one', async () => {
    const held = gate();
    const spends = { provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } } };
    await using scene = await openSnapshotScene({
      script: [{ begin: true }, { until: held.promise }, { text: 'old' }],
      route: spends,
      secrets: { own: { apiKey: 'old-key' } },
    });
    await using other = await openScene({ script: [{ text: 'new' }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    client.create({ model: 'm' });
    await client.next('response.created');
    await scene.inEffect(scene.write(routeFile(other.provider.url, spends, { own: { apiKey: 'new-key' } })));
    held.open();
    expect(textOf(await client.events())).toBe('old');
    expect(textOf(await client.events())).toBe('new');
    const keys = [scene, other].map(({ provider }) =>
      provider.requests.map(({ headers }) => headers['authorization']),
    );
    expect(keys).toEqual([['Bearer old-key'], ['Bearer new-key']]);
  });

  test('of the key alone is spent by the next turn of the same connection', async () => {
    const spends = { provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } } };
    await using scene = await openSnapshotScene({ route: spends, secrets: { own: { apiKey: 'old-key' } } });
    const client = await scene.connect();
    await ask(client, {});
    await scene.inEffect(scene.writeRoute(spends, { own: { apiKey: 'new-key' } }));
    await ask(client, {});
    expect(scene.provider.requests.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer old-key',
      'Bearer new-key',
    ]);
  });

  test('that revokes the key of a client lets its turn finish, then closes with 1008; others stay', async () => {
    const held = gate();
    const route = { clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } } };
    await using scene = await openSnapshotScene({
      script: [{ begin: true }, { until: held.promise }, { text: 'done' }],
      route,
      secrets: { keys: { alice: 'alice-key', bob: 'bob-key' } },
    });
    const alice = await scene.connect({ headers: { authorization: 'Bearer alice-key' } });
    const bob = await scene.connect({ headers: { authorization: 'Bearer bob-key' } });
    alice.create({ model: 'm' });
    bob.create({ model: 'm' });
    await alice.next('response.created');
    await bob.next('response.created');
    await scene.inEffect(scene.writeRoute(route, { keys: { bob: 'bob-key' } }));
    held.open();
    expect(textOf(await alice.events())).toBe('done');
    expect((await within(alice.closed, 'the close')).code).toBe(1008);
    expect(textOf(await bob.events())).toBe('done');
    expect(typesOf(await ask(bob, {})).at(-1)).toBe('response.completed');
    expect(
      (await refusedUpgrade(scene.connect({ headers: { authorization: 'Bearer alice-key' } }))).status,
    ).toBe(401);
  });

  test('that removes a route: its models are not found any more, what is left of the group is served', async () => {
    const two = (providerUrl: string): string =>
      [
        routeFile(providerUrl, { name: 'a', match: { models: ['a'] } }),
        routeFile(providerUrl, { name: 'b', match: { models: ['b'] } }),
      ].join('---\n');
    await using scene = await openSnapshotScene({ routes: two });
    const client = await scene.connect();
    expect(typesOf(await ask(client, { model: 'b' })).at(-1)).toBe('response.completed');
    await scene.inEffect(scene.writeRoute({ name: 'a', match: { models: ['a'] } }));
    expect(await ask(client, { model: 'b' })).toMatchObject([
      { type: 'error', status: 404, error: { code: 'model_not_found' } },
    ]);
    expect(typesOf(await ask(client, { model: 'a' })).at(-1)).toBe('response.completed');
  });

  test('that removes the last route of a host closes its connections; new ones find nothing', async () => {
    await using scene = await openSnapshotScene();
    const client = await scene.connect();
    await scene.inEffect(scene.write(''));
    expect(await within(client.closed, 'the close')).toEqual({ code: 1012, reason: 'route removed' });
    expect((await refusedUpgrade(scene.connect())).status).toBe(404);
  });
});

describe('what cannot be served', () => {
  test('is refused whole, counted and logged with the reason; the last good one stays until a sound one comes', async () => {
    await using scene = await openSnapshotScene();
    const client = await scene.connect();
    const good = packRoutes(routeFile(scene.provider.url), 9);
    scene.writeBytes(good.subarray(0, -3));
    expect([await said(scene, 'snapshot refused')]).toMatchObject([
      { level: 'error', source: 'watch', problem: 'the snapshot is not gzip, or was cut off' },
    ]);
    expect(await scene.snapshot()).toMatchObject({ status: 200, body: { generation: 1 } });
    expect(await scene.readiness()).toEqual({ ready: true });
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    const metric = (name: string) => scene.bridge.metric(`turnbridge_config_${name}`);
    expect(await metric('reloads_total{result="failure"}')).toBe(1);
    expect(await metric('last_reload_successful')).toBe(0);
    // equal to what is served: nothing changes for clients, and all is well again
    scene.writeBytes(good);
    await scene.inEffect(9);
    expect(await metric('last_reload_successful')).toBe(1);
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test('never shows a key: not in the log, in /readyz, /snapshot or /metrics', async () => {
    const key = 'hidden-provider-key';
    const route = { provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } } };
    await using scene = await openSnapshotScene({ route, secrets: { own: { apiKey: key } } });
    scene.writeBytes(Buffer.from(key));
    await said(scene, 'snapshot refused');
    scene.kube.watches[0]?.raw(`${key}\n`);
    await said(scene, 'the watch on the snapshot is down');
    const pages = ['readyz', 'snapshot', 'metrics', 'state.json'].map(async (page) =>
      (await fetch(`${scene.bridge.opsUrl}/${page}`)).text(),
    );
    const shown = [JSON.stringify(scene.bridge.logs()), ...(await Promise.all(pages))].join('\n');
    expect(shown).not.toMatch(/hidden|token-1/);
  });
});

test('a Secret that is deleted leaves the last snapshot in effect, and the log says so', async () => {
  await using scene = await openSnapshotScene();
  scene.removeSecret();
  expect(await said(scene, 'deleted: the last one stays')).toMatchObject({ level: 'warn' });
  expect(typesOf(await ask(await scene.connect(), {})).at(-1)).toBe('response.completed');
  // made anew, its generations may begin anew
  scene.write(routeFile(scene.provider.url, { name: 'again' }), 1);
  await said(scene, 'routes changed');
});
