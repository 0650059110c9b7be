/** Which headers a provider gets, and which come back: whose key is spent, what a frame carries, what never passes. */
import { describe, expect, test } from '@jest/globals';
import { ask, codexHeaders, openScene, said, type Scene } from './scene.ts';

type Headers = Readonly<Record<string, string>>;

const credentials: Headers = {
  authorization: 'Bearer client-key',
  'chatgpt-account-id': 'acct-1',
  'openai-organization': 'org-1',
};

/** Written by Node's own server and our HTTP client: there is nothing of the client in them. */
const ofTheRequest = new Set(['host', 'connection', 'content-length']);

/** The headers of the n-th request, without those of HTTP itself. */
function got(scene: Scene, n = 0): Record<string, string> {
  return Object.fromEntries(
    Object.entries(scene.provider.requests[n]!.headers).filter(([name]) => !ofTheRequest.has(name)),
  );
}

const always: Headers = {
  'content-type': 'application/json',
  accept: 'text/event-stream',
  'accept-encoding': 'identity',
  'x-turnbridge-via': 'test-bridge',
};

const codexHandshake: Headers = {
  ...codexHeaders,
  'openai-beta': 'responses_websockets=2026-02-06, other=1',
  'x-codex-turn-metadata': '{"request_kind":"prewarm"}',
  'x-codex-beta-features': 'remote_compaction_v2',
  'x-client-request-id': 'thread-1',
  'session-id': 'session-1',
  'thread-id': 'thread-1',
  'x-codex-window-id': 'thread-1:0',
};

describe('from a client like Codex', () => {
  test('the provider gets what Codex would have sent it over HTTP, and nothing of the socket', async () => {
    await using scene = await openScene();
    const client = await scene.connect({ headers: { ...codexHandshake, ...credentials } });
    await ask(client, {
      input: [said('hi')],
      client_metadata: {
        session_id: 'session-1',
        thread_id: 'thread-1',
        turn_id: 'turn-1',
        'x-codex-turn-metadata': '{"request_kind":"turn","dir":"/home/Zoë"}',
        'x-codex-window-id': 'thread-1:1',
        'x-codex-installation-id': 'inst',
        'x-codex-turn-state': 'sticky',
        'x-codex-ws-stream-request-start-ms': '1760000000000',
        ws_request_header_traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        ws_request_header_x_openai_internal_codex_responses_lite: 'true',
      },
    });
    expect(got(scene)).toEqual({
      ...always,
      'user-agent': codexHeaders['user-agent'],
      originator: 'codex_exec',
      'openai-beta': 'other=1',
      'x-codex-beta-features': 'remote_compaction_v2',
      'x-client-request-id': 'thread-1',
      'session-id': 'session-1',
      'thread-id': 'thread-1',
      'x-codex-turn-metadata': '{"request_kind":"turn","dir":"/home/Zo\\u00eb"}',
      'x-codex-window-id': 'thread-1:1',
      'x-codex-turn-state': 'sticky',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'x-openai-internal-codex-responses-lite': 'true',
    });
    expect(scene.provider.requests[0]?.body['client_metadata']).toEqual({
      session_id: 'session-1',
      thread_id: 'thread-1',
      turn_id: 'turn-1',
      'x-codex-turn-metadata': '{"request_kind":"turn","dir":"/home/Zoë"}',
      'x-codex-window-id': 'thread-1:1',
      'x-codex-installation-id': 'inst',
    });
  });

  test('each turn has the headers of its own frame, not of an earlier one', async () => {
    await using scene = await openScene();
    const client = await scene.connect({ headers: codexHandshake });
    await ask(client, { client_metadata: { 'x-codex-turn-state': 'one' } });
    await ask(client, {});
    expect(got(scene, 0)['x-codex-turn-state']).toBe('one');
    expect(got(scene, 1)['x-codex-turn-state']).toBeUndefined();
    expect(got(scene, 1)['x-codex-turn-metadata']).toBe('{"request_kind":"prewarm"}');
  });

  test('a frame cannot smuggle in headers that a handshake could not', async () => {
    await using scene = await openScene();
    const client = await scene.connect();
    await ask(client, {
      client_metadata: {
        ws_request_header_authorization: 'Bearer smuggled',
        ws_request_header_host: 'evil.test',
        ws_request_header_x_turnbridge_via: 'x',
        ws_request_header_cookie: 'a=b',
        ws_request_header_content_length: '1',
        ws_request_header_x_codex_split: 'a\r\nx-evil: 1',
        session_id: 'fine',
      },
    });
    expect(got(scene)).toEqual({ ...always, 'session-id': 'fine' });
  });
});

describe('from a client like an SDK', () => {
  test('what identifies its program passes, what is private to it does not', async () => {
    await using scene = await openScene();
    const client = await scene.connect({
      headers: {
        'user-agent': 'OpenAI/JS 7.18.0',
        'x-stainless-lang': 'js',
        'x-stainless-retry-count': '0',
        'idempotency-key': 'idem-1',
        cookie: 'session=secret',
        'x-forwarded-for': '10.0.0.1',
        forwarded: 'for=10.0.0.1',
        'x-internal': 'private',
        'x-turnbridge-secret': 'inbound',
        'accept-language': 'de',
        referer: 'https://example.com/secret',
      },
    });
    await ask(client, {});
    expect(got(scene)).toEqual({
      ...always,
      'user-agent': 'OpenAI/JS 7.18.0',
      'x-stainless-lang': 'js',
      'x-stainless-retry-count': '0',
      'idempotency-key': 'idem-1',
    });
  });

  test('a route may allow more and deny what usually passes; deny wins', async () => {
    await using scene = await openScene({
      route: {
        headerPassthrough: {
          request: { allow: ['x-team', 'x-both', 'x-codex-extra'], deny: ['x-both', 'user-agent'] },
        },
      },
    });
    const client = await scene.connect({
      headers: { 'user-agent': 'a', 'x-team': 'blue', 'x-both': 'no', 'x-other': 'no' },
    });
    await ask(client, {});
    expect(got(scene)).toEqual({ ...always, 'x-team': 'blue' });
  });

  test('a header that Connection names is for this hop only', async () => {
    await using scene = await openScene({ route: { headerPassthrough: { request: { allow: ['x-hop'] } } } });
    await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      body: '{"model":"m"}',
      headers: { 'x-hop': 'kept' },
    });
    expect(got(scene)['x-hop']).toBe('kept');
  });
});

