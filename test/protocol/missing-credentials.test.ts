/** In a cluster a Secret comes and goes by itself: its provider closes, nobody else does. */
import { describe, expect, test } from '@jest/globals';
import type { SceneWishes } from './scene.ts';
import { ask, typesOf } from './scene.ts';
import { openSnapshotScene } from './snapshot-scene.ts';

const twoProviders: NonNullable<SceneWishes['routes']> = (url) => `
apiVersion: turnbridge.dev/v1alpha1
kind: ResponsesRoute
metadata: { name: coding, namespace: ai }
spec:
  clients: { auth: { type: None } }
  providers:
    - { name: keyed, url: '${url}', models: [gpt-*], auth: { type: APIKey, secretRef: { name: gone } } }
    - { name: open, url: '${url}', models: [qwen], auth: { type: None } }
`;
const errorOf = (events: readonly Record<string, unknown>[]) => events.at(-1);

describe('a provider whose Secret is missing', () => {
  test('answers no turn: clients are told to try again, and no request is made', async () => {
    await using scene = await openSnapshotScene({ routes: twoProviders });
    const client = await scene.connect();
    expect(errorOf(await ask(client, { model: 'gpt-5.5' }))).toMatchObject({
      type: 'error',
      status: 503,
      error: {
        code: 'not_ready',
        message: expect.stringMatching(/^Provider keyed of route ai\/coding cannot be used now/),
      },
      headers: { 'retry-after': '1' },
    });
    expect(scene.provider.requests).toHaveLength(0);
  });

  test('leaves the other providers of its route to serve', async () => {
    await using scene = await openSnapshotScene({ routes: twoProviders });
    const client = await scene.connect();
    await ask(client, { model: 'gpt-5.5' });
    expect(typesOf(await ask(client, { model: 'qwen' })).at(-1)).toBe('response.completed');
  });

  test('is not asked for other requests either', async () => {
    await using scene = await openSnapshotScene({ routes: twoProviders });
    const response = await fetch(`${scene.bridge.url}/responses/compact`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.5' }),
    });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: 'not_ready' } });
    expect(scene.provider.requests).toHaveLength(0);
  });
});
