/** Who may come in: keys of clients, keys in subprotocols, browsers, and requests that went in a circle. */
import { describe, expect, test } from '@jest/globals';
import { errorIn, refusedUpgrade } from './refused-upgrade.ts';
import { ask, logged, openScene, typesOf, type SceneWishes } from './scene.ts';

const keyed: SceneWishes = {
  route: { clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } } },
  secrets: { keys: { alice: 'alice-key-1', bob: 'bob-key-2' } },
};

const keyProtocol = 'openai-insecure-api-key.alice-key-1';

describe('keys', () => {
  test.each([
    ['a bearer token', { authorization: 'Bearer alice-key-1' }],
    ['a bearer token, the word in lower case', { authorization: 'bearer bob-key-2' }],
    ['x-api-key', { 'x-api-key': 'alice-key-1' }],
    ['api-key', { 'api-key': 'bob-key-2' }],
  ])('a key of the route lets in: %s', async (_, headers) => {
    await using scene = await openScene(keyed);
    const client = await scene.connect({ headers });
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test.each([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer mallory-key' }],
    ['the beginning of a key', { authorization: 'Bearer alice-key' }],
    ['a key and more', { authorization: 'Bearer alice-key-12' }],
    ['an empty key', { authorization: 'Bearer ' }],
    ['a key in a scheme of its own', { authorization: 'Basic alice-key-1' }],
    [
      'a wrong bearer token beside a right x-api-key',
      { authorization: 'Bearer x', 'x-api-key': 'alice-key-1' },
    ],
  ])('%s is answered 401 and says how to send one', async (_, headers) => {
    await using scene = await openScene(keyed);
    const refused = await refusedUpgrade(scene.connect({ headers }));
    expect(refused.status).toBe(401);
    expect(errorIn(refused.body)).toMatchObject({ type: 'authentication_error', code: 'invalid_api_key' });
    expect(refused.body).toContain('Authorization: Bearer KEY');
    expect(refused.body).not.toContain('mallory');
    expect(scene.provider.requests).toEqual([]);
  });

  test('the same holds for a POST', async () => {
    await using scene = await openScene(keyed);
    const post = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${scene.bridge.url}/responses`, { method: 'POST', headers, body: '{"model":"m"}' });
    expect((await post({ authorization: 'Bearer no' })).status).toBe(401);
    expect((await post({ authorization: 'Bearer alice-key-1' })).status).toBe(200);
    expect(scene.provider.requests).toHaveLength(1);
  });

  test('a key that was checked here never reaches the provider', async () => {
    await using scene = await openScene(keyed);
    const client = await scene.connect({ headers: { authorization: 'Bearer alice-key-1' } });
    await ask(client, {});
    expect(JSON.stringify(scene.provider.requests[0]?.rawHeaders)).not.toContain('alice-key-1');
  });
});

describe('a key in Sec-WebSocket-Protocol', () => {
  test('lets in beside a second protocol, which alone is selected', async () => {
    await using scene = await openScene(keyed);
    const client = await scene.connect({ protocols: ['realtime', keyProtocol] });
    expect(client.protocol).toBe('realtime');
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test('is never echoed, wherever it stands among the offers', async () => {
    await using scene = await openScene(keyed);
    const client = await scene.connect({
      protocols: [keyProtocol, 'openai-organization.org-1', 'openai-beta.responses.v1'],
    });
    expect(client.protocol).toBe('openai-beta.responses.v1');
    expect(JSON.stringify(client.upgradeHeaders)).not.toContain('alice-key-1');
  });

  test('alone is answered 400 with the sentence that names a second protocol', async () => {
    await using scene = await openScene(keyed);
    const refused = await refusedUpgrade(scene.connect({ protocols: [keyProtocol] }));
    expect(refused.status).toBe(400);
    expect(refused.body).toContain('offer a second protocol');
    expect(refused.body).not.toContain('alice-key-1');
  });

  test('that is wrong is answered 401', async () => {
    await using scene = await openScene(keyed);
    const protocols = ['realtime', 'openai-insecure-api-key.wrong'];
    expect((await refusedUpgrade(scene.connect({ protocols }))).status).toBe(401);
  });

  test('goes to a Passthrough provider as a bearer token', async () => {
    await using scene = await openScene({
      route: { clients: {}, provider: { auth: { type: 'Passthrough' } } },
    });
    const client = await scene.connect({ protocols: ['realtime', keyProtocol] });
    await ask(client, {});
    const [request] = scene.provider.requests;
    expect(request?.headers['authorization']).toBe('Bearer alice-key-1');
    expect(request?.headers['sec-websocket-protocol']).toBeUndefined();
  });
});

describe('browsers', () => {
  const origin = 'https://app.example.com';

  test('a page may not connect unless its origin is listed', async () => {
    await using scene = await openScene();
    const refused = await refusedUpgrade(scene.connect({ headers: { origin } }));
    expect(refused.status).toBe(403);
    expect(errorIn(refused.body)).toMatchObject({ code: 'origin_not_allowed' });
    expect(refused.body).toContain('clients.allowedOrigins');
  });

  test('a page whose origin is listed may, another one may not', async () => {
    await using scene = await openScene({
      route: { clients: { auth: { type: 'None' }, allowedOrigins: [origin] } },
    });
    const client = await scene.connect({ headers: { origin: 'https://APP.example.com' } });
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
    for (const other of ['https://app.example.com.evil.test', 'http://app.example.com', 'null']) {
      expect((await refusedUpgrade(scene.connect({ headers: { origin: other } }))).status).toBe(403);
    }
  });

  test('a POST from a page is judged alike', async () => {
    await using scene = await openScene();
    const headers = { origin };
    const answer = await fetch(`${scene.bridge.url}/responses`, { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(403);
    expect(scene.provider.requests).toEqual([]);
  });
});

describe('circles', () => {
  test('a request that has been here before is refused, and says whose mistake it is', async () => {
    await using scene = await openScene({ installationId: 'bridge-a' });
    const headers = { 'x-turnbridge-via': 'bridge-b, bridge-a' };
    const refused = await refusedUpgrade(scene.connect({ headers }));
    expect(refused.status).toBe(400);
    expect(errorIn(refused.body)).toMatchObject({ code: 'loop_detected' });
    expect(refused.body).toContain('leads back to it');
  });

  test('a third hop is served, a fourth is refused', async () => {
    await using scene = await openScene({ installationId: 'bridge-c' });
    const client = await scene.connect({ headers: { 'x-turnbridge-via': 'bridge-a, bridge-b' } });
    await ask(client, {});
    expect(scene.provider.requests[0]?.headers['x-turnbridge-via']).toBe('bridge-a, bridge-b, bridge-c');
    const headers = { 'x-turnbridge-via': 'bridge-a, bridge-b, bridge-x' };
    const refused = await refusedUpgrade(scene.connect({ headers }));
    expect(refused.status).toBe(400);
    expect(refused.body).toContain('three bridges');
  });

  test('a route that leads back to its own bridge ends in one clear error', async () => {
    await using scene = await openScene();
    await scene.bridge.setRoutes(
      JSON.stringify({
        apiVersion: 'turnbridge.dev/v1alpha1',
        kind: 'ResponsesRoute',
        metadata: { name: 'circle' },
        spec: {
          clients: { auth: { type: 'None' } },
          providers: [{ name: 'self', url: scene.bridge.url, auth: { type: 'None' } }],
        },
      }),
    );
    await logged(scene.bridge, 'config.reload');
    const client = await scene.connect();
    const [error] = await ask(client, {});
    expect(error).toMatchObject({ type: 'error', status: 400, error: { code: 'loop_detected' } });
  });
});
