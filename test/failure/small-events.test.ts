/** Small things travel at once: nothing waits for more to come. */
import { expect, test } from '@jest/globals';
import { openByteProvider } from '../harness/byte-provider.ts';
import { gate } from '../harness/fake-provider.ts';
import { openScene, routeFile, typesOf } from '../protocol/scene.ts';
import type { Step } from '../../src/scripted/script.ts';

const rounds = 40;
/** Of the quicker rounds: Nagle's delay costs 40 ms in each. A machine that is busy is late in many of them. */
const maxQuickMs = 20;

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
  const roundMs: number[] = [];
  for (const each of gates) {
    const startedAt = performance.now();
    each.open();
    await client.next('response.output_text.delta');
    roundMs.push(performance.now() - startedAt);
  }
  expect(quick(roundMs)).toBeLessThan(maxQuickMs);
  expect(typesOf(await client.events()).at(-1)).toBe('response.completed');
});

test('forty small turns, one after the other, each answered in two writes, are not held back', async () => {
  let heard = Promise.withResolvers<void>();
  await using provider = await openByteProvider(async ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
    socket.write(chunk('data: {"type":"response.created","response":{"id":"resp_1"}}\n\n'));
    await heard.promise;
    socket.write(chunk('data: {"type":"response.completed","response":{"id":"resp_1","output":[]}}\n\n'));
    socket.write(chunk(''));
  });
  await using scene = await openScene({ routes: () => routeFile(provider.url) });
  const client = await scene.connect();
  const roundMs: number[] = [];
  for (let n = 0; n < rounds; n++) {
    heard = Promise.withResolvers<void>();
    const startedAt = performance.now();
    client.create({ model: 'm' });
    await client.next('response.created');
    heard.resolve();
    expect(typesOf(await client.events())).toEqual(['response.completed']);
    roundMs.push(performance.now() - startedAt);
  }
  expect(quick(roundMs)).toBeLessThan(maxQuickMs);
  expect(provider.connections).toBeLessThanOrEqual(2);
});

/** Of a body of unknown length; an empty one ends it. */
function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** The lower quartile. */
function quick(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 2] ?? 0;
}
