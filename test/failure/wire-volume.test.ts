/** Answers beyond all measure: bounded in memory and time, and every byte of what may pass arrives. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { openByteProvider } from '../harness/byte-provider.ts';
import { openRawSocket, type RawSocket } from '../harness/raw-http.ts';
import { settledFigure } from '../harness/standing-still.ts';
import { until, within } from '../harness/wait-for.ts';
import { ask, openScene, responseOf, routeFile, textOf, typesOf } from '../protocol/scene.ts';

const mib = 1_048_576;
const longMs = 60_000;

const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n';
const created = 'data: {"type":"response.created","response":{"id":"resp_1","object":"response"}}\n\n';
const completed =
  'data: {"type":"response.completed","response":{"id":"resp_1","object":"response","output":[]}}\n\n';

/** Bytes of objects that somebody still holds. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Writes as fast as the bytes are taken; resolves false when nobody takes them any more. */
async function write(socket: Socket, bytes: string | Buffer): Promise<boolean> {
  if (!socket.writable) return false;
  if (!socket.write(bytes)) {
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once('drain', resolve).once('close', resolve);
    await promise;
    socket.off('drain', resolve).off('close', resolve);
  }
  return socket.writable;
}

describe('events of 1 MiB', () => {
  const count = 24;
  const texts = Array.from({ length: 3 }, () => randomBytes(mib / 2).toString('hex'));
  const events = texts.map((delta) =>
    Buffer.from(`data: ${JSON.stringify({ type: 'response.output_text.delta', delta })}\n\n`),
  );

  test('arrive whole at a client that reads slowly, and not all of them wait in the bridge', async () => {
    await using provider = await openByteProvider(async ({ socket }) => {
      await write(socket, head + created);
      for (let n = 0; n < count; n++) await write(socket, events[n % events.length]!);
      socket.end(completed);
    });
    await using scene = await openScene({ routes: () => routeFile(provider.url) });
    const client = await scene.connect();
    client.create({ model: 'm' });
    await client.next('response.output_text.delta');
    client.stopReading();
    const waiting = (): number => scene.bridge.bridge.usedBytes.clientSend;
    await until(() => waiting() > mib, 'the provider to be paused');
    expect(await settledFigure(waiting)).toBeLessThan(8 * mib);
    client.startReading();
    const answer = await client.events({ timeoutMs: 20_000 });
    expect(typesOf(answer).at(-1)).toBe('response.completed');
    const deltas = client.frames.filter(({ json }) => json?.['type'] === 'response.output_text.delta');
    expect(deltas).toHaveLength(count);
    expect(deltas.every(({ json }, n) => json?.['delta'] === texts[n % texts.length])).toBe(true);
  }, 30_000);
});

describe('a million tiny events', () => {
  const count = 1_000_000;
  const event = '{"type":"response.output_text.delta","delta":"a"}';

  /** Opens a turn without a library that would keep a million frames. */
  async function openTurn(port: number): Promise<RawSocket> {
    const raw = await openRawSocket(port);
    raw.write(
      'GET /v1/responses HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n' +
        'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await raw.until('\r\n\r\n');
    const body = Buffer.from('{"type":"response.create","model":"m"}');
    raw.write(Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body]));
    return raw;
  }

  test('pass, each in its own frame, and leave no memory behind', async () => {
    const batch = `data: ${event}\n\n`.repeat(10_000);
    await using provider = await openByteProvider(async ({ socket }) => {
      await write(socket, head + created);
      for (let sent = 0; sent < count; sent += 10_000) await write(socket, batch);
      socket.end(completed);
    });
    await using scene = await openScene({ routes: () => routeFile(provider.url) });
    const before = heldBytes();
    const raw = await openTurn(scene.bridge.port);
    raw.socket.removeAllListeners('data');
    let bytes = 0;
    let last = Buffer.alloc(0);
    const frame = Buffer.concat([Buffer.from([0x81, event.length]), Buffer.from(event)]);
    let most = 0;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    raw.socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      most = Math.max(most, scene.bridge.bridge.usedBytes.clientSend);
      last = Buffer.concat([last, chunk]).subarray(-200);
      if (last.includes('response.completed')) resolve();
    });
    const startedAt = performance.now();
    await within(ended, 'the terminal event', longMs);
    const tookMs = performance.now() - startedAt;
    expect(bytes).toBeGreaterThanOrEqual(count * frame.length);
    expect(bytes).toBeLessThan(count * frame.length + 1000);
    expect(most).toBeLessThan(8 * mib);
    expect(tookMs).toBeLessThan(longMs);
    // what is only on its way out goes within a moment; what is kept stays
    await until(() => heldBytes() - before < 20 * mib, 'less than 20 MiB to be held');
    await raw[Symbol.asyncDispose]();
  }, 90_000);
});

describe('a line that never ends', () => {
  test('ends the turn at the limit of one event, and its provider is let go', async () => {
    const piece = Buffer.alloc(mib, 0x78);
    let writtenMib = 0;
    await using provider = await openByteProvider(async ({ model, socket }) => {
      await write(socket, head + created);
      if (model === 'endless') {
        await write(socket, 'data: {"type":"');
        while (await write(socket, piece)) writtenMib += 1;
      } else socket.end(completed);
    });
    await using scene = await openScene({ routes: () => routeFile(provider.url) });
    const client = await scene.connect();
    client.create({ model: 'endless' });
    const events = await client.events({ timeoutMs: 30_000 });
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: {
        error: { code: 'provider_protocol_error', message: expect.stringContaining('above 67108864 bytes') },
      },
    });
    await until(() => provider.openConnections === 0, 'the provider to be let go');
    // What the system's buffers on the way may hold is beyond the 64 MiB.
    expect(writtenMib).toBeLessThan(64 + 16);
    const next = await ask(client, {});
    expect([typesOf(next).at(-1), textOf(next), responseOf(next[0])['id']]).toEqual([
      'response.completed',
      '',
      'resp_1',
    ]);
  }, 60_000);
});
