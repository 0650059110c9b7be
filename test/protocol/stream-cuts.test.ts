/** An answer that reaches the bridge in any pieces reaches the client in the frames of the whole. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import * as fc from 'fast-check';
import { routeTo, startBridge, type TestBridge } from '../harness/bridge.ts';
import { connect, type TestClient } from '../harness/connect.ts';
import {
  anyAnswer,
  byteByByte,
  cutAt,
  judgedPayloads,
  judgedUnendedPayload,
  LINE_ENDINGS,
  places,
  streamOf,
} from '../harness/event-streams.ts';
import { assertOnSockets, PROPERTY_TIMEOUT_MS } from '../harness/property-runs.ts';
import {
  chunkedReply,
  openRawProvider,
  sizedReply,
  unsizedReply,
  type RawProvider,
  type RawReply,
} from '../harness/raw-provider.ts';
import { settled } from './scene.ts';

// hundreds of turns in one test: a second, on a machine that has nothing else to do
jest.setTimeout(PROPERTY_TIMEOUT_MS);

const ANSWER = [
  ': hi',
  '',
  'event: response.created',
  'data: {"type":"response.created","response":{"id":"r"}}',
  '',
  'data: {"type":',
  'data:"response.output_text.delta","delta":"ü€🙂"}',
  '',
  'retry: 3',
  'data: [DONE]',
  '',
  'data:  {"type":"response.completed","response":{"id":"r"}}',
  '',
];

let provider: RawProvider;
let bridge: TestBridge;
let client: TestClient;

beforeAll(async () => {
  provider = await openRawProvider();
  bridge = await startBridge({ routes: routeTo(provider.url) });
  client = await connect(`${bridge.url}/responses`);
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await settled(bridge);
  const mistakes = bridge.logs().filter(({ event }) => event === 'bridge.mistake');
  await bridge.close();
  await provider[Symbol.asyncDispose]();
  if (mistakes.length > 0) throw new Error(`the bridge made mistakes: ${JSON.stringify(mistakes)}`);
});

/** One turn's frames, as text, when the provider answers so. */
async function framesOf(reply: RawReply): Promise<string[]> {
  provider.reply = reply;
  const before = client.frames.length;
  client.create({ model: 'm' });
  await client.events();
  return client.frames.slice(before).map(({ text }) => text);
}

/** The judge's payloads that are JSON objects, up to the terminal event; frames have their bytes unchanged. */
function judgedFrames(stream: Buffer): string[] {
  const last = judgedUnendedPayload(stream);
  const payloads = [...judgedPayloads(stream), ...(last === undefined ? [] : [last])];
  return payloads.filter((payload) => /^\s*\{/.test(payload));
}

const FIXED = Object.entries(LINE_ENDINGS).map(([ending, endings]) => ({
  ending,
  stream: streamOf(ANSWER, endings),
}));

describe.each(FIXED)('an answer whose lines end by $ending', ({ stream }) => {
  const whole = judgedFrames(stream);

  test('cut into two chunks at any byte', async () => {
    expect(whole).toHaveLength(3);
    for (let place = 0; place <= stream.length; place++) {
      const frames = await framesOf({ pieces: [chunkedReply(cutAt(stream, [place]))] });
      expect({ place, frames }).toEqual({ place, frames: whole });
    }
  });

  test('in chunks of one byte, in one read and in many', async () => {
    const wire = chunkedReply(byteByByte(stream));
    expect(await framesOf({ pieces: [wire] })).toEqual(whole);
    expect(await framesOf({ pieces: byteByByte(wire) })).toEqual(whole);
  });

  test('byte by byte, its length known or its end the end of the connection', async () => {
    expect(await framesOf({ pieces: byteByByte(sizedReply(stream)) })).toEqual(whole);
    expect(await framesOf({ pieces: byteByByte(unsizedReply(stream)), closes: true })).toEqual(whole);
  });
});

test('the bytes of the connection cut into two reads at any place, within head and chunk sizes too', async () => {
  const stream = streamOf(ANSWER, ['\r\n']);
  const wire = chunkedReply(cutAt(stream, [40, 50, 130, 131]));
  const whole = judgedFrames(stream);
  for (let place = 0; place <= wire.length; place++) {
    const frames = await framesOf({ pieces: cutAt(wire, [place]) });
    expect({ place, frames }).toEqual({ place, frames: whole });
  }
});

test('whatever way the answer is written, coded and cut', async () => {
  const replies = fc.tuple(
    anyAnswer,
    places,
    places,
    fc.constantFrom<'chunked' | 'sized' | 'unsized'>('chunked', 'sized', 'unsized'),
  );
  await assertOnSockets(
    replies,
    async ([stream, chunks, reads, coding]) => {
      const wire = {
        chunked: () => chunkedReply(cutAt(stream, chunks)),
        sized: () => sizedReply(stream),
        unsized: () => unsizedReply(stream),
      }[coding]();
      const frames = await framesOf({ pieces: cutAt(wire, reads), closes: coding === 'unsized' });
      expect(frames).toEqual(judgedFrames(stream));
    },
    400,
  );
});

test('a turn on a named lane has the same frames with its name in each', async () => {
  const stream = streamOf(ANSWER, ['\r']);
  for (const place of [1, 60, 100, 150]) {
    provider.reply = { pieces: cutAt(chunkedReply(byteByByte(stream)), [place]) };
    client.create({ model: 'm', stream_id: 'a' });
    const named = judgedFrames(stream).map((text) => ({
      ...(JSON.parse(text) as Record<string, unknown>),
      stream_id: 'a',
    }));
    expect(await client.events({ lane: 'a' })).toEqual(named);
  }
});
