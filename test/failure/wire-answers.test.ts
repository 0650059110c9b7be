/** Answers that are no answers, or hardly: what the client hears, and that its next turn works. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { routeTo } from '../harness/bridge.ts';
import { openByteProvider, type ByteProvider } from '../harness/byte-provider.ts';
import { ask, openScene, textOf, type JsonObject, type Scene } from '../protocol/scene.ts';
import { tableBelow } from './reliability-page.ts';
import { endingOf, promisedEnding } from './turn-ending.ts';

/** Of the one row that waits for it: every other turn is answered, however long the machine stands still. */
const timeouts = { idleSeconds: 1 };

const created = sse({ type: 'response.created', response: { id: 'resp_1', object: 'response' } });
const delta = sse({ type: 'response.output_text.delta', delta: 'words' });
const done = { id: 'resp_1', object: 'response', status: 'completed', output: [] };
const completed = sse({ type: 'response.completed', response: done });
const events = created + delta + completed;
/** What the next turn must not hear. */
const stale = events.replace('words', 'stale words');

function sse(event: JsonObject): string {
  return `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`;
}

function head(...lines: readonly string[]): string {
  return `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

const stream = 'content-type: text/event-stream';
const chunked = 'transfer-encoding: chunked';

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

function withLength(
  body: string | Buffer,
  lines: readonly string[] = [stream],
  length = body.length,
): Buffer {
  return Buffer.concat([Buffer.from(head(...lines, `content-length: ${length}`)), Buffer.from(body)]);
}

/** A whole answer as most providers write it. */
const whole = head(stream, chunked) + chunk(created) + chunk(delta) + chunk(completed) + chunk('');

interface Row {
  readonly answer: string;
  readonly bytes: string | Buffer;
  /** A FIN follows. */
  readonly ends?: true;
  readonly hears: string;
  /** The response had begun, so that its failure is its own ending. */
  readonly hasBegun?: true;
}

const gzipped = gzipSync(events);
const gzip = 'content-encoding: gzip';
const protocolError = 'provider_protocol_error';
const lost = 'provider_connection_lost';

const rows: readonly Row[] = [
  {
    answer: '200 with a web page',
    bytes: withLength('<html>', ['content-type: text/html']),
    hears: protocolError,
  },
  { answer: '200 without a content type', bytes: withLength(events, []), hears: protocolError },
  { answer: '204', bytes: 'HTTP/1.1 204 No Content\r\n\r\n', hears: protocolError },
  {
    answer: '200 with one JSON body',
    bytes: withLength(JSON.stringify(done), ['content-type: application/json']),
    hears: 'the answer',
  },
  {
    answer: 'JSON that is no response',
    bytes: withLength('{"ok":true}', ['content-type: application/json']),
    hears: protocolError,
  },
  {
    answer: 'JSON that breaks off',
    bytes: withLength('{"id":"resp_1","obj', ['content-type: application/json']),
    hears: protocolError,
  },
  { answer: 'an empty stream', bytes: withLength(''), hears: 'provider_stream_ended' },
  { answer: 'gzip that nobody asked for', bytes: withLength(gzipped, [stream, gzip]), hears: 'the answer' },
  {
    answer: 'gzip that breaks off',
    bytes: withLength(gzipped.subarray(0, 60), [stream, gzip]),
    hears: protocolError,
  },
  { answer: 'gzip by its label alone', bytes: withLength(events, [stream, gzip]), hears: protocolError },
  { answer: 'gzip without a label', bytes: withLength(gzipped), hears: 'provider_stream_ended' },
  {
    answer: 'an encoding of its own',
    bytes: withLength(events, [stream, 'content-encoding: zebra']),
    hears: protocolError,
  },
  {
    answer: '103 before the answer',
    bytes: `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${whole}`,
    hears: 'the answer',
  },
  // undici takes an answer 100 or 101 that nobody asked for as a broken connection.
  { answer: '100 that nobody asked for', bytes: `HTTP/1.1 100 Continue\r\n\r\n${whole}`, hears: lost },
  {
    answer: '101',
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    hears: lost,
  },
  {
    answer: 'a chunk size that is no number',
    bytes: `${head(stream, chunked)}${chunk(created)}zz\r\n${delta}`,
    hears: protocolError,
    hasBegun: true,
  },
  {
    answer: 'a chunk longer than its size',
    bytes: `${head(stream, chunked)}${chunk(created)}5\r\n${delta}`,
    hears: protocolError,
    hasBegun: true,
  },
  {
    answer: 'a content length that is too short',
    bytes: withLength(created + delta, [stream], created.length),
    hears: 'provider_stream_ended',
    hasBegun: true,
  },
  {
    answer: 'a content length that is too long, and an end',
    bytes: withLength(created, [stream], 10_000),
    ends: true,
    hears: lost,
    hasBegun: true,
  },
  {
    answer: 'a content length that is too long, and silence',
    bytes: withLength(created, [stream], 10_000),
    hears: 'idle_timeout',
    hasBegun: true,
  },
  {
    answer: 'two lengths that differ',
    bytes: head(stream, 'content-length: 5', 'content-length: 6') + events,
    hears: lost,
  },
  {
    answer: 'a length and chunks',
    bytes: head(stream, 'content-length: 5', chunked) + chunk(events) + chunk(''),
    hears: lost,
  },
  {
    answer: 'a header of 70 KB',
    bytes: head(stream, `x-a: ${'x'.repeat(70_000)}`) + events,
    hears: protocolError,
  },
  { answer: 'a header line without a colon', bytes: head(stream, 'nonsense') + events, hears: protocolError },
  {
    answer: 'trailers',
    bytes: `${head(stream, chunked, 'trailer: x-a')}${chunk(events)}0\r\nx-a: b\r\n\r\n`,
    hears: 'the answer',
  },
  {
    answer: 'HTTP/1.0 without a length, and an end',
    bytes: `HTTP/1.0 200 OK\r\n${stream}\r\n\r\n${events}`,
    ends: true,
    hears: 'the answer',
  },
  {
    answer: 'a second answer that nobody asked for',
    bytes: whole + withLength(stale).toString(),
    hears: 'the answer',
  },
  { answer: 'bytes behind the answer', bytes: `${whole}\r\n\r\nmore`, hears: 'the answer' },
  {
    answer: 'an event that is not UTF-8',
    bytes: withLength(
      Buffer.concat([
        Buffer.from(created),
        Buffer.from('data: {"type":"x","a":"'),
        Buffer.from([0xff]),
        Buffer.from('"}\n\n'),
      ]),
    ),
    hears: protocolError,
    hasBegun: true,
  },
];

/** A route chooses by it. */
const modelOf = (row: number): string => `row-${row}`;

let provider: ByteProvider;
let scene: Scene;

beforeAll(async () => {
  provider = await openByteProvider(({ model, socket }) => {
    const row = rows.find((_, n) => modelOf(n) === model);
    socket.write(row?.bytes ?? whole);
    if (row?.ends) socket.end();
  });
  const silent = rows.flatMap((row, n) => (row.hears === 'idle_timeout' ? [modelOf(n)] : []));
  scene = await openScene({
    routes: () =>
      [
        routeTo(provider.url),
        routeTo(provider.url, { name: 'silent', match: { models: silent }, timeouts }),
      ].join('---\n'),
  });
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await provider.close();
});

describe('a provider that answers with', () => {
  const cells = rows.map((row, n) => ({ ...row, model: modelOf(n) }));
  test.each(cells)('$answer: the client hears $hears', async ({ model, hears, hasBegun }) => {
    const client = await scene.connect();
    const heard = await ask(client, { model });
    expect(endingOf(heard)).toEqual(promisedEnding(hears, hasBegun));
    for (let turn = 0; turn < 2; turn++) {
      const next = await ask(client, {});
      expect(endingOf(next)).toEqual(promisedEnding('the answer'));
      expect(textOf(next)).toBe('words');
    }
  });
});

test('docs/reliability.md shows this table: mend the page or the rows of this file', () => {
  expect(tableBelow('### Answers that are none')).toEqual([
    ['the provider answers with', 'the client hears'],
    ...rows.map(({ answer, hears }) => [answer, hears]),
  ]);
});