describe('whose key is spent', () => {
  test('None: no key of the client reaches the provider', async () => {
    await using scene = await openScene();
    const client = await scene.connect({ headers: { ...credentials, 'x-api-key': 'k', 'api-key': 'k' } });
    await ask(client, {});
    expect(got(scene)).toEqual(always);
  });

  test('APIKey: the provider gets the key of the bridge in the way it wants it', async () => {
    await using scene = await openScene({
      route: {
        provider: {
          auth: {
            type: 'APIKey',
            secretRef: { name: 'own', key: 'k' },
            header: { name: 'api-key', prefix: '' },
          },
        },
      },
      secrets: { own: { k: 'bridge-own-key' } },
    });
    const client = await scene.connect({ headers: { ...credentials, 'api-key': 'from-client' } });
    await ask(client, {});
    expect(got(scene)).toEqual({ ...always, 'api-key': 'bridge-own-key' });
  });

  test('APIKey: as a bearer token when nothing else is said', async () => {
    await using scene = await openScene({
      route: { provider: { auth: { type: 'APIKey', secretRef: { name: 'own' } } } },
      secrets: { own: { apiKey: 'bridge-own-key' } },
    });
    const client = await scene.connect({ headers: credentials });
    await ask(client, {});
    expect(got(scene)).toEqual({ ...always, authorization: 'Bearer bridge-own-key' });
  });

  test('Passthrough: the client spends its own key, unchanged', async () => {
    await using scene = await openScene({
      route: { clients: {}, provider: { auth: { type: 'Passthrough' } } },
    });
    const client = await scene.connect({ headers: credentials });
    await ask(client, {});
    expect(got(scene)).toEqual({ ...always, ...credentials });
  });
});

describe('what the provider is configured with', () => {
  test('headers are removed, set and added, query entries are appended', async () => {
    await using scene = await openScene({
      route: {
        provider: {
          headers: {
            remove: ['originator'],
            set: [{ name: 'user-agent', value: 'ours' }],
            add: [{ name: 'x-extra', value: '1' }],
          },
          query: [{ name: 'api-version', value: '2026-01-01 preview' }],
        },
      },
    });
    const client = await scene.connect({ headers: codexHeaders });
    await ask(client, {});
    expect(got(scene)).toEqual({ ...always, 'user-agent': 'ours', 'x-extra': '1' });
    expect(scene.provider.requests[0]?.path).toMatch(
      /^\/v1\/responses\?api-version=2026-01-01(%20|\+)preview$/,
    );
  });

  test('query parameters of the client stay here unless the route allows their names', async () => {
    await using scene = await openScene({
      route: { clients: { auth: { type: 'None' }, queryPassthrough: { allow: ['api-version'] } } },
    });
    await fetch(`${scene.bridge.url}/responses?key=secret&api-version=1%202&API-VERSION=3`, {
      method: 'POST',
      body: '{"model":"m"}',
    });
    expect(scene.provider.requests[0]?.path).toBe('/v1/responses?api-version=1%202');
  });
});

describe('headers of the answer', () => {
  const answering = {
    headers: {
      'x-codex-turn-state': 'sticky-7',
      'openai-model': 'gpt-5.5-2026-04-01',
      'x-request-id': 'req_1',
      'x-ratelimit-remaining-requests': '9',
      'set-cookie': 'a=b',
      server: 'scripted',
      'x-vendor': 'v',
    },
    steps: [{ text: 'hi' }],
  };

  test('the turn state becomes one response.metadata event before all others; openai-model never comes', async () => {
    await using scene = await openScene({ script: answering });
    const client = await scene.connect({ headers: codexHeaders });
    const events = await ask(client, {});
    expect(events[0]).toEqual({ type: 'response.metadata', headers: { 'x-codex-turn-state': 'sticky-7' } });
    expect(events[1]).toMatchObject({ type: 'response.created', sequence_number: 0 });
    expect(events.filter(({ type }) => type === 'response.metadata')).toHaveLength(1);
    expect(client.frames.map(({ text }) => text).join('')).not.toContain('gpt-5.5-2026-04-01');
  });

  test('over HTTP those that help a client come as headers, others do not', async () => {
    await using scene = await openScene({
      script: answering,
      route: { headerPassthrough: { response: { allow: ['x-vendor'], deny: ['x-request-id'] } } },
    });
    const answer = await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      body: '{"model":"m","stream":true}',
    });
    await answer.text();
    expect(answer.headers.get('x-codex-turn-state')).toBe('sticky-7');
    expect(answer.headers.get('x-ratelimit-remaining-requests')).toBe('9');
    expect(answer.headers.get('x-vendor')).toBe('v');
    for (const name of ['openai-model', 'set-cookie', 'server', 'x-request-id']) {
      expect(answer.headers.get(name)).toBeNull();
    }
  });
});
