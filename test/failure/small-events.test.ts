/** Small things travel at once: no delay of Nagle's on either leg. */
import { expect, test } from '@jest/globals';
import { gate } from '../harness/fake-provider.ts';
import { ask, openScene, typesOf } from '../protocol/scene.ts';
import type { Step } from '../../src/scripted/script.ts';

/** One delayed acknowledgement costs 40 ms: forty of them would take longer than this by far. */
const rounds = 40;
const maxMs = 800;

test('forty small events, each sent when the one before has arrived, are not held back', async () => {
  const gates = Array.from({ length: rounds }, () => gate());
  const steps = gates.flatMap(({ promise }, n): Step[] => [
    { until: promise },
    { event: { type: 'response.output_text.delta', delta: `${n}` } },
  ]);
  await using scene = await openScene({ script: [{ begin: true }, ...steps] });
  const client = await scene.connect();
  client.create({ model: 'm' });
  await client.next('response.in_progress');
  const startedAt = performance.now();
  for (const each of gates) {
    each.open();
    await client.next('response.output_text.delta');
  }
  expect(performance.now() - startedAt).toBeLessThan(maxMs);
  expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
});

test('forty small turns, one after the other, are not held back', async () => {
  await using scene = await openScene({ script: [{ text: 'ok' }] });
  const client = await scene.connect();
  await ask(client, {});
  const startedAt = performance.now();
  for (let n = 0; n < rounds; n++) await ask(client, {});
  expect(performance.now() - startedAt).toBeLessThan(maxMs);
  expect(scene.provider.connections).toBeLessThanOrEqual(2);
});
