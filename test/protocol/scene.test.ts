/** The scene's own promises: a test that leaves something behind fails by a sentence, and ends. */
import { expect, test } from '@jest/globals';
import { openScene } from './scene.ts';

test('a request that nobody ends is named when its scene is left', async () => {
  const scene = await openScene({ script: [{ stall: true }] });
  const body = JSON.stringify({ model: 'm', stream: true });
  const stray = fetch(`${scene.provider.url}/responses`, { method: 'POST', body });
  stray.catch(() => undefined); // its end is the scene's
  await scene.provider.waitForRequest();
  await expect(scene[Symbol.asyncDispose]()).rejects.toThrow(
    'a scene was left in disorder: the provider still works for request 1 (POST /v1/responses)',
  );
  await expect(stray).rejects.toThrow('fetch failed');
  await expect(fetch(scene.bridge.opsUrl)).rejects.toThrow('fetch failed');
});

test('a connection that nobody ends is counted when its scene is left, and ended', async () => {
  const scene = await openScene({ script: [{ stall: true }] });
  const body = JSON.stringify({ model: 'm', stream: true });
  const stray = fetch(`${scene.bridge.url}/responses`, { method: 'POST', body });
  stray.catch(() => undefined);
  await scene.provider.waitForRequest();
  await expect(scene[Symbol.asyncDispose]()).rejects.toThrow(
    /^a scene was left in disorder: 1 connections or HTTP requests are still open; the provider still works/,
  );
});
