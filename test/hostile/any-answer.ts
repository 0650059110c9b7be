/** HTTP answers of a provider with something wrong: in their status line, headers, framing, body, or anywhere. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { chunkedReply } from '../harness/raw-provider.ts';
import { anyJsonFrom } from './any-json.ts';
import { jsonAnswers, providerEvents, streams } from './corpus.ts';
import { cutByChance, mutateBytes } from './mutate.ts';
import type { Random } from './random.ts';

const STATUS_LINES = [
  [
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200 OK',
    'HTTP/1.0 200 OK',
    'HTTP/1.1 200',
    'HTTP/2 200 OK',
  ],
  ['HTTP/1.1 204 No Content', 'HTTP/1.1 206 Partial', 'HTTP/1.1 301 Moved', 'HTTP/1.1 304 Not Modified'],
  [
    'HTTP/1.1 400 Bad',
    'HTTP/1.1 401 No',
    'HTTP/1.1 404 No',
    'HTTP/1.1 413 Big',
    'HTTP/1.1 429 Slow',
    'HTTP/1.1 418 T',
  ],
  [
    'HTTP/1.1 500 No',
    'HTTP/1.1 503 Busy',
    'HTTP/1.1 529 Over',
    'HTTP/1.1 599 X',
    'HTTP/1.1 600 X',
    'HTTP/1.1 000 X',
  ],
  [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK',
    'HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK',
    'HTTP/1.1 101 S',
  ],
].flat();

const TYPES = [
  [
    'text/event-stream',
    'text/event-stream',
    'text/event-stream; charset=utf-8',
    'application/json',
    'application/json',
  ],
  [
    'application/json; charset=latin1',
    'text/html',
    'text/plain',
    '',
    'constructor',
    'toString',
    'TEXT/EVENT-STREAM',
  ],
].flat();

const HEADER_LINES = [
  [
    'retry-after: 1',
    'retry-after: soon',
    'retry-after: -5',
    'retry-after: 1e99',
    'retry-after-ms: 0',
    'retry-after:',
  ],
  [
    'content-length: 5',
    'content-length: 0',
    'content-length: 99999',
    'content-length: x',
    'transfer-encoding: gzip',
  ],
  [
    'content-encoding: gzip',
    'content-encoding: br',
    'content-encoding: constructor',
    'content-encoding: identity',
  ],
  [
    'connection: close',
    'connection: x-request-id',
    'keep-alive: timeout=0',
    'upgrade: websocket',
    'trailer: x',
  ],
  [
    'x-codex-turn-state: s',
    'x-codex-turn-state: \u00e9\u00ff',
    'x-request-id: a',
    'openai-model: m',
    'set-cookie: a=b',
  ],
  [
    '__proto__: x',
    'constructor: x',
    'x-ratelimit-remaining: \u0000',
    'a b: c',
    ' folded',
    ': empty',
    `x: ${'y'.repeat(20000)}`,
  ],
].flat();

const anyEvent = anyJsonFrom(providerEvents);
const anyJson = anyJsonFrom(jsonAnswers);

/** A provider's answer, for one of the two dialects; each piece goes out in a write of its own, then a FIN. */
export interface AnyAnswer {
  readonly dialect: 'OpenAI' | 'Compatible';
  readonly pieces: readonly Buffer[];
}

export function anyAnswer(random: Random): AnyAnswer {
  const isUsual = random.oneIn(2); // then only its body is odd
  const body = random.oneIn(3) ? anyJson(random) : anyStream(random);
  const isStream = body.includes('data:');
  const type = isUsual ? (isStream ? 'text/event-stream' : 'application/json') : random.pick(TYPES);
  const encoding = random.oneIn(8) ? random.pick(['gzip', 'zstd']) : undefined;
  const sent = encoding === undefined ? body : encoding === 'gzip' ? gzipSync(body) : zstdCompressSync(body);
  const extra = Array.from({ length: isUsual ? 0 : random.below(4) }, () => random.pick(HEADER_LINES));
  const framing = random.pick(['chunked', 'length', 'end'] as const);
  const lines = [
    isUsual ? 'HTTP/1.1 200 OK' : random.pick(STATUS_LINES),
    `content-type: ${type}`,
    ...(encoding === undefined ? [] : [`content-encoding: ${encoding}`]),
    ...extra,
    ...(framing === 'chunked' ? ['transfer-encoding: chunked'] : []),
    ...(framing === 'length' ? [`content-length: ${sent.length}`] : []),
  ];
  const payload = framing === 'chunked' ? chunksOf(cutByChance(random, sent)) : sent;
  const whole = Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), payload]);
  const wrong = random.oneIn(4) ? mutateBytes(random, whole, streams) : whole;
  return { dialect: random.pick(['OpenAI', 'Compatible']), pieces: cutByChance(random, wrong) };
}

/** Events in their usual order, some of them odd; or a stream that is odd as a whole. */
function anyStream(random: Random): Buffer {
  if (random.oneIn(4)) return mutateBytes(random, random.pick(streams), streams);
  const events = Array.from({ length: random.size(16) }, () =>
    random.oneIn(4) ? anyEvent(random) : Buffer.from(JSON.stringify(random.pick(providerEvents))),
  );
  return Buffer.concat(events.flatMap((event) => [Buffer.from('data: '), event, Buffer.from('\n\n')]));
}

/** A body in chunked coding. */
function chunksOf(pieces: readonly Buffer[]): Buffer {
  const reply = chunkedReply(pieces);
  return reply.subarray(reply.indexOf('\r\n\r\n') + 4);
}
