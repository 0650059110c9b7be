/** The shapes of request-shapes.test.ts: heads and bodies as bytes, one character each. */

/** What an attacker would like to be taken for a request of its own. */
export const SMUGGLED = 'GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n';

const body = JSON.stringify({ model: 'm', input: 'hi', stream: true });
/** The same as the provider gets it. */
const sentOn = JSON.stringify({ stream: true, model: 'm', input: 'hi' });
const hex = body.length.toString(16);
const lengthLine = `content-length: ${body.length}\r\n`;

export function upgrade(extra = ''): string {
  return (
    'GET /v1/responses HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n' +
    `sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extra}\r\n`
  );
}

/** A POST with these lines in its head besides; its length among them unless they say so themselves. */
function post(lines = '', length = lengthLine): string {
  return `POST /v1/responses HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${length}${lines}\r\n${body}`;
}

/** A POST in chunks. */
function chunked(
  chunks = `${hex}\r\n${body}\r\n0\r\n\r\n`,
  coding = 'transfer-encoding: chunked\r\n',
): string {
  return `POST /v1/responses HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${coding}\r\n${chunks}`;
}

interface RefusedShape {
  readonly name: string;
  readonly bytes: string;
  /** Undefined: the connection ends without a word. */
  readonly status?: number;
  /** A part of the sentence, where the refusal is the bridge's own and not its parser's. */
  readonly message?: string;
  /** Nothing more is sent behind it: it has no body, and what follows its end would end the connection at once. */
  readonly isAlone?: boolean;
}

const lengths: readonly RefusedShape[] = [
  { name: 'a length and chunks', bytes: post('transfer-encoding: chunked\r\n'), status: 400 },
  {
    name: 'chunks and a length',
    bytes: chunked(undefined, `transfer-encoding: chunked\r\n${lengthLine}`),
    status: 400,
  },
  { name: 'the length twice', bytes: post(lengthLine), status: 400 },
  { name: 'two lengths', bytes: post('content-length: 5\r\n'), status: 400 },
  {
    name: 'a list of lengths',
    bytes: post('', `content-length: ${body.length}, ${body.length}\r\n`),
    status: 400,
  },
  { name: 'a length with a plus', bytes: post('', `content-length: +${body.length}\r\n`), status: 400 },
  { name: 'a negative length', bytes: post('', 'content-length: -1\r\n'), status: 400 },
  { name: 'a length in hexadecimal', bytes: post('', 'content-length: 0x10\r\n'), status: 400 },
  {
    name: 'a length beyond every number',
    bytes: post('', `content-length: ${'9'.repeat(23)}\r\n`),
    status: 400,
  },
  { name: 'an empty length', bytes: post('', 'content-length:\r\n'), status: 400 },
];

const CODING = 'Transfer-Encoding must be';
const codings: readonly RefusedShape[] = [
  ['chunked and identity', 'transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n'],
  ['chunked twice', 'transfer-encoding: chunked, chunked\r\n'],
  ['identity', 'transfer-encoding: identity\r\n'],
  ['a word that ends like chunked', 'transfer-encoding: xchunked\r\n'],
  ['chunked behind a vertical tab', 'transfer-encoding: \x0bchunked\r\n'],
  ['chunked on a folded line', 'transfer-encoding:\r\n chunked\r\n'],
  ['chunked and then gzip', 'transfer-encoding: chunked, gzip\r\n'],
].map(([name, coding]) => ({
  name: `transfer coding: ${name!}`,
  bytes: chunked(undefined, coding),
  status: 400,
}));

const ownCodings: readonly RefusedShape[] = [
  {
    name: 'transfer coding: gzip before chunked',
    bytes: chunked(undefined, 'transfer-encoding: gzip, chunked\r\n'),
    status: 400,
    message: CODING,
  },
  {
    name: 'transfer coding: gzip and chunked on two lines',
    bytes: chunked(undefined, 'transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n'),
    status: 400,
    message: CODING,
  },
  {
    name: 'transfer coding: chunks in HTTP/1.0',
    bytes: chunked().replace('HTTP/1.1', 'HTTP/1.0'),
    status: 400,
    message: CODING,
  },
];

