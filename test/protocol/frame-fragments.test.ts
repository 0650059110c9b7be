/** A client may cut its messages into fragments and put control frames between them: it is the same request. */
import { describe, expect, jest, test } from '@jest/globals';
import * as fc from 'fast-check';
import { byteByByte, cutAt, places } from '../harness/event-streams.ts';
import { assertOnSockets, PROPERTY_TIMEOUT_MS } from '../harness/property-runs.ts';
import {
  closePayload,
  encodeFrame,
  fragmented,
  Opcode,
  openRawWebSocket,
  type FrameToSend,
  type RawWebSocket,
} from '../harness/raw-websocket.ts';
import { until, within } from '../harness/wait-for.ts';
import { logged, openScene, said, textOf, typesOf, type JsonObject, type Scene } from './scene.ts';
import type { RecordedRequest } from '../../src/scripted/recorded-request.ts';

// hundreds of turns in one test: a second, on a machine that has nothing else to do
jest.setTimeout(PROPERTY_TIMEOUT_MS);

/** The provider says what it was told. */
function openEcho(): Promise<Scene> {
  return openScene({
    script: ({ body }: RecordedRequest) => [{ text: String((body.input as JsonObject[])[0]!['id']) }],
  });
}

function createOf(text: string): Buffer {
  return Buffer.from(
    JSON.stringify({ type: 'response.create', model: 'm', input: [{ ...said(text), id: text }] }),
  );
}

const isTerminal = ({ opcode, payload }: { opcode: number; payload: Buffer }): boolean =>
  opcode === Opcode.text && payload.includes('"type":"response.completed"');

/** What a turn is to both sides: the request that the provider got, and the answer that the client got. */
interface Outcome {
  readonly request: string;
  readonly types: unknown[];
  readonly text: string;
  /** Payloads of the pongs, in hex. */
  readonly pongs: string[];
}

/** One turn on a connection of its own. */
async function turnOf(scene: Scene, pieces: readonly Buffer[]): Promise<Outcome> {
  await using client = await openRawWebSocket(scene.bridge.port);
  const before = scene.provider.requests.length;
  await client.write(pieces);
  const frames = await client.until((all) => all.some(isTerminal));
  const requests = scene.provider.requests.slice(before);
  expect(requests).toHaveLength(1);
  const events = client.events();
  return {
    request: requests[0]!.rawBody.toString(),
    types: typesOf(events),
    text: textOf(events),
    pongs: frames
      .filter(({ opcode }) => opcode === Opcode.pong)
      .map(({ payload }) => payload.toString('hex')),
  };
}

const bytesOf = (frames: readonly FrameToSend[]): Buffer => Buffer.concat(frames.map(encodeFrame));

