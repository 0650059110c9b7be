/** Routes that change under running connections: in effect within a second, and nobody is dropped without need. */
import { describe, expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { promptly } from '../harness/promptly.ts';
import { until, within } from '../harness/wait-for.ts';
import { refusedUpgrade } from './refused-upgrade.ts';
import { ask, logged, openScene, routeFile, textOf, typesOf, type SceneWishes } from './scene.ts';

const keyed: SceneWishes = {
  route: { clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } } },
  secrets: { keys: { alice: 'alice-key', bob: 'bob-key' } },
};
const alice = { headers: { authorization: 'Bearer alice-key' } };
const bob = { headers: { authorization: 'Bearer bob-key' } };

describe('a change', () => {
  test('is in effect within a second, on the connections that are open', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    await ask(client, {});
    let changes = 0;
    await promptly(async () => {
      const to = `other-${++changes}`;
      const changedAt = performance.now();
      await scene.changeRoute({ provider: { modelMapping: [{ from: 'm', to }] } });
      await logged(scene.bridge, 'config.reload', changes);
      const tookMs = performance.now() - changedAt;
      expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
      expect(scene.provider.requests.at(-1)?.body.model).toBe(to);
      return tookMs;
    }, 1000);
    expect(scene.provider.requests[0]?.body.model).toBe('m');
    expect(await scene.bridge.metric('turnbridge_config_reloads_total{result="success"}')).toBe(changes);
  });

  test('of the provider leaves the running turn where it is; the next one goes to the new provider', async () => {
    const held = gate();
    await using scene = await openScene({
      script: [{ begin: true }, { until: held.promise }, { text: 'old' }],
    });
    await using other = await openScene({ script: [{ text: 'new' }] });
    const client = await scene.connect();
    client.create({ model: 'm' });
    client.create({ model: 'm' });
    await client.next('response.created');
    await scene.bridge.setRoutes(routeFile(other.provider.url));
    await logged(scene.bridge, 'config.reload');
    held.open();
    expect(textOf(await client.events())).toBe('old');
    expect(textOf(await client.events())).toBe('new');
    expect(scene.provider.requests).toHaveLength(1);
  });

  test('of a limit holds for the next connection and leaves those that are open', async () => {
    await using scene = await openScene();
    const first = await scene.connect();
    await scene.changeRoute({ limits: { maxConnections: 1 } });
    await logged(scene.bridge, 'config.reload');
    expect((await refusedUpgrade(scene.connect())).status).toBe(503);
    expect(typesOf(await ask(first, {})).at(-1)).toBe('response.completed');
  });
});

describe('a change that is broken', () => {
  test.each([
    ['is no YAML', '{ this is: [not yaml'],
    [
      'has an unknown field',
      '{"apiVersion":"turnbridge.dev/v1alpha1","kind":"ResponsesRoute","metadata":{"name":"a"},"spec":{"provider":[]}}',
    ],
  ])('(%s) keeps the last good routes and says so', async (_, text) => {
    await using scene = await openScene();
    const client = await scene.connect();
    await scene.bridge.setRoutes(text);
    const [line] = await logged(scene.bridge, 'config.reload');
    expect(line).toMatchObject({ level: 'error', msg: expect.stringContaining('last good routes stay') });
    expect(String(line?.['problem'])).toMatch(/routes\.yaml:1:\d+: error: /);
    expect(await scene.bridge.metric('turnbridge_config_reloads_total{result="failure"}')).toBe(1);
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    await expect(scene.connect()).resolves.toBeDefined();
    expect((await fetch(`${scene.bridge.opsUrl}/readyz`)).status).toBe(200);
  });

  test('is mended by the next good one', async () => {
    await using scene = await openScene();
    await scene.bridge.setRoutes('broken: [');
    await logged(scene.bridge, 'config.reload');
    await scene.changeRoute({ provider: { modelMapping: [{ from: 'm', to: 'mended' }] } });
    await logged(scene.bridge, 'config.reload', 2);
    const client = await scene.connect();
    await ask(client, {});
    expect(scene.provider.requests[0]?.body.model).toBe('mended');
  });

  test('an emptied file is taken for an accident: the last routes stay', async () => {
    await using scene = await openScene();
    await scene.bridge.setRoutes('');
    expect(await logged(scene.bridge, 'config.reload')).toMatchObject([{ level: 'warn' }]);
    const client = await scene.connect();
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });
});

