/** Requests of a ChatGPT login: their own provider, its paths, what it needs and what it leaves out. */
import { describe, expect, test } from '@jest/globals';
import { fakeProvider, textAnswer } from '../harness/fake-provider.ts';
import type { ScriptLike } from '../../src/scripted/choose-answer.ts';
import { dialectScript } from '../../src/scripted/dialects.ts';
import type { ScriptedProvider } from '../../src/scripted/scripted-provider.ts';
import {
  ask,
  codexHeaders,
  idOf,
  itemsOf,
  logged,
  openScene,
  responseOf,
  said,
  textOf,
  typesOf,
  type JsonObject,
  type Scene,
} from './scene.ts';

const login = {
  ...codexHeaders,
  authorization: 'Bearer login-token',
  'chatgpt-account-id': 'account-1',
  'session-id': 'session-1',
};
const apiUser = { ...codexHeaders, authorization: 'Bearer sk-user' };

interface Place extends AsyncDisposable {
  /** The backend of logins. */
  readonly backend: ScriptedProvider;
  /** A provider of the public API in the same route, which comes first. */
  readonly api: ScriptedProvider;
  readonly scene: Scene;
}

interface Wishes {
  readonly transport?: 'Auto' | 'HTTP' | 'WebSocket';
  readonly backend?: ScriptLike;
  readonly api?: ScriptLike;
  /** Of the backend's provider. */
  readonly changes?: JsonObject;
}

/** A route to the API and to the backend of logins, each paid by whoever asks. */
async function openPlace({
  transport = 'HTTP',
  backend: script,
  api: apiScript,
  changes,
}: Wishes = {}): Promise<Place> {
  const backend = await fakeProvider(script ?? dialectScript('chatgpt', () => textAnswer('Yes.')));
  const api = await fakeProvider(apiScript ?? 'hello');
  const scene = await openScene({
    routes: () =>
      JSON.stringify({
        apiVersion: 'turnbridge.dev/v1alpha1',
        kind: 'ResponsesRoute',
        metadata: { name: 'both', namespace: 'default' },
        spec: {
          providers: [
            { name: 'api', url: api.url, transport: 'HTTP' },
            {
              name: 'chatgpt',
              url: `${new URL(backend.url).origin}/backend-api`,
              dialect: 'ChatGPT',
              transport,
              ...changes,
            },
          ],
        },
      }),
  });
  return {
    backend,
    api,
    scene,
    async [Symbol.asyncDispose]() {
      await scene[Symbol.asyncDispose]();
      await backend.close();
      await api.close();
    },
  };
}

describe('a ChatGPT login', () => {
  test.each(['HTTP', 'WebSocket', 'Auto'] as const)(
    'reaches its backend below /backend-api/codex, with what that needs to know (%s)',
    async (transport) => {
      await using place = await openPlace({ transport });
      const client = await place.scene.connect({ headers: login });
      const events = await ask(client, { input: [said('hi')], store: false });
      expect(typesOf(events).at(-1)).toBe('response.completed');
      expect(place.api.requests).toEqual([]);
      const [request] = place.backend.requests;
      expect(request?.path).toBe('/backend-api/codex/responses');
      expect(request?.headers).toMatchObject({
        authorization: 'Bearer login-token',
        'chatgpt-account-id': 'account-1',
        originator: 'codex_exec',
        'session-id': 'session-1',
      });
    },
  );

  test.each(['HTTP', 'WebSocket'] as const)(
    'hears the items of an answer that ends without them (%s)',
    async (transport) => {
      await using place = await openPlace({ transport });
      const client = await place.scene.connect({ headers: login });
      const events = await ask(client, { input: [said('hi')], store: false });
      expect(itemsOf(events)).not.toEqual([]);
      expect(responseOf(events.at(-1))['output']).toEqual(itemsOf(events));
    },
  );

  test('goes on from answer to answer', async () => {
    await using place = await openPlace();
    const client = await place.scene.connect({ headers: login });
    const first = await ask(client, { input: [said('one')], store: false });
    const second = await ask(client, {
      input: [said('two')],
      store: false,
      previous_response_id: idOf(first),
    });
    expect(textOf(second)).toBe('Yes.');
    expect(place.backend.requests[1]?.body['input']).toEqual([said('one'), ...itemsOf(first), said('two')]);
  });

  test('has its model list, for the version that asks', async () => {
    await using place = await openPlace();
    const answer = await fetch(`${place.scene.bridge.url}/models?client_version=0.169.0&api_key=sk-1`, {
      headers: login,
    });
    expect(answer.status).toBe(200);
    expect(place.backend.requests.map(({ path }) => path)).toEqual([
      '/backend-api/codex/models?client_version=0.169.0',
    ]);
    expect(place.api.requests).toEqual([]);
  });

  test('is told why it was refused, in whatever form', async () => {
    const refusal = { status: { code: 400, body: { detail: 'The model is not for this plan.' } } };
    await using place = await openPlace({ backend: () => refusal });
    const client = await place.scene.connect({ headers: login });
    const [error] = await ask(client, { store: false });
    expect(error).toMatchObject({
      type: 'error',
      status: 400,
      error: { message: 'The model is not for this plan.' },
    });
  });
});