describe('a request in fragments', () => {
  const message = createOf('grün 🙂');

  test('of any two sizes, with a ping between, is the request in one frame', async () => {
    await using scene = await openEcho();
    const whole = await turnOf(scene, [bytesOf(fragmented([message]))]);
    expect(whole).toMatchObject({ text: 'grün 🙂', pongs: [] });
    for (let place = 0; place <= message.length; place++) {
      const [first, second] = fragmented(cutAt(message, [place]));
      const frames = [first!, { opcode: Opcode.ping, payload: Buffer.from('hi') }, second!];
      const outcome = await turnOf(scene, [bytesOf(frames)]);
      expect({ place, ...outcome }).toEqual({ place, ...whole, pongs: ['6869'] });
    }
  });

  test('of one byte each, in one read and in as many as there are bytes, is so too', async () => {
    await using scene = await openEcho();
    const whole = await turnOf(scene, [bytesOf(fragmented([message]))]);
    const wire = bytesOf(fragmented(byteByByte(message)));
    expect(await turnOf(scene, [wire])).toEqual(whole);
    expect(await turnOf(scene, byteByByte(wire))).toEqual(whole);
  });

  test('of any sizes, none too, between any pings and pongs, in any reads, is so too', async () => {
    await using scene = await openEcho();
    const control = fc.record({
      opcode: fc.constantFrom(Opcode.ping, Opcode.ping, Opcode.pong),
      payload: fc.uint8Array({ maxLength: 125 }).map((bytes) => Buffer.from(bytes)),
    });
    const between = fc.array(fc.array(control, { maxLength: 3 }), { minLength: 18, maxLength: 18 });
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    await assertOnSockets(
      fc.tuple(text, places, between, places),
      async ([said, fragments, controls, reads]) => {
        const whole = await turnOf(scene, [bytesOf(fragmented([createOf(said)]))]);
        const frames = fragmented(cutAt(createOf(said), fragments)).flatMap((frame, n) => [
          ...controls[n]!,
          frame,
        ]);
        const pings = frames.filter(({ opcode }) => opcode === Opcode.ping);
        expect(whole.text).toBe(said);
        expect(await turnOf(scene, cutAt(bytesOf(frames), reads))).toEqual({
          ...whole,
          pongs: pings.map(({ payload }) => payload!.toString('hex')),
        });
      },
      150,
    );
  });

  test('that a close interrupts is no request, and the close is answered', async () => {
    await using scene = await openEcho();
    await using client = await openRawWebSocket(scene.bridge.port);
    const [begun] = fragmented(cutAt(message, [30]));
    await client.write([bytesOf([begun!, { opcode: Opcode.close, payload: closePayload(1000) }])]);
    expect(await client.closing()).toEqual({ code: 1000, reason: '' });
    expect(scene.provider.requests).toEqual([]);
  });

  test('that together are larger than a frame may be is refused as one, and beyond a quarter more closes', async () => {
    await using scene = await openScene({ route: { limits: { maxMessageBytes: 1024 } } });
    await using client = await openRawWebSocket(scene.bridge.port);
    const fragmentsOf = (bytes: number) => fragmented(cutAt(Buffer.alloc(bytes, 'x'), [300, 600, 900]));
    await client.write([bytesOf(fragmentsOf(1280))]);
    await client.until((frames) => frames.length === 1);
    expect(client.events()).toMatchObject([{ type: 'error', error: { code: 'payload_too_large' } }]);
    await client.write([bytesOf(fragmentsOf(1281))]);
    expect((await client.closing()).code).toBe(1009);
  });

  test('may be 16,384; one more is more than anybody needs, and closes with 1008', async () => {
    await using scene = await openEcho();
    const empty = encodeFrame({ opcode: Opcode.continuation, isLast: false });
    const [first, last] = fragmented(cutAt(message, [30])).map(encodeFrame) as [Buffer, Buffer];
    const all = (between: number) =>
      Buffer.concat([first, ...Array.from({ length: between }, () => empty), last]);
    expect((await turnOf(scene, [all(16_382)])).text).toBe('grün 🙂');
    await using client = await openRawWebSocket(scene.bridge.port);
    await client.write([all(16_383)]);
    expect(await client.closing()).toEqual({ code: 1008, reason: 'too many fragments' });
  });
});

const { text, binary, continuation, ping, pong, close } = Opcode;
const hi = Buffer.from('{}');
const begun: FrameToSend = { opcode: text, payload: hi, isLast: false };
const euro = Buffer.from('€');

