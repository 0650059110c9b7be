/** What providers answer, through a real bridge. */
import { match, ok } from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { setImmediate as nextLoop } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { parseJsonObject } from '../../src/json/json-object.ts';
import { routeTo, startBridge } from '../harness/bridge.ts';
import { openByteProvider, type ByteRequest } from '../harness/byte-provider.ts';
import { rawHttp } from '../harness/raw-http.ts';
import { Opcode } from '../harness/raw-websocket.ts';
import { anyAnswer, type AnyAnswer } from './any-answer.ts';
import { fuzz, FUZZ_TIMEOUT_MS } from './fuzz.ts';
import {
  answersTo,
  createFrame,
  GOOD_MODEL,
  LiveBridge,
  MAX_WAIT_MS,
  type Surroundings,
} from './live-bridge.ts';
import type { Random } from './random.ts';

const GOOD_BODY =
  'data: {"type":"response.created","response":{"id":"r","status":"in_progress","output":[]}}\n\n' +
  'data: {"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}\n\n';

const GOOD_ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${GOOD_BODY.length}\r\n\r\n${GOOD_BODY}`,
);

interface Attacked extends Surroundings {
  /** What the provider answers to requests for any but the good model. */
  next: readonly Buffer[];
}

/** Two routes to one provider: the model is the name of the dialect. */
async function openAttacked(): Promise<Attacked> {
  const provider = await openByteProvider(async ({ model, socket }: ByteRequest) => {
    const pieces = model === GOOD_MODEL ? [GOOD_ANSWER] : attacked.next;
    for (const piece of pieces) {
      socket.write(piece);
      if (pieces.length < 10) await nextLoop(); // a read of its own on the other side
    }
    socket.end();
  });
  const routes = [
    routeTo(provider.url, { name: 'plain' }),
    routeTo(provider.url, {
      name: 'mended',
      match: { models: ['Compatible'] },
      provider: { dialect: 'Compatible' },
    }),
  ];
  const bridge = await startBridge({ routes: routes.join('---\n') });
  const attacked: Attacked = {
    bridge,
    next: [],
    async [Symbol.asyncDispose]() {
      await bridge.close();
      await provider.close();
    },
  };
  return attacked;
}

/** The turn has one end, and its client reads nothing that would cost it the connection. */
async function runTurn(live: LiveBridge<Attacked>, { dialect, pieces }: AnyAnswer): Promise<void> {
  live.current.next = pieces;
  const frames = await answersTo(live.port, [createFrame(dialect)], 1);
  for (const { opcode, payload } of frames) {
    if (opcode !== Opcode.text) continue;
    ok(isUtf8(payload), 'a text frame that is not UTF-8');
    if (dialect === 'Compatible') ok(parseJsonObject(payload), `no event: ${payload.toString()}`);
  }
}

test(
  'a turn has one end, whatever its provider answers',
  async () => {
    await using live = await LiveBridge.start(openAttacked);
    const run = (answer: AnyAnswer): Promise<void> => runTurn(live, answer);
    const inputs = await fuzz({ make: anyAnswer, run, check: { every: 25, that: () => live.check() } });
    expect(inputs).toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);

const RELAYED_PATH = '/v1/responses/compact';

/** An answer to a request over HTTP, and what was asked. */
interface HttpInput {
  readonly answer: AnyAnswer;
  readonly path: string;
  readonly stream: boolean;
}

function anyHttpInput(random: Random): HttpInput {
  const path = random.oneIn(3) ? RELAYED_PATH : '/v1/responses';
  return { answer: anyAnswer(random), path, stream: random.oneIn(2) };
}

/** A turn has an answer. What is relayed may also end with its connection, as it did with the provider's. */
async function runRequest(live: LiveBridge<Attacked>, { answer, path, stream }: HttpInput): Promise<void> {
  live.current.next = answer.pieces;
  const body = JSON.stringify({ model: answer.dialect, input: 'hi', stream });
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n`;
  const request = `${head}content-length: ${String(body.length)}\r\n\r\n${body}`;
  const { text } = await rawHttp(live.port, request, { timeoutMs: MAX_WAIT_MS });
  if (path === RELAYED_PATH && text === '') return;
  match(text, /^HTTP\/1\.1 [1-6]\d\d /);
}

test(
  'a request over HTTP is answered or its connection ends, whatever its provider answers',
  async () => {
    await using live = await LiveBridge.start(openAttacked);
    const run = (input: HttpInput): Promise<void> => runRequest(live, input);
    const inputs = await fuzz({ make: anyHttpInput, run, check: { every: 25, that: () => live.check() } });
    expect(inputs).toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);