describe('the token of a ChatGPT login', () => {
  const failures: readonly (readonly [string, ScriptLike])[] = [
    ['is down', () => ({ status: { code: 503, body: { detail: 'down' } } })],
    ['refuses it', () => ({ status: { code: 401, body: { detail: 'expired' } } })],
    ['is at its limit', () => ({ status: { code: 429, body: { error: { type: 'usage_limit_reached' } } } })],
    ['breaks off', () => ({ steps: [{ reset: true }] })],
  ];

  test.each(failures)('reaches no other provider when its backend %s', async (_what, backend) => {
    await using place = await openPlace({ backend });
    const client = await place.scene.connect({ headers: login });
    for (let turn = 0; turn < 4; turn++) {
      const events = await ask(client, { input: [said('hi')], store: false });
      expect(typesOf(events).at(-1)).toBe('error');
    }
    expect(place.api.requests).toEqual([]);
  });

  test('reaches no other provider when its backend does not have the model', async () => {
    await using place = await openPlace({ changes: { models: ['gpt-*'] } });
    const client = await place.scene.connect({ headers: login });
    const [error] = await ask(client, { model: 'qwen', store: false });
    expect(error).toMatchObject({ status: 404, error: { code: 'model_not_found' } });
    expect([...place.api.requests, ...place.backend.requests]).toEqual([]);
  });
});

describe('whoever comes with another key', () => {
  test('does not reach the backend of logins, not even when the API is down', async () => {
    await using place = await openPlace({ api: () => ({ status: { code: 503 } }) });
    const client = await place.scene.connect({ headers: apiUser });
    for (let turn = 0; turn < 4; turn++) {
      const events = await ask(client, { input: [said('hi')] });
      expect(typesOf(events).at(-1)).toBe('error');
    }
    expect(place.api.requests).not.toEqual([]);
    expect(place.backend.requests).toEqual([]);
  });
});

describe('a request that does not say whether it is to be stored', () => {
  test.each(['HTTP', 'WebSocket'] as const)(
    'says no to a backend that stores nothing (%s)',
    async (transport) => {
      await using place = await openPlace({ transport });
      const client = await place.scene.connect({ headers: login });
      await ask(client, { input: [said('hi')] });
      expect(place.backend.requests[0]?.body['store']).toBe(false);
    },
  );

  test('passes as it is to every other provider, and with a word of its own to this one', async () => {
    await using place = await openPlace();
    await ask(await place.scene.connect({ headers: apiUser }), { input: [said('hi')] });
    expect(place.api.requests[0]?.body).not.toHaveProperty('store');
    await ask(await place.scene.connect({ headers: login }), { input: [said('hi')], store: true });
    expect(place.backend.requests[0]?.body['store']).toBe(true);
  });
});

test('a backend that is this bridge itself ends in one clear error', async () => {
  await using place = await openPlace();
  await place.scene.bridge.setRoutes(
    JSON.stringify({
      apiVersion: 'turnbridge.dev/v1alpha1',
      kind: 'ResponsesRoute',
      metadata: { name: 'circle' },
      spec: {
        match: { paths: ['/v1', '/backend-api/codex'] },
        providers: [
          {
            name: 'self',
            url: `${new URL(place.scene.bridge.url).origin}/backend-api`,
            dialect: 'ChatGPT',
          },
        ],
      },
    }),
  );
  await logged(place.scene.bridge, 'config.reload');
  const client = await place.scene.connect({ headers: login });
  const [error] = await ask(client, { store: false });
  expect(error).toMatchObject({ type: 'error', status: 400, error: { code: 'loop_detected' } });
  expect(place.backend.requests).toEqual([]);
});
