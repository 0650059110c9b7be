/** Requests that are no turns: passed on to the route's provider where the route says so, and nowhere else. */
import { describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { closedUrl } from '../harness/nowhere.ts';
import { rawHttp } from '../harness/raw-http.ts';
import { openScene, said, type SceneWishes } from './scene.ts';

const passthrough = (paths: readonly string[]): SceneWishes => ({
  route: { clients: {}, provider: { auth: { type: 'Passthrough' } }, relay: { paths } },
});

describe('GET /models', () => {
  test('is answered by the provider, with its status and type', async () => {
    await using scene = await openScene();
    const answer = await fetch(`${scene.bridge.url}/models`, {
      headers: { 'x-secret': 'no', cookie: 'a=b' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('application/json');
    expect(await answer.json()).toMatchObject({ object: 'list' });
    const [request] = scene.provider.requests;
    expect(request).toMatchObject({ method: 'GET', path: '/v1/models' });
    expect(request?.headers).toMatchObject({ 'x-turnbridge-via': 'test-bridge' });
    expect(request?.headers).not.toHaveProperty('cookie');
    expect(request?.headers).not.toHaveProperty('x-secret');
  });

  test('works without a base path, and as HEAD', async () => {
    await using scene = await openScene();
    expect((await fetch(`http://127.0.0.1:${scene.bridge.port}/models`)).status).toBe(200);
    const head = await fetch(`${scene.bridge.url}/models`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
    expect(scene.provider.requests.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
  });

  test('keeps the provider’s error as it is, and is never a 404 of our own', async () => {
    await using scene = await openScene({
      script: {
        name: 'models',
        rules: [{ when: { path: '/models' }, answer: { status: { code: 418, body: { teapot: true } } } }],
      },
    });
    const answer = await fetch(`${scene.bridge.url}/models`);
    expect(answer.status).toBe(418);
    expect(await answer.json()).toEqual({ teapot: true });
  });

  test('is a 502 when the provider cannot be reached', async () => {
    await using scene = await openScene({ route: { provider: { url: `${closedUrl}/v1` } } });
    const answer = await fetch(`${scene.bridge.url}/models`);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ error: { code: 'provider_unreachable' } });
  });

  test('needs a key where the route has keys', async () => {
    await using scene = await openScene({
      route: { clients: { auth: { type: 'APIKey', secretRef: { name: 'keys' } } } },
      secrets: { keys: { alice: 'alice-key' } },
    });
    expect((await fetch(`${scene.bridge.url}/models`)).status).toBe(401);
    const headers = { authorization: 'Bearer alice-key' };
    expect((await fetch(`${scene.bridge.url}/models`, { headers })).status).toBe(200);
  });

  test('keeps its query only where the route allows the name', async () => {
    await using scene = await openScene({
      route: { clients: { auth: { type: 'None' }, queryPassthrough: { allow: ['client_version'] } } },
    });
    await fetch(`${scene.bridge.url}/models?client_version=0.169.0&api_key=secret`);
    expect(scene.provider.requests[0]?.path).toBe('/v1/models?client_version=0.169.0');
  });

  test.each(['POST', 'DELETE', 'PUT'])('%s there is answered 405', async (method) => {
    await using scene = await openScene();
    const answer = await fetch(`${scene.bridge.url}/models`, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
    expect(scene.provider.requests).toEqual([]);
  });
});

describe('POST /responses/compact', () => {
  test('is passed on with the provider’s name for the model, and nothing else changed', async () => {
    await using scene = await openScene({
      route: { provider: { modelMapping: [{ from: 'gpt-*', to: 'qwen' }] } },
    });
    const body = '{"input":[{"role":"user","content":"Zoë 1.50"}],"model":"gpt-5.5", "extra":1.50}';
    const answer = await fetch(`${scene.bridge.url}/responses/compact`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ object: 'response.compaction' });
    const [request] = scene.provider.requests;
    expect(request?.path).toBe('/v1/responses/compact');
    expect(request?.rawBody.toString()).toBe(body.replace('"gpt-5.5"', '"qwen"'));
    expect(request?.headers['content-type']).toBe('application/json');
  });

  test('reaches the provider plain when it came compressed', async () => {
    await using scene = await openScene();
    const body = JSON.stringify({ model: 'm', input: [said('x'.repeat(5000))] });
    const answer = await fetch(`${scene.bridge.url}/responses/compact`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(body),
    });
    expect(answer.status).toBe(200);
    await answer.text();
    expect(scene.provider.requests[0]?.rawBody.toString()).toBe(body);
    expect(scene.provider.requests[0]?.headers['content-encoding']).toBeUndefined();
  });

  test('a model that nobody serves is a 404, and costs the provider nothing', async () => {
    await using scene = await openScene({ route: { match: { models: ['gpt-*'] } } });
    const answer = await fetch(`${scene.bridge.url}/responses/compact`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'claude', input: [said('x')] }),
    });
    expect(answer.status).toBe(404);
    expect(scene.provider.requests).toEqual([]);
  });
});