describe('a key', () => {
  test('that is revoked closes its idle connections with 1008, and no others', async () => {
    await using scene = await openScene(keyed);
    const gone = await scene.connect(alice);
    const stays = await scene.connect(bob);
    await scene.changeRoute(keyed.route!, { keys: { bob: 'bob-key' } });
    expect(await within(gone.closed, 'the close')).toEqual({ code: 1008, reason: 'key revoked' });
    expect(typesOf(await ask(stays, {})).at(-1)).toBe('response.completed');
    expect((await refusedUpgrade(scene.connect(alice))).status).toBe(401);
  });

  test('that is revoked spends nothing on turns that still wait', async () => {
    const held = gate();
    await using scene = await openScene({
      ...keyed,
      script: [{ begin: true }, { until: held.promise }, { text: 'x' }],
    });
    const client = await scene.connect(alice);
    client.create({ model: 'm' });
    await client.next('response.created');
    client.create({ model: 'm' }); // waits behind it in its lane
    await scene.changeRoute(keyed.route!, { keys: { bob: 'bob-key' } });
    expect(await client.next('error')).toMatchObject({ status: 401, error: { code: 'invalid_api_key' } });
    held.open();
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
    expect((await within(client.closed, 'the close')).code).toBe(1008);
    expect(scene.provider.requests).toHaveLength(1);
  });

  test('that is revoked lets the running turn end first', async () => {
    const held = gate();
    await using scene = await openScene({
      ...keyed,
      script: [{ begin: true }, { until: held.promise }, { text: 'x' }],
    });
    const client = await scene.connect(alice);
    client.create({ model: 'm' });
    await client.next('response.created');
    await scene.changeRoute(keyed.route!, { keys: { bob: 'bob-key' } });
    await logged(scene.bridge, 'config.reload');
    client.create({ model: 'm', stream_id: 'more' });
    expect(await client.next('error')).toMatchObject({
      error: { code: 'websocket_connection_limit_reached' },
    });
    held.open();
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
    expect((await within(client.closed, 'the close')).code).toBe(1008);
    expect(scene.provider.requests).toHaveLength(1);
  });

  test('that changes hands closes the connections of its former owner', async () => {
    await using scene = await openScene(keyed);
    const client = await scene.connect(alice);
    await scene.changeRoute(keyed.route!, { keys: { carol: 'alice-key', bob: 'bob-key' } });
    expect((await within(client.closed, 'the close')).code).toBe(1008);
  });

  test('that is new lets in', async () => {
    await using scene = await openScene(keyed);
    await scene.changeRoute(keyed.route!, { keys: { alice: 'alice-key', carol: 'carol-key' } });
    await logged(scene.bridge, 'config.reload');
    const client = await scene.connect({ headers: { authorization: 'Bearer carol-key' } });
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test('that is asked for from now on closes those who came without', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    await scene.changeRoute(keyed.route!, keyed.secrets);
    expect((await within(client.closed, 'the close')).code).toBe(1008);
  });

  test('of the provider that changes is spent by the next turn', async () => {
    const route = { provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } } };
    await using scene = await openScene({ route, secrets: { own: { apiKey: 'old-key' } } });
    const client = await scene.connect();
    await ask(client, {});
    await scene.changeRoute(route, { own: { apiKey: 'new-key' } });
    await logged(scene.bridge, 'config.reload');
    await ask(client, {});
    expect(scene.provider.requests.map(({ headers }) => headers['authorization'])).toEqual([
      'Bearer old-key',
      'Bearer new-key',
    ]);
  });
});

describe('a route that is gone', () => {
  test('closes its connections with 1012: clients connect again and find what there is', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    await scene.changeRoute({ match: { paths: ['/elsewhere'] } });
    expect(await within(client.closed, 'the close')).toEqual({ code: 1012, reason: 'route removed' });
    expect((await refusedUpgrade(scene.connect())).status).toBe(404);
  });

  test('a bridge without a route runs, is not ready, and is ready with the first one', async () => {
    await using scene = await openScene({ routes: () => '' });
    const ready = async (): Promise<number> => (await fetch(`${scene.bridge.opsUrl}/readyz`)).status;
    expect(await ready()).toBe(503);
    const refused = await refusedUpgrade(scene.connect());
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    await scene.changeRoute({});
    await until(async () => (await ready()) === 200, 'the bridge to be ready');
    const client = await scene.connect();
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });
});

test('a bridge whose routes are broken at the start does not start, and names every mistake', async () => {
  const routes = (): string =>
    JSON.stringify({
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      metadata: { name: 'a' },
      spec: { clients: { webSocket: 'Maybe' }, providers: [{ name: 'p', url: 'ftp://example.com' }] },
    });
  const failed: unknown = await openScene({ routes }).catch((error: unknown) => error);
  expect(failed).toMatchObject({ name: 'BrokenRoutes' });
  expect(String(failed)).toContain('webSocket');
  expect(String(failed)).toContain('url');
});