const VIOLATIONS: readonly (readonly [what: string, frames: readonly FrameToSend[], code: number])[] = [
  ['a text frame without a mask', [{ opcode: text, payload: hi, isMasked: false }], 1002],
  ['a ping without a mask', [{ opcode: ping, isMasked: false }], 1002],
  ['a close without a mask', [{ opcode: close, payload: closePayload(1000), isMasked: false }], 1002],
  ...[1, 2, 4, 7].map(
    (reserved) => [`the reserved bits ${reserved}`, [{ opcode: text, payload: hi, reserved }], 1002] as const,
  ),
  ['reserved bits in a ping', [{ opcode: ping, reserved: 4 }], 1002],
  ['reserved bits in a continuation', [begun, { opcode: continuation, reserved: 4 }], 1002],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    (opcode) => [`the opcode ${opcode}`, [{ opcode }], 1002] as const,
  ),
  ['a ping of 126 bytes', [{ opcode: ping, payload: Buffer.alloc(126) }], 1002],
  ['a pong of 126 bytes', [{ opcode: pong, payload: Buffer.alloc(126) }], 1002],
  ['a close of 126 bytes', [{ opcode: close, payload: closePayload(1000, 'x'.repeat(124)) }], 1002],
  ...[ping, pong, close].map(
    (opcode) => [`a fragment of the control frame ${opcode}`, [{ opcode, isLast: false }], 1002] as const,
  ),
  ['a fragment of a ping within a message', [begun, { opcode: ping, isLast: false }], 1002],
  ['a new text message within another one', [begun, { opcode: text, payload: hi }], 1002],
  ['a binary message within a text message', [begun, { opcode: binary, payload: hi }], 1002],
  ['a continuation of nothing', [{ opcode: continuation, payload: hi }], 1002],
  ['a continuation of a message that is over', [{ opcode: ping }, { opcode: continuation }], 1002],
  ['text that is not UTF-8', [{ opcode: text, payload: Buffer.of(0x7b, 0xff) }], 1007],
  ['text that ends within a character', [{ opcode: text, payload: euro.subarray(0, 2) }], 1007],
  ['text with half of a surrogate pair', [{ opcode: text, payload: Buffer.of(0xed, 0xa0, 0x80) }], 1007],
  [
    'fragments of which the last ends within a character',
    fragmented([euro.subarray(0, 1), Buffer.alloc(0), euro.subarray(1, 2)]),
    1007,
  ],
  ['a close of one byte', [{ opcode: close, payload: Buffer.of(3) }], 1002],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
    (code) =>
      [`a close with the code ${code}`, [{ opcode: close, payload: closePayload(code) }], 1002] as const,
  ),
  [
    'a close with a reason that is not UTF-8',
    [{ opcode: close, payload: closePayload(1000, Buffer.of(0xff)) }],
    1007,
  ],
  ['a frame that says it has a gibibyte', [{ opcode: text, claimedBytes: 1n << 30n }], 1009],
  ['a frame longer than any number', [{ opcode: text, claimedBytes: 1n << 62n }], 1009],
];

/** Asks for a turn whose answer waits at the gate of its model. */
async function running(scene: Scene, model: string): Promise<RawWebSocket> {
  const client = await openRawWebSocket(scene.bridge.port);
  await client.write([
    encodeFrame({ opcode: text, payload: Buffer.from(`{"type":"response.create","model":"${model}"}`) }),
  ]);
  await client.until((frames) => frames.some(({ payload }) => payload.includes('response.created')));
  return client;
}

describe('a client that breaks the protocol', () => {
  test.each(VIOLATIONS)('by %s', async (_, frames, code) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using scene = await openScene({
      script: ({ body }) => [{ begin: true }, body.model === 'kept' ? { until: promise } : { stall: true }],
    });
    await using other = await running(scene, 'kept');
    await using client = await running(scene, 'lost');
    const after = encodeFrame({ opcode: text, payload: createOf('too late') });
    const bytes = Buffer.concat([bytesOf(frames), after]);
    await client.write(code % 2 === 0 ? byteByByte(bytes) : [bytes]);

    const closing = await client.closing();
    expect(closing.code).toBe(code);
    expect(closing.reason).not.toBe('');
    await within(client.raw.closed, 'the end of the connection');
    const lost = scene.provider.requests.find(({ body }) => body.model === 'lost');
    expect((await within(lost!.closed, 'the end of the request')).how).toBe('client-closed');
    expect(client.frames().at(-1)!.opcode).toBe(close);
    await until(() => scene.bridge.bridge.connections === 1, 'the connection to be gone');
    expect(await logged(scene.bridge, 'connection.close')).toMatchObject([
      { close_code: code, close_initiator: 'local' },
    ]);

    resolve();
    await other.until((all) => all.some(isTerminal));
    expect(scene.provider.requests).toHaveLength(2);
  });

  test.each([1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999])(
    'is none that closes with %d: the code comes back',
    async (code) => {
      await using scene = await openEcho();
      await using client = await openRawWebSocket(scene.bridge.port);
      await client.write(byteByByte(encodeFrame({ opcode: close, payload: closePayload(code, 'grün') })));
      expect((await client.closing()).code).toBe(code);
      await within(client.raw.closed, 'the end of the connection');
      expect(await logged(scene.bridge, 'connection.close')).toMatchObject([{ close_code: code }]);
    },
  );
});