describe('a model that a provider could read past the bridge', () => {
  const wishes: SceneWishes = { route: { match: { models: ['gpt-*'] } } };
  const post = (body: string, type: string) =>
    `POST /v1/responses/compact HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${type}content-length: ${body.length}\r\n\r\n${body}`;

  test('given twice is refused: some read the first, some the last', async () => {
    await using scene = await openScene(wishes);
    const body = '{"model":"gpt-5.5","input":[],"mode\\u006c":"claude"}';
    const answer = await rawHttp(scene.bridge.port, post(body, 'content-type: application/json\r\n'));
    expect(answer.status).toBe(400);
    expect(answer.body).toContain('`model` is given twice');
    expect(scene.provider.requests).toEqual([]);
  });

  test.each([
    ['in capitals', 'Content-Type: Application/JSON\r\n'],
    ['left out', ''],
  ])('is found where the type of the body is %s', async (_, type) => {
    await using scene = await openScene(wishes);
    expect((await rawHttp(scene.bridge.port, post('{"model":"claude"}', type))).status).toBe(404);
    expect(scene.provider.requests).toEqual([]);
    expect((await rawHttp(scene.bridge.port, post('{"model":"gpt-5.5"}', type))).status).toBe(200);
  });
});

describe('other paths', () => {
  test.each(['/files', '/responses/resp_1', '/responses/resp_1/cancel', '/models/gpt-5.5', '/models/'])(
    '%s is answered 404 and says which field passes paths on',
    async (path) => {
      await using scene = await openScene();
      const answer = await fetch(`${scene.bridge.url}${path}`);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({
        error: { message: expect.stringContaining('relay.paths') },
      });
      expect(scene.provider.requests).toEqual([]);
    },
  );

  test('those that a route lists are passed on with the client’s own key and every method', async () => {
    await using scene = await openScene(passthrough(['/responses/*']));
    const headers = { authorization: 'Bearer mine' };
    await fetch(`${scene.bridge.url}/responses/resp_1`, { headers, method: 'DELETE' });
    await fetch(`${scene.bridge.url}/responses/resp_1/input_items`, { headers });
    expect(scene.provider.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'DELETE /v1/responses/resp_1',
      'GET /v1/responses/resp_1/input_items',
    ]);
    expect(scene.provider.requests[0]?.headers['authorization']).toBe('Bearer mine');
    expect((await fetch(`${scene.bridge.url}/models`, { headers })).status).toBe(404);
  });

  test('a body that does not call itself JSON streams through unchanged', async () => {
    await using scene = await openScene(passthrough(['/files']));
    const body = Buffer.from(`{ "model" : "${'m'.repeat(300_000)}" }`);
    await fetch(`${scene.bridge.url}/files`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body,
    });
    const [request] = scene.provider.requests;
    expect(request?.rawBody.equals(body)).toBe(true);
    expect(request?.headers['content-type']).toBe('text/plain');
  });

  test.each([
    '/responses/../models',
    '/responses/%2e%2e/models',
    '/responses/%2E%2E/admin',
    '/responses/..%2fadmin',
    '/responses/..%5cadmin',
    '/responses/.',
    '/responses//admin',
    '/responses/a/../../admin',
    '/responses/..\\admin',
  ])('%s, which a provider might read as another path, is answered 404', async (path) => {
    await using scene = await openScene(passthrough(['/responses/*']));
    const answer = await rawHttp(
      scene.bridge.port,
      `GET /v1${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    expect(answer.status).toBe(404);
    expect(scene.provider.requests).toEqual([]);
  });
});

describe('a body that streams through', () => {
  const files: SceneWishes = {
    route: { ...passthrough(['/files']).route, limits: { maxMessageBytes: 65_536 } },
    script: () => ({ steps: [{ text: 'x' }] }),
  };
  const upload = (url: string, bytes: number) =>
    fetch(`${url}/files`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(bytes),
    });

  test('has the limit of a message, and reaches the provider below it', async () => {
    await using scene = await openScene(files);
    await upload(scene.bridge.url, 60_000);
    expect(scene.provider.requests[0]).toMatchObject({ method: 'POST', path: '/v1/files' });
    expect(scene.provider.requests[0]?.headers).toMatchObject({ 'content-length': '60000' });
    const refused = await upload(scene.bridge.url, 70_000);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { code: 'payload_too_large' } });
    expect(scene.provider.requests).toHaveLength(1);
  });
});
