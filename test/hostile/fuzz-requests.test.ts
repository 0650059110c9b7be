/** What clients send over HTTP, to a real bridge. */
import { match, ok } from 'node:assert/strict';
import { expect, test } from '@jest/globals';
import { eventTypeOf } from '../../src/events/event-type.ts';
import { openRawSocket, rawHttp } from '../harness/raw-http.ts';
import { within } from '../harness/wait-for.ts';
import { openScene } from '../protocol/scene.ts';
import { anyBody, anyRequests, type EncodedBody } from './any-request.ts';
import { fuzz, FUZZ_TIMEOUT_MS } from './fuzz.ts';
import { LiveBridge, MAX_WAIT_MS } from './live-bridge.ts';

/** An answer, or nothing at all; never one that says that the mistake was ours. */
const ANSWER = /^HTTP\/1\.1 (?!500)[1-5]\d\d /;

async function sendRequests(port: number, bytes: Buffer): Promise<void> {
  await using socket = await openRawSocket(port);
  socket.write(bytes);
  socket.end();
  await within(socket.closed, 'the connection to end', MAX_WAIT_MS);
  const received = socket.received().toString('latin1');
  if (received !== '') match(received, ANSWER);
}

test(
  'any request at all is answered or its connection ends',
  async () => {
    await using live = await LiveBridge.start(() => openScene());
    const run = (bytes: Buffer): Promise<void> => sendRequests(live.port, bytes);
    const inputs = await fuzz({ make: anyRequests, run, check: { every: 25, that: () => live.check() } });
    expect(inputs).toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);

async function sendBody(port: number, { label, body }: EncodedBody): Promise<void> {
  const head = `POST /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-encoding: ${label}\r\n`;
  const request = Buffer.concat([
    Buffer.from(`${head}content-type: application/json\r\ncontent-length: ${String(body.length)}\r\n\r\n`),
    body,
  ]);
  const answer = await rawHttp(port, request, { timeoutMs: MAX_WAIT_MS });
  match(answer.text, ANSWER);
  const { 'content-type': type = '', 'transfer-encoding': coding = '' } = answer.headers;
  if (answer.status !== 200) return ok(type.startsWith('application/json'), answer.text);
  if (!type.startsWith('text/event-stream')) return;
  const whole = coding === 'chunked' ? answer.body.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '') : answer.body;
  const ends = whole
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => eventTypeOf(Buffer.from(line.slice('data: '.length))).role)
    .filter((role) => ['completed', 'incomplete', 'failed', 'error'].includes(role));
  ok(ends.length === 1, `${ends.length} ends of one answer: ${answer.text}`);
}

test(
  'any body under any content-encoding has one answer',
  async () => {
    await using live = await LiveBridge.start(() => openScene());
    const run = (body: EncodedBody): Promise<void> => sendBody(live.port, body);
    const inputs = await fuzz({ make: anyBody, run, check: { every: 25, that: () => live.check() } });
    expect(inputs).toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);
