/** A client that reads slowly slows its provider and nobody else; one that takes nothing is let go. */
import { describe, expect, test } from '@jest/globals';
import type { TestClient } from '../harness/connect.ts';
import { openFlakyProxy } from '../harness/flaky-proxy.ts';
import { promptly } from '../harness/promptly.ts';
import { settledFigure } from '../harness/standing-still.ts';
import { until, within } from '../harness/wait-for.ts';
import { ask, logged, openScene, routeFile, settled, typesOf } from '../protocol/scene.ts';
import type { Step } from '../../src/scripted/script.ts';

const mib = 1_048_576;
const deltaBytes = 64 * 1024;
/** Far more than all buffers of the system together may take in on the way. */
const deltas = 1500;
const flood: readonly Step[] = [{ text: 'x'.repeat(deltaBytes), repeat: deltas, unfinished: true }];
/** What three hops of kernel buffers may hold at most, and our own beside them. */
const maxUnderwayBytes = 45 * mib;

/** A scene whose provider's bytes are counted on their way to the bridge. */
async function openCountedScene(settings: { maxUnsentBytes?: number; maxStallMs?: number } = {}) {
  const scene = await openScene({
    script: ({ body }) => (body.model === 'flood' ? flood : [{ text: 'quick' }]),
    settings: { flow: { maxUnsentBytes: 256 * 1024, maxStallMs: 60_000, ...settings } },
  });
  const proxy = await openFlakyProxy(scene.provider.port);
  await scene.bridge.setRoutes(routeFile(`http://127.0.0.1:${proxy.port}/v1`));
  await logged(scene.bridge, 'config.reload');
  return {
    ...scene,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]();
      await proxy.close();
    },
  };
}

describe('a client on a socket', () => {
  test('that stops reading pauses its provider, and hears every event when it goes on', async () => {
    await using scene = await openCountedScene();
    const client = await scene.connect();
    client.create({ model: 'flood' });
    await client.next('response.output_text.delta');
    client.stopReading();
    const underway = await settledFigure(() => scene.proxy.bytesToClient);
    expect(underway).toBeGreaterThan(256 * 1024);
    expect(underway).toBeLessThan(maxUnderwayBytes);
    expect(scene.bridge.bridge.usedBytes.clientSend).toBeGreaterThan(256 * 1024);
    expect(scene.bridge.bridge.usedBytes.clientSend).toBeLessThan(4 * mib);

    const other = await scene.connect();
    await promptly(async () => {
      const askedAt = performance.now();
      expect(typesOf(await ask(other, {})).at(-1)).toBe('response.completed');
      return performance.now() - askedAt;
    }, 1000);

    client.startReading();
    const events = await client.events({ timeoutMs: 20_000 });
    expect(typesOf(events).at(-1)).toBe('response.completed');
    expect(client.frames.filter(({ json }) => json?.['type'] === 'response.output_text.delta')).toHaveLength(
      deltas,
    );
    const numbers = client.frames.map(({ json }) => json?.['sequence_number']);
    expect(numbers).toEqual(numbers.map((_, n) => n));
    expect(scene.proxy.bytesToClient).toBeGreaterThan(deltas * deltaBytes);
    expect(await scene.bridge.metric('turnbridge_client_backpressure_seconds_total')).toBeGreaterThan(0);
  }, 60_000);

  test('that takes nothing for too long is closed with 1008, and its provider stopped', async () => {
    await using scene = await openCountedScene({ maxStallMs: 200 });
    const client = await scene.connect();
    client.create({ model: 'flood' });
    await client.next('response.output_text.delta');
    client.stopReading();
    const end = await within(scene.provider.requests[0]!.closed, 'the end of the request');
    expect(end.how).toBe('client-closed');
    client.startReading();
    expect(await within(client.closed, 'the close')).toEqual({
      code: 1008,
      reason: 'client reads too slowly',
    });
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([
      { outcome: 'disconnected', error_type: 'slow_consumer' },
    ]);
    expect(await logged(scene.bridge, 'connection.close')).toMatchObject([
      { close_code: 1008, close_initiator: 'local' },
    ]);
  });

  test('that takes nothing and never answers the close is gone all the same', async () => {
    await using scene = await openCountedScene({ maxStallMs: 200 });
    const client = await scene.connect();
    client.create({ model: 'flood' });
    await client.next('response.output_text.delta');
    client.stopReading();
    await within(scene.provider.requests[0]!.closed, 'the end of the request');
    await until(() => scene.bridge.bridge.connections === 0, 'the connection to be gone', 10_000);
    await settled(scene.bridge);
    expect(await logged(scene.bridge, 'connection.close')).toMatchObject([{ close_code: 1008 }]);
  }, 15_000);

  test.each([
    ['a reset', (client: TestClient) => client.reset()],
    ['a FIN', (client: TestClient) => void client.socket.end()],
  ])('that leaves with %s while its provider is paused stops it, and is gone', async (_, leave) => {
    await using scene = await openCountedScene();
    await promptly(async () => {
      const client = await scene.connect();
      client.create({ model: 'flood' });
      await client.next('response.output_text.delta');
      client.stopReading();
      await until(() => scene.bridge.bridge.usedBytes.clientSend > 256 * 1024, 'the provider to be paused');
      const leftAt = performance.now();
      leave(client);
      const end = await within(scene.provider.requests.at(-1)!.closed, 'the end of the request');
      expect(end.how).toBe('client-closed');
      await settled(scene.bridge);
      expect(scene.bridge.bridge.usedBytes.clientSend).toBe(0);
      return end.at - leftAt;
    });
  });
});

describe('a client over HTTP', () => {
  /** A flood as it comes, which nobody reads yet. */
  async function openFlood(url: string) {
    const body = '{"model":"flood","stream":true}';
    const answer = await fetch(`${url}/responses`, { method: 'POST', body });
    return answer.body!.getReader();
  }

  test('that stops reading pauses its provider, and hears everything when it goes on', async () => {
    await using scene = await openCountedScene();
    const reader = await openFlood(scene.bridge.url);
    expect(await settledFigure(() => scene.proxy.bytesToClient)).toBeLessThan(maxUnderwayBytes);
    let bytes = 0;
    let last = '';
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.length;
      last = last.slice(-10_000) + Buffer.from(part.value).toString('latin1');
    }
    expect(bytes).toBeGreaterThan(deltas * deltaBytes);
    expect(last).toContain('"type":"response.completed"');
  }, 60_000);

  test('that takes nothing for too long is cut off', async () => {
    await using scene = await openCountedScene({ maxStallMs: 200 });
    const reader = await openFlood(scene.bridge.url);
    const { how } = await within(scene.provider.requests[0]!.closed, 'the end of the request');
    expect(how).toBe('client-closed');
    await settled(scene.bridge);
    expect(await logged(scene.bridge, 'turn.end')).toMatchObject([{ outcome: 'disconnected', via: 'http' }]);
    await expect(drained(reader)).rejects.toThrow('terminated');
  });
});

/** Reads what is left. */
async function drained(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  for (let part = await reader.read(); !part.done; part = await reader.read());
}
