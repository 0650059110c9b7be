import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { array, assert, asyncProperty, constantFrom, nat, oneof, tuple } from 'fast-check';
import * as library from 'ws';
import { FrameBatch, MAX_FRAME_BYTES } from '../../../src/client/frame-batch.ts';
import { within } from '../../harness/wait-for.ts';

/** The library's own reader of frames; its types leave it out. */
const { Receiver } = library as unknown as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => Writable;
};

describe('what a batch writes is what a WebSocket library reads', () => {
  test('payloads on both sides of every length that changes the header', async () => {
    const lengths = [0, 1, 125, 126, 127, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 200_000];
    const payloads = lengths.map((length) => Buffer.alloc(length, 'x'));
    for (const payload of payloads) expect(isSame(await readBack([[payload]]), [payload])).toBe(true);
    expect(isSame(await readBack([payloads]), payloads)).toBe(true);
    expect(isSame(await readBack([payloads.toReversed()]), payloads.toReversed())).toBe(true);
  });

  test('any batches of any payloads, in order', async () => {
    const payload = tuple(oneof(nat(300), nat(20_000)), constantFrom('a', 'é', '漢', '😀')).map(
      ([length, text]) => Buffer.from(text.repeat(length)),
    );
    await assert(
      asyncProperty(array(array(payload, { minLength: 1, maxLength: 8 })), async (batches) => {
        expect(isSame(await readBack(batches), batches.flat())).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

test('a small frame is one piece, and so are all small frames of a batch', async () => {
  await using pair = await openPair();
  const pieces = piecesTo(pair.near);
  const batch = new FrameBatch();
  batch.add(Buffer.from('{}'));
  batch.writeTo(pair.near);
  expect(pieces).toEqual([4]);
  for (let i = 0; i < 16; i++) batch.add(Buffer.alloc(250));
  batch.writeTo(pair.near);
  expect(pieces).toEqual([4, 16 * 254]);
  expect(batch.isEmpty).toBe(true);
});

test('a message above the frame limit is several frames, none above it', async () => {
  await using pair = await openPair();
  const bytes: Buffer[] = [];
  pair.far.on('data', (chunk: Buffer) => bytes.push(chunk));
  const payload = Buffer.alloc(2 * MAX_FRAME_BYTES + 5, 'y');
  const batch = new FrameBatch();
  batch.add(payload);
  batch.writeTo(pair.near);
  pair.near.end();
  await within(once(pair.far, 'end'), 'the end', 10_000);
  const sent = Buffer.concat(bytes);
  expect(framesOf(sent)).toEqual([
    { first: 0x01, length: MAX_FRAME_BYTES },
    { first: 0x00, length: MAX_FRAME_BYTES },
    { first: 0x80, length: 5 },
  ]);
  expect(isSame(await messagesIn([sent], 1), [payload])).toBe(true);
});

test('what was cleared is not written', async () => {
  await using pair = await openPair();
  const pieces = piecesTo(pair.near);
  const batch = new FrameBatch();
  batch.add(Buffer.from('gone'));
  batch.clear();
  expect(batch.isEmpty).toBe(true);
  batch.add(Buffer.from('kept'));
  batch.writeTo(pair.near);
  expect(pieces).toEqual([6]);
});

/** Not toEqual, which takes seconds for megabytes. */
function isSame(actual: readonly Buffer[], expected: readonly Buffer[]): boolean {
  return actual.length === expected.length && actual.every((bytes, i) => bytes.equals(expected[i]!));
}

/** Writes batches into a real socket; what `ws` reads at its other end. */
async function readBack(batches: readonly (readonly Buffer[])[]): Promise<Buffer[]> {
  await using pair = await openPair();
  const chunks: Buffer[] = [];
  pair.far.on('data', (chunk: Buffer) => chunks.push(chunk));
  for (const payloads of batches) {
    const batch = new FrameBatch();
    for (const payload of payloads) batch.add(payload);
    batch.writeTo(pair.near);
  }
  pair.near.end();
  await within(once(pair.far, 'end'), 'the end');
  return messagesIn(chunks, batches.flat().length);
}

async function messagesIn(chunks: readonly Buffer[], count: number): Promise<Buffer[]> {
  const receiver = new Receiver({ isServer: false, maxPayload: 0 });
  const messages: Buffer[] = [];
  const all = new Promise<void>((resolve, reject) => {
    if (count === 0) resolve();
    receiver.on('error', reject);
    receiver.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) reject(new Error('a binary message'));
      messages.push(data);
      if (messages.length === count) resolve();
    });
  });
  for (const chunk of chunks) receiver.write(chunk);
  await within(all, `${count} messages`);
  return messages;
}

/** First byte and payload length of each unmasked frame. */
function framesOf(bytes: Buffer): { first: number; length: number }[] {
  const frames: { first: number; length: number }[] = [];
  for (let at = 0; at < bytes.length;) {
    const short = bytes.readUInt8(at + 1);
    const length =
      short === 127
        ? Number(bytes.readBigUInt64BE(at + 2))
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : short;
    frames.push({ first: bytes.readUInt8(at), length });
    at += (short === 127 ? 10 : short === 126 ? 4 : 2) + length;
  }
  return frames;
}

/** The length of each piece that is handed to the socket from now on. */
function piecesTo(socket: Socket): number[] {
  const pieces: number[] = [];
  const write = socket.write.bind(socket);
  socket.write = (piece: string | Uint8Array) => {
    pieces.push(piece.length);
    return write(piece);
  };
  return pieces;
}

/** Two ends of one TCP connection on loopback. */
async function openPair(): Promise<{ near: Socket; far: Socket } & AsyncDisposable> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  return {
    near,
    far,
    [Symbol.asyncDispose]: async () => {
      near.destroy();
      far.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