const chunks: readonly RefusedShape[] = [
  ['an extension with a line break in quotes', `${hex};a="b\r\n0\r\n\r\n"\r\n${body}\r\n0\r\n\r\n`],
  ['an extension of 20 KB', `${hex};${'a'.repeat(20_000)}\r\n${body}\r\n0\r\n\r\n`],
  ['a size that ends with a line feed', `${hex}\n${body}\r\n0\r\n\r\n`],
  ['a size that ends with a blank', `${hex} \r\n${body}\r\n0\r\n\r\n`],
  ['a size of 17 digits', `fffffffffffffffff\r\n${body}\r\n0\r\n\r\n`],
  ['a negative size', `-1\r\n${body}\r\n0\r\n\r\n`],
  ['a size with 0x', `0x${hex}\r\n${body}\r\n0\r\n\r\n`],
  ['no line break behind the data', `${hex}\r\n${body}XX0\r\n\r\n`],
  [
    'trailers that tell of length and host',
    `${hex}\r\n${body}\r\n0\r\ncontent-length: 3\r\nhost: evil\r\n\r\n`,
  ],
].map(([name, given]) => ({ name: `chunks: ${name!}`, bytes: chunked(given), status: 400 }));

const lines: readonly RefusedShape[] = [
  { name: 'a blank before the colon', bytes: post('', `content-length : ${body.length}\r\n`), status: 400 },
  { name: 'a blank in a name', bytes: post('x a: b\r\n'), status: 400 },
  { name: 'a folded line', bytes: post('x-a: b\r\n c\r\n'), status: 400 },
  { name: 'line feeds alone', bytes: post().replaceAll('\r\n', '\n'), status: 400 },
  { name: 'a line feed within a value', bytes: post('x-a: b\ntransfer-encoding: chunked\r\n'), status: 400 },
  {
    name: 'a carriage return within a value',
    bytes: post('x-a: b\rtransfer-encoding: chunked\r\n'),
    status: 400,
  },
  { name: 'a NUL within a value', bytes: post('x-a: b\0c\r\n'), status: 400 },
  { name: 'a NUL within the path', bytes: post().replace('responses', 'resp\0onses'), status: 400 },
  { name: 'a path beyond ASCII', bytes: post().replace('responses', 'r\xe9sponses'), status: 400 },
  { name: 'a line without a colon', bytes: post('x-a\r\n'), status: 400 },
  { name: 'two thousand headers', bytes: post('a: b\r\n'.repeat(2_000)), status: 431 },
  { name: 'a header of 70 KB', bytes: post(`a: ${'b'.repeat(70_000)}\r\n`), status: 431 },
];

