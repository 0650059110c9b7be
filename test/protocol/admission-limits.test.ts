/** How many may come in, and what the next one hears: 503 with Retry-After, which every client survives. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { gate } from '../harness/fake-provider.ts';
import { rawHttp } from '../harness/raw-http.ts';
import { errorIn, refusedUpgrade } from './refused-upgrade.ts';
import { ask, openScene, type Scene } from './scene.ts';

/** The next upgrade is refused for want of room. */
async function expectFull(scene: Scene, words: string, headers: Record<string, string> = {}): Promise<void> {
  const refused = await refusedUpgrade(scene.connect({ headers }));
  expect(refused.status).toBe(503);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(errorIn(refused.body)).toMatchObject({ type: 'server_error', code: 'too_many_connections' });
  expect(refused.body).toContain(words);
}

describe('limits on connections', () => {
  test('of the process', async () => {
    await using scene = await openScene({ maxConnections: 2 });
    await scene.connect();
    const second = await scene.connect();
    await expectFull(scene, '--max-connections');
    second.terminate();
    await until(() => scene.bridge.bridge.connections === 1, 'the place to be free');
    await expect(scene.connect()).resolves.toBeDefined();
  });

  test('of the route', async () => {
    await using scene = await openScene({ route: { limits: { maxConnections: 1 } } });
    const first = await scene.connect();
    await expectFull(scene, 'limits.maxConnections');
    await first.close();
    await until(() => scene.bridge.bridge.connections === 0, 'the place to be free');
    await expect(scene.connect()).resolves.toBeDefined();
  });

  test('of one key: another key still finds room', async () => {
    await using scene = await openScene({
      route: {
        clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } },
        limits: { maxConnectionsPerClient: 1 },
      },
      secrets: { keys: { alice: 'alice-key', bob: 'bob-key' } },
    });
    await scene.connect({ headers: { authorization: 'Bearer alice-key' } });
    await expectFull(scene, 'limits.maxConnectionsPerClient', { authorization: 'Bearer alice-key' });
    await expect(scene.connect({ headers: { authorization: 'Bearer bob-key' } })).resolves.toBeDefined();
  });

  test('of one credential that is passed through', async () => {
    await using scene = await openScene({
      route: {
        clients: {},
        provider: { auth: { type: 'Passthrough' } },
        limits: { maxConnectionsPerClient: 1 },
      },
    });
    await scene.connect({ headers: { authorization: 'Bearer one' } });
    await expectFull(scene, 'limits.maxConnectionsPerClient', { authorization: 'Bearer one' });
    await expect(scene.connect({ headers: { authorization: 'Bearer two' } })).resolves.toBeDefined();
  });

  test('count HTTP requests under way too', async () => {
    const held = gate();
    await using scene = await openScene({
      maxConnections: 1,
      script: [{ until: held.promise }, { text: 'ok' }],
    });
    const first = fetch(`${scene.bridge.url}/responses`, { method: 'POST', body: '{"model":"m"}' });
    await scene.provider.waitForRequest();
    const second = await fetch(`${scene.bridge.url}/responses`, { method: 'POST', body: '{"model":"m"}' });
    expect(second.status).toBe(503);
    expect(second.headers.get('retry-after')).toBe('2');
    await expectFull(scene, '--max-connections');
    held.open();
    expect((await first).status).toBe(200);
  });

  test('are not used up by handshakes that were refused', async () => {
    await using scene = await openScene({ maxConnections: 1 });
    for (let n = 0; n < 5; n++) {
      const broken = await rawHttp(
        scene.bridge.port,
        'GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
      expect(broken.status).toBe(400);
      await refusedUpgrade(scene.connect({ headers: { origin: 'https://example.com' } }));
    }
    await until(() => scene.bridge.bridge.connections === 0, 'the places to be free');
    const client = await scene.connect();
    expect((await ask(client, {})).at(-1)).toMatchObject({ type: 'response.completed' });
  });
});
