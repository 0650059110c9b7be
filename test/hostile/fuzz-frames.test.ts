/** What clients send on the socket, to a real bridge. */
import { isUtf8 } from 'node:buffer';
import { expect, test } from '@jest/globals';
import { parseClientFrame } from '../../src/frames/client-frame.ts';
import { encodeFrame, fragmented, Opcode, openRawWebSocket } from '../harness/raw-websocket.ts';
import { within } from '../harness/wait-for.ts';
import { openScene } from '../protocol/scene.ts';
import { anyJsonFrom } from './any-json.ts';
import { clientFrames, toBytes } from './corpus.ts';
import { fuzz, FUZZ_TIMEOUT_MS } from './fuzz.ts';
import { answersTo, createFrame, GOOD_MODEL, LiveBridge, MAX_WAIT_MS } from './live-bridge.ts';
import { cutByChance, mutateBytes } from './mutate.ts';
import type { Random } from './random.ts';

const anyFrame = anyJsonFrom(clientFrames);
const frameBytes = toBytes(clientFrames);

function anyTexts(random: Random): Buffer[][] {
  const texts = Array.from({ length: random.size(6) }, () => anyFrame(random)).filter(isUtf8);
  return texts.map((text) => cutByChance(random, text));
}

/** Each text is a message, in the fragments given; the last request is a good one. */
async function sendTexts(port: number, texts: readonly Buffer[][]): Promise<void> {
  const wantAnswers = texts.filter((fragments) => isAnswered(Buffer.concat(fragments)));
  const frames = texts.flatMap((fragments) => fragmented(fragments)).map(encodeFrame);
  await answersTo(port, [Buffer.concat(frames), createFrame(GOOD_MODEL)], wantAnswers.length + 1);
}

/** By an event that ends something: others have events of their own, or none. */
function isAnswered(text: Buffer): boolean {
  const { kind } = parseClientFrame(text);
  return kind === 'create' || kind === 'refused';
}

test(
  'every request among any messages at all has one answer',
  async () => {
    await using live = await LiveBridge.start(() => openScene());
    const run = (texts: readonly Buffer[][]): Promise<void> => sendTexts(live.port, texts);
    const inputs = await fuzz({ make: anyTexts, run, check: { every: 25, that: () => live.check() } });
    expect(inputs).toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);

/** Frames as no library sends them. */
function anyWire(random: Random): Buffer[] {
  const opcodes = [...Object.values(Opcode), 3, 11];
  const frames = Array.from({ length: random.size(6) }, () =>
    encodeFrame({
      opcode: random.oneIn(2) ? Opcode.text : random.pick(opcodes),
      payload: random.oneIn(3) ? random.pick(frameBytes) : anyFrame(random).subarray(0, random.size(400)),
      isLast: !random.oneIn(6),
      reserved: random.oneIn(8) ? random.below(8) : 0,
      isMasked: !random.oneIn(8),
      ...(random.oneIn(8) && { claimedBytes: 2n ** BigInt(random.below(64)) }),
    }),
  );
  const bytes = Buffer.concat(frames);
  return cutByChance(random, random.oneIn(2) ? mutateBytes(random, bytes, frameBytes) : bytes);
}

/** What comes back are frames (reading them throws otherwise), and the connection ends with the client's half of it. */
async function sendWire(port: number, pieces: readonly Buffer[]): Promise<void> {
  await using socket = await openRawWebSocket(port);
  await socket.write(pieces);
  socket.raw.end();
  await within(socket.raw.closed, 'the connection to end', MAX_WAIT_MS);
  socket.frames();
}

test(
  'any bytes behind the handshake end with their connection',
  async () => {
    await using live = await LiveBridge.start(() => openScene());
    const run = (pieces: readonly Buffer[]): Promise<void> => sendWire(live.port, pieces);
    const inputs = await fuzz({ make: anyWire, run, check: { every: 25, that: () => live.check() } });
    expect(inputs).toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);
