/** Heads of requests that are too large in every way there is: refused as they come, and never kept. */
import { describe, expect, test } from '@jest/globals';
import { openRawSocket, rawHttp, type RawAnswer } from '../harness/raw-http.ts';
import { until } from '../harness/wait-for.ts';
import { ask, openScene, typesOf, type Scene } from '../protocol/scene.ts';

const KIB = 1024;
const upgradeLines =
  'connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** A head of an upgrade with more lines, and its end. */
function upgradeWith(lines: string, target = '/v1/responses'): string {
  return `GET ${target} HTTP/1.1\r\nhost: a\r\n${upgradeLines}${lines}\r\n`;
}

function postWith(lines: string, target = '/v1/responses'): string {
  const body = '{"model":"m","input":"hi"}';
  return `POST ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${String(body.length)}\r\n${lines}\r\n${body}`;
}

function linesOf(count: number, line: (n: number) => string): string {
  return Array.from({ length: count }, (_, n) => `${line(n)}\r\n`).join('');
}

/** Sends it all, also past the refusal, as a careless client would. */
function send({ bridge }: Scene, head: string): Promise<RawAnswer> {
  return rawHttp(bridge.port, head, { until: (received) => received.includes('\r\n\r\n') });
}

const bombs: [what: string, lines: string][] = [
  ['one header of 1 MiB', `x-a: ${'a'.repeat(1024 * KIB)}\r\n`],
  ['one header just above the limit', `x-a: ${'a'.repeat(64 * KIB)}\r\n`],
  ['a name of 1 MiB', `${'x'.repeat(1024 * KIB)}: a\r\n`],
  ['ten thousand headers', linesOf(10_000, (n) => `x-${String(n)}: a`)],
  ['ten thousand headers of one name', linesOf(10_000, () => 'x-a: a')],
  ['two thousand headers in few bytes', linesOf(2_000, () => 'a:')],
  ['a thousand cookies', linesOf(1_000, (n) => `cookie: c${String(n)}=${'v'.repeat(100)}`)],
  ['a key of 1 MiB', `authorization: Bearer ${'k'.repeat(1024 * KIB)}\r\n`],
  ['a million subprotocols', `sec-websocket-protocol: ${'a,'.repeat(500_000)}a\r\n`],
];

describe('a head that is too large', () => {
  test.each(bombs)('with %s is refused with 431, and nothing of it stays', async (_, lines) => {
    await using scene = await openScene();
    for (const head of [upgradeWith(lines), postWith(lines)]) {
      expect((await send(scene, head)).status).toBe(431);
    }
    expect(scene.bridge.bridge.connections).toBe(0);
    expect(scene.provider.requests).toEqual([]);
    const client = await scene.connect();
    expect(typesOf(await ask(client, {})).at(-1)).toBe('response.completed');
  });

  test.each([64 * KIB, 1024 * KIB])('with a request line of %d bytes is refused with 431', async (bytes) => {
    await using scene = await openScene();
    const target = `/v1/responses?${'q'.repeat(bytes)}`;
    for (const head of [upgradeWith('', target), postWith('', target)]) {
      expect((await send(scene, head)).status).toBe(431);
    }
    expect(scene.provider.requests).toEqual([]);
  });

  test('is refused as soon as it is, not when it ends', async () => {
    await using scene = await openScene();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(`GET /v1/responses HTTP/1.1\r\nhost: a\r\nx-a: ${'a'.repeat(65 * KIB)}`);
    expect((await raw.until('\r\n\r\n')).toString()).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw.closed).toBeDefined();
  });
});

describe('a head within the limit', () => {
  test.each([
    ['one header of 60 KiB', `x-a: ${'a'.repeat(60 * KIB)}\r\n`],
    ['five hundred headers', linesOf(500, (n) => `x-${String(n)}: a`)],
    ['five hundred cookies', linesOf(500, (n) => `cookie: c${String(n)}=${'v'.repeat(90)}`)],
  ])('with %s is served, and none of it reaches the provider', async (_, lines) => {
    await using scene = await openScene();
    expect((await send(scene, upgradeWith(lines))).status).toBe(101);
    expect((await send(scene, postWith(lines))).status).toBe(200);
    const request = await scene.provider.waitForRequest();
    expect(Object.keys(request.headers).filter((name) => /^(?:x-(?:\d|a$)|cookie)/.test(name))).toEqual([]);
  });

  test('that names a thousand hops is refused, and one that names five thousand headers to drop is served', async () => {
    await using scene = await openScene();
    const via = `x-turnbridge-via: ${Array.from({ length: 1_000 }, (_, n) => `h${String(n)}`).join(',')}\r\n`;
    expect((await send(scene, upgradeWith(via))).status).toBe(400);
    const dropped = Array.from({ length: 5_000 }, (_, n) => `x-${String(n)}`).join(',');
    expect((await send(scene, postWith(`connection: ${dropped}\r\n`))).status).toBe(200);
  });
});

test('two hundred refused heads of nearly 64 KiB at once leave nothing behind', async () => {
  await using scene = await openScene({
    route: { clients: { auth: { type: 'None' }, webSocket: 'Disabled' } },
  });
  const head = upgradeWith(`x-a: ${'a'.repeat(60 * KIB)}\r\n`);
  const answers = await Promise.all(Array.from({ length: 200 }, () => send(scene, head)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([426]));
  await until(() => scene.bridge.bridge.connections === 0, 'all of them to be gone');
});