const TWICE = 'is given twice';
const VERSION = 'must end with HTTP/1.1';
const targets: readonly RefusedShape[] = [
  { name: 'no host', bytes: post().replace('host: a\r\n', ''), status: 400 },
  { name: 'two hosts', bytes: post('host: b\r\n'), status: 400, message: TWICE },
  {
    name: 'a host with a path',
    bytes: post().replace('host: a', 'host: a/b'),
    status: 400,
    message: 'header host',
  },
  {
    name: 'a host with a user',
    bytes: post().replace('host: a', 'host: b@a'),
    status: 400,
    message: 'header host',
  },
  { name: 'HTTP/2.0', bytes: post().replace('HTTP/1.1', 'HTTP/2.0'), status: 400, message: VERSION },
  { name: 'HTTP/1.2', bytes: post().replace('HTTP/1.1', 'HTTP/1.2'), status: 400 },
  { name: 'no version', bytes: 'GET /v1/models\r\n\r\n', status: 400, message: VERSION, isAlone: true },
  { name: 'a preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400 },
  { name: 'CONNECT', bytes: 'CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n' },
  { name: 'a method nobody has', bytes: post().replace('POST', 'BREW'), status: 400 },
  { name: 'an authority as target', bytes: post().replace('/v1/responses', 'a:443'), status: 400 },
  { name: 'a whole URL as target', bytes: post().replace('/v1/', 'http://a/v1/'), status: 404 },
  {
    name: 'an asterisk as target',
    bytes: 'OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    status: 404,
    isAlone: true,
  },
  { name: 'a fragment in the target', bytes: post().replace('/responses', '/responses#a'), status: 404 },
  { name: 'an expectation nobody knows', bytes: post('expect: x\r\n'), status: 417 },
];

const twice: readonly RefusedShape[] = [
  ['authorization', 'Bearer a', 'Bearer b'],
  ['Authorization', 'Bearer a', 'Bearer a'],
  ['x-api-key', 'a', 'b'],
  ['api-key', 'a', 'b'],
  ['chatgpt-account-id', 'a', 'b'],
  ['openai-organization', 'a', 'b'],
  ['content-type', 'application/json', 'text/plain'],
  ['content-encoding', 'gzip', 'identity'],
].map(([name, first, second]) => ({
  name: `the header ${name!} twice`,
  bytes: post(`${name!.toLowerCase()}: ${first!}\r\n${name!}: ${second!}\r\n`),
  status: 400,
  message: TWICE,
}));

const upgrades: readonly RefusedShape[] = [
  {
    name: 'an upgrade with a body',
    bytes: `${upgrade('content-length: 5\r\n')}hello`,
    status: 400,
    message: 'no body',
  },
  {
    name: 'an upgrade with chunks',
    bytes: `${upgrade('transfer-encoding: chunked\r\n')}0\r\n\r\n`,
    status: 400,
    message: 'no body',
  },
  { name: 'an upgrade with two hosts', bytes: upgrade('host: b\r\n'), status: 400, message: TWICE },
  {
    name: 'an upgrade with two keys',
    bytes: upgrade('authorization: Bearer a\r\nauthorization: Bearer b\r\n'),
    status: 400,
    message: TWICE,
  },
  {
    name: 'an upgrade of HTTP/2.0',
    bytes: upgrade().replace('HTTP/1.1', 'HTTP/2.0'),
    status: 400,
    message: VERSION,
  },
  { name: 'an upgrade that is refused', bytes: upgrade().replace('/v1/', '/nowhere/'), status: 404 },
];

export const refusedShapes: readonly RefusedShape[] = [
  ...lengths,
  ...codings,
  ...ownCodings,
  ...chunks,
  ...lines,
  ...targets,
  ...twice,
  ...upgrades,
];

interface ServedShape {
  readonly name: string;
  readonly bytes: string;
  readonly statuses: readonly number[];
  /** The body that reaches the provider. */
  readonly reached?: string;
}

const served = { statuses: [200], reached: sentOn };

export const servedShapes: readonly ServedShape[] = [
  { name: 'a length', bytes: post(), ...served },
  { name: 'chunks', bytes: chunked(), ...served },
  { name: 'chunks, in capitals', bytes: chunked(undefined, 'transfer-encoding: CHUNKED\r\n'), ...served },
  {
    name: 'chunks of one byte each',
    bytes: chunked(
      `${body
        .split('')
        .map((char) => `1\r\n${char}\r\n`)
        .join('')}0\r\n\r\n`,
    ),
    ...served,
  },
  { name: 'chunks with an extension', bytes: chunked(`${hex};a=b\r\n${body}\r\n0\r\n\r\n`), ...served },
  {
    name: 'chunks with a harmless trailer',
    bytes: chunked(`${hex}\r\n${body}\r\n0\r\nx-a: b\r\n\r\n`),
    ...served,
  },
  {
    name: 'HTTP/1.0 without a host',
    bytes: post().replace('host: a\r\n', '').replace('HTTP/1.1', 'HTTP/1.0'),
    ...served,
  },
  { name: 'an empty host', bytes: post().replace('host: a', 'host:'), ...served },
  { name: 'an IPv6 host', bytes: post().replace('host: a', 'host: [::1]:80'), ...served },
  {
    name: 'an upgrade to h2c',
    bytes: post('upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n'),
    ...served,
  },
  {
    name: 'a client that waits for 100',
    bytes: post('expect: 100-continue\r\n'),
    statuses: [100, 200],
    reached: sentOn,
  },
  { name: 'a header twice that may be', bytes: post('accept: a/b\r\naccept: c/d\r\n'), ...served },
  {
    name: 'five hundred headers',
    bytes: post(Array.from({ length: 500 }, (_, n) => `a${n}:b\r\n`).join('')),
    ...served,
  },
  {
    name: 'an encoding that is a property of every object',
    bytes: post('content-encoding: constructor\r\n'),
    statuses: [415],
  },
];
