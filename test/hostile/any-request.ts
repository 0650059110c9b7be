/** HTTP requests with something wrong: in their method, target, headers, body, or anywhere in their bytes. */
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { anyJsonFrom } from './any-json.ts';
import { clientFrames, handshakeHeaders } from './corpus.ts';
import { mutateBytes } from './mutate.ts';
import type { Random } from './random.ts';

const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'CONNECT',
  'TRACE',
  'get',
  'PRI',
];

const TARGETS = [
  [
    '/v1/responses',
    '/v1/responses',
    '/v1/responses',
    '/v1/models',
    '/v1/responses/compact',
    '/v1/responses/x',
  ],
  ['/', '*', '', '/v1', '/v1/', '/v1//responses', '/v1/responses/', '/v1/./responses', '/v1/../v1/responses'],
  [
    '/v1/%72esponses',
    '/v1/responses%00',
    '/v1/%',
    '/v1/responses?a=%ff&a=%',
    '/v1/responses#x',
    '//x/v1/responses',
  ],
  [
    'http://x/v1/responses',
    'https://user@x:0/v1/models',
    'x:443',
    '/v1/realtime',
    '/v1/models?api_key=1&__proto__=2',
  ],
  [
    '/V1/RESPONSES',
    '/v1/responses\u00e9',
    `/v1/${'x'.repeat(5000)}`,
    '/v1/models/..%2f..%2f',
    '/v1\\responses',
  ],
].flat();

const HEADER_LINES = [
  ['connection: close', 'connection: keep-alive, host', 'Connection: Upgrade, authorization', 'upgrade: h2c'],
  ['content-length: 0', 'content-length: 2', 'content-length: 99999999999', 'transfer-encoding: chunked'],
  ['expect: 100-continue', 'expect: x', 'host: other', 'host:', 'origin: https://evil.test', 'origin: null'],
  ['authorization: Bearer x', 'authorization: Bearer', 'authorization: \u00e9', 'x-api-key: y', 'api-key:'],
  [
    'sec-websocket-protocol: a, openai-insecure-api-key.k',
    'sec-websocket-protocol: openai-insecure-api-key.k',
  ],
  ['sec-websocket-protocol: ,,', 'sec-websocket-protocol: a b', 'sec-websocket-protocol: constructor'],
  [
    'sec-websocket-extensions: permessage-deflate',
    'sec-websocket-extensions: ;;',
    'sec-websocket-version: 8',
  ],
  [
    'sec-websocket-key: x',
    'x-turnbridge-via: a, b, c, d',
    'x-turnbridge-via: test-bridge',
    'x-forwarded-for: 1',
  ],
  [
    'traceparent: 00-0-0-00',
    'traceparent: x',
    'cookie: a=b',
    '__proto__: x',
    'constructor: y',
    'toString: z',
  ],
  [
    'openai-beta: responses_websockets=2026-02-06',
    'originator: codex_exec',
    'user-agent: codex_exec/0.169.0',
  ],
  [
    'content-type: application/json',
    'content-type: multipart/form-data',
    'content-encoding: gzip',
    'range: bytes=0-',
  ],
  [
    ' folded: x',
    'no colon',
    ': no name',
    'a b: c',
    'x:\u0001',
    `x: ${'y'.repeat(9000)}`,
    'accept: text/event-stream',
  ],
].flat();

const UPGRADE = [
  'host: localhost',
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
];

const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'http/1.1',
  '',
];

const anyBodyJson = anyJsonFrom(clientFrames);

/** A request, or several in a row, as bytes. */
export function anyRequests(random: Random): Buffer {
  const requests = Array.from({ length: random.oneIn(4) ? 2 : 1 }, () => anyRequest(random));
  const bytes = Buffer.concat(requests);
  return random.oneIn(2) ? mutateBytes(random, bytes, requests) : bytes;
}

function anyRequest(random: Random): Buffer {
  const isUpgrade = random.oneIn(2);
  const body = isUpgrade || random.oneIn(2) ? Buffer.alloc(0) : anyBodyJson(random).subarray(0, 4000);
  const captured = Object.entries(random.pick(handshakeHeaders)).map(([name, value]) => `${name}: ${value}`);
  const lines = [
    ...(isUpgrade ? UPGRADE : ['host: localhost', `content-length: ${String(body.length)}`]),
    ...(random.oneIn(3) ? captured : []),
    ...Array.from({ length: random.below(4) }, () => random.pick(HEADER_LINES)),
  ];
  const isPlain = random.oneIn(2); // then only its headers are odd
  const method = isPlain ? (isUpgrade ? 'GET' : 'POST') : random.pick(METHODS);
  const target = isPlain ? '/v1/responses' : random.pick(TARGETS);
  const version = isPlain ? 'HTTP/1.1' : random.pick(VERSIONS);
  return Buffer.concat([
    Buffer.from(`${method} ${target} ${version}\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    body,
  ]);
}

const ENCODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  identity: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
};

const LABELS = [
  'GZIP',
  ' gzip',
  'x-gzip',
  'gzip, gzip',
  'constructor',
  '__proto__',
  'toString',
  '',
  'compress',
  'zstd,',
];

const NO_JSON = [Buffer.alloc(0), Buffer.from('[]'), Buffer.from('null'), Buffer.alloc(2000, '{"a":')];

/** A body that is all there, under a label that may be another's. */
export interface EncodedBody {
  readonly label: string;
  readonly body: Buffer;
}

export function anyBody(random: Random): EncodedBody {
  const encoding = random.pick(Object.keys(ENCODERS));
  const json = random.oneIn(6) ? random.pick(NO_JSON) : anyBodyJson(random);
  const encoded = ENCODERS[encoding]!(json);
  return {
    label: random.oneIn(5) ? random.pick([...LABELS, ...Object.keys(ENCODERS)]) : encoding,
    body: random.oneIn(3) ? mutateBytes(random, encoded, [encoded, json]) : encoded,
  };
}
