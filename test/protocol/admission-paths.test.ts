/** Where a client may knock, and what it hears at a wrong door. */
import { describe, expect, test } from '@jest/globals';
import { connect } from '../harness/connect.ts';
import { closedUrl } from '../harness/nowhere.ts';
import { rawHttp } from '../harness/raw-http.ts';
import { errorIn, refusedUpgrade } from './refused-upgrade.ts';
import { ask, openScene, said, typesOf } from './scene.ts';

describe('the paths of a WebSocket', () => {
  test.each(['/v1/responses', '/responses', '/v1/responses?client_version=0.169.0'])(
    'a turn can be had on %s',
    async (path) => {
      await using scene = await openScene();
      await using client = await connect(`http://127.0.0.1:${scene.bridge.port}${path}`);
      const events = await ask(client, { input: [said('hi')] });
      expect(typesOf(events).at(-1)).toBe('response.completed');
      expect(scene.provider.requests.map((request) => request.path)).toEqual(['/v1/responses']);
    },
  );

  test.each([
    '/',
    '/v1',
    '/v1/models',
    '/v1/responses/',
    '/v1/responses/compact',
    '/v2/responses',
    '//v1/responses',
  ])('an upgrade on %s is answered 404 with a sentence that names the right path', async (path) => {
    await using scene = await openScene();
    const refused = await refusedUpgrade(connect(`http://127.0.0.1:${scene.bridge.port}${path}`));
    expect(refused.status).toBe(404);
    expect(errorIn(refused.body)).toMatchObject({ type: 'invalid_request_error', code: 'not_found' });
    expect(refused.body).toContain('/v1/responses');
  });

  test('a route with a base path of its own is served below it, and not on /v1', async () => {
    await using scene = await openScene({ route: { match: { paths: ['/team/openai'] } } });
    const origin = `http://127.0.0.1:${scene.bridge.port}`;
    await using client = await connect(`${origin}/team/openai/responses`);
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    expect((await refusedUpgrade(connect(`${origin}/v1/responses`))).status).toBe(404);
    expect((await refusedUpgrade(connect(`${origin}/responses`))).status).toBe(404);
  });

  test('a route with hostnames is served on these hosts only, in any case and with any port', async () => {
    await using scene = await openScene({ route: { hostnames: ['codex.example.com'] } });
    const url = `${scene.bridge.url}/responses`;
    await using client = await connect(url, { headers: { host: 'Codex.Example.com:8443' } });
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    const refused = await refusedUpgrade(connect(url, { headers: { host: 'other.example.com' } }));
    expect(refused.status).toBe(404);
  });

  test('the 101 comes at once although the provider is down, and it promises nothing of it', async () => {
    await using scene = await openScene({ route: { provider: { url: `${closedUrl}/v1` } } });
    await using client = await scene.connect();
    expect(client.upgradeHeaders['openai-model']).toBeUndefined();
    expect(client.upgradeHeaders['sec-websocket-protocol']).toBeUndefined();
    expect(client.upgradeHeaders['sec-websocket-extensions']).toBeUndefined();
    const [error] = await ask(client, {});
    expect(error).toMatchObject({ type: 'error', status: 502, error: { code: 'provider_unreachable' } });
  });

  test('a route that switches WebSockets off answers 426 and serves HTTP on the same path', async () => {
    await using scene = await openScene({
      route: { clients: { auth: { type: 'None' }, webSocket: 'Disabled' } },
    });
    const refused = await refusedUpgrade(scene.connect());
    expect(refused.status).toBe(426);
    expect(errorIn(refused.body)).toMatchObject({ code: 'websocket_upgrade_required' });
    const answer = await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', input: 'hi' }),
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ status: 'completed' });
  });
});

describe('what is no upgrade', () => {
  test.each(['/v1/responses', '/responses'])(
    'a plain GET on %s is answered 426 with a JSON error, without a key',
    async (path) => {
      await using scene = await openScene({
        route: { clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } } },
        secrets: { keys: { alice: 'alice-key' } },
      });
      const answer = await fetch(`http://127.0.0.1:${scene.bridge.port}${path}`);
      expect(answer.status).toBe(426);
      expect(answer.headers.get('upgrade')).toBe('websocket');
      expect(await answer.json()).toMatchObject({ error: { code: 'websocket_upgrade_required' } });
    },
  );

  test('HEAD is answered 405 with the methods that are allowed and no body', async () => {
    await using scene = await openScene();
    const answer = await fetch(`${scene.bridge.url}/responses`, { method: 'HEAD' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, POST');
    expect(await answer.text()).toBe('');
  });

  test.each(['PUT', 'DELETE', 'PATCH'])('%s is answered 405', async (method) => {
    await using scene = await openScene();
    const answer = await fetch(`${scene.bridge.url}/responses`, { method });
    expect(answer.status).toBe(405);
    expect(await answer.json()).toMatchObject({ error: { code: 'method_not_allowed' } });
  });

  test('a path of no route is answered 404 with a JSON error', async () => {
    await using scene = await openScene();
    const answer = await fetch(`http://127.0.0.1:${scene.bridge.port}/`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: 'not_found' } });
  });

  test('an upgrade to another protocol is ignored: the request is served as the GET it is', async () => {
    await using scene = await openScene();
    const answer = await rawHttp(
      scene.bridge.port,
      'GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      { until: (received) => received.includes('websocket_upgrade_required') },
    );
    expect(answer.status).toBe(426);
  });

  test('a handshake without its key is answered 400', async () => {
    await using scene = await openScene();
    const answer = await rawHttp(
      scene.bridge.port,
      'GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    expect(answer.status).toBe(400);
  });

  test('a bomb of headers is answered 431 and the connection closed', async () => {
    await using scene = await openScene();
    const bomb = Array.from({ length: 80 }, (_, n) => `x-bomb-${n}: ${'b'.repeat(1000)}\r\n`).join('');
    const answer = await rawHttp(
      scene.bridge.port,
      `GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${bomb}\r\n`,
    );
    expect(answer.status).toBe(431);
  });

  test('bytes that are not HTTP are answered 400 and the connection closed', async () => {
    await using scene = await openScene();
    expect((await rawHttp(scene.bridge.port, '\x16\x03\x01 hello\r\n\r\n')).status).toBe(400);
  });
});
