/** What one connection may have waiting, of the memory for all. */
import { expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { until } from '../harness/wait-for.ts';
import { ask, openScene, said, typesOf } from '../protocol/scene.ts';

test('a connection whose requests fill its share is told to wait, and everybody else is served', async () => {
  const held = gate();
  await using scene = await openScene({
    budgets: { inboundBytes: 400_000 }, // an eighth: 50,000
    route: { limits: { maxMessageBytes: 30_000 } },
    script: ({ body }) =>
      body.model === 'held' ? [{ begin: true }, { until: held.promise }] : [{ text: 'quick' }],
  });
  const client = await scene.connect();
  const request = { model: 'held', input: [said('x'.repeat(20_000))] };
  client.create(request);
  await client.next('response.created');
  client.create(request);
  client.create(request);
  client.create(request);
  expect(await client.next('error')).toMatchObject({
    status: 503,
    error: { code: 'slow_down', message: expect.stringContaining('of 50000 that one connection may hold') },
    headers: { 'retry-after': '1' },
  });
  expect(scene.bridge.bridge.usedBytes.inbound).toBeLessThan(50_000);

  const other = await scene.connect();
  expect(typesOf(await ask(other, { input: [said('y'.repeat(20_000))] })).at(-1)).toBe('response.completed');

  held.open();
  for (let turn = 0; turn < 3; turn++)
    expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
  await until(() => scene.bridge.bridge.usedBytes.inbound === 0, 'the memory to be given back');
  expect(typesOf(await ask(client, request)).at(-1)).toBe('response.completed');
});

test('a share is never smaller than one message', async () => {
  await using scene = await openScene({
    budgets: { inboundBytes: 100_000 }, // an eighth: 12,500
    route: { limits: { maxMessageBytes: 30_000 } },
  });
  const client = await scene.connect();
  expect(typesOf(await ask(client, { input: [said('x'.repeat(29_000))] })).at(-1)).toBe('response.completed');
});
