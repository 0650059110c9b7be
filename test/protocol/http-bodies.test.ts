/** Bodies as clients pack them, and bodies that are more than they seem. */
import { describe, expect, test } from '@jest/globals';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { openRawSocket } from '../harness/raw-http.ts';
import { until } from '../harness/wait-for.ts';
import { logged, openScene, type Scene } from './scene.ts';

function post(scene: Scene, body: Uint8Array, encoding: string): Promise<Response> {
  return fetch(`${scene.bridge.url}/responses`, {
    method: 'POST',
    headers: { 'content-encoding': encoding, 'content-type': 'application/json' },
    body: body as Uint8Array<ArrayBuffer>,
  });
}

const request = Buffer.from(JSON.stringify({ model: 'm', input: `${'a long prompt '.repeat(500)}🦀` }));

describe('a compressed request', () => {
  test.each([
    ['zstd', zstdCompressSync(request)],
    ['gzip', gzipSync(request)],
    ['deflate', deflateSync(request)],
    ['br', brotliCompressSync(request)],
    ['identity', request],
    ['ZSTD', zstdCompressSync(request)],
  ])('in %s reaches the provider plain', async (encoding, body) => {
    await using scene = await openScene();
    const answer = await post(scene, body, encoding);
    expect(answer.status).toBe(200);
    await answer.text();
    const [got] = scene.provider.requests;
    expect(got?.headers['content-encoding']).toBeUndefined();
    expect(got?.body).toEqual({ stream: true, ...(JSON.parse(request.toString()) as object) });
  });

  test.each(['compress', 'gzip, zstd', 'constructor', 'toString', '__proto__'])(
    'in %s is answered 415 with the encodings that are taken',
    async (encoding) => {
      await using scene = await openScene();
      const answer = await post(scene, request, encoding);
      expect(answer.status).toBe(415);
      expect(await answer.json()).toMatchObject({
        error: {
          message: expect.stringContaining('send the body plain or in one of zstd, gzip, deflate, br.'),
        },
      });
    },
  );

  test.each(['zstd', 'gzip', 'br'])('that is not valid %s is answered 400', async (encoding) => {
    await using scene = await openScene();
    const answer = await post(scene, Buffer.from('this is not compressed at all'), encoding);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { message: `The body is not valid ${encoding}.` } });
    expect(scene.provider.requests).toEqual([]);
  });

  test('that breaks off in the middle is answered 400', async () => {
    await using scene = await openScene();
    const whole = gzipSync(request);
    const answer = await post(scene, whole.subarray(0, whole.length - 20), 'gzip');
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { message: 'The body breaks off: its gzip has no end.' },
    });
  });

  test.each([
    ['zstd', zstdCompressSync(Buffer.alloc(100_000_000))],
    ['gzip', gzipSync(Buffer.alloc(100_000_000))],
  ])('that unfolds into 100 MB of nothing (%s) is cut off at the limit', async (encoding, bomb) => {
    await using scene = await openScene({ route: { limits: { maxMessageBytes: 1_000_000 } } });
    expect(bomb.length).toBeLessThan(200_000);
    const answer = await post(scene, bomb, encoding);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: 'payload_too_large' } });
    expect(scene.provider.requests).toEqual([]);
  });
});

describe('the size of a body', () => {
  test('one above limits.maxMessageBytes is answered 400 and not read to its end', async () => {
    await using scene = await openScene({ route: { limits: { maxMessageBytes: 10_000 } } });
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write('POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n');
    raw.write('x'.repeat(20_000));
    const answer = (await raw.until('payload_too_large')).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    await expect(raw.closed).resolves.toBeDefined();
  });

  test('one that is more than the process may hold is answered 400, and names the budget', async () => {
    await using scene = await openScene({ budgets: { inboundBytes: 100_000 } });
    const answer = await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', input: 'x'.repeat(200_000) }),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: {
        code: 'payload_too_large',
        message: expect.stringContaining('the 100000 bytes this bridge can hold (--inbound-budget)'),
      },
    });
  });

  test('bodies together may not hold more than the process allows', async () => {
    await using scene = await openScene({ budgets: { inboundBytes: 100_000 } });
    await using other = await openRawSocket(scene.bridge.port);
    other.write('POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n');
    other.write('x'.repeat(60_000));
    await until(() => scene.bridge.bridge.usedBytes.inbound === 60_000, 'the other body to be counted');
    const answer = await fetch(`${scene.bridge.url}/responses`, {
      method: 'POST',
      body: JSON.stringify({ model: 'm', input: 'x'.repeat(60_000) }),
    });
    other.reset();
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({
      error: { code: 'slow_down', message: expect.stringContaining('(--inbound-budget); try again') },
    });
    expect(await logged(scene.bridge, 'connection.reject')).toMatchObject([
      { via: 'http', result: 'limited', status_code: 503 },
    ]);
  });

  test('one that is no request is seen by whoever runs the bridge, though it never was a turn', async () => {
    await using scene = await openScene();
    const url = `${scene.bridge.url}/responses`;
    expect((await fetch(url, { method: 'POST', body: '{"model":' })).status).toBe(400);
    expect(await logged(scene.bridge, 'connection.reject')).toMatchObject([
      { via: 'http', result: 'bad_request', status_code: 400 },
    ]);
    expect(scene.bridge.logs().filter(({ event }) => event === 'turn.end')).toEqual([]);
  });

  test('a client that goes away while it sends leaves nothing behind', async () => {
    await using scene = await openScene();
    await using raw = await openRawSocket(scene.bridge.port);
    raw.write(
      'POST /v1/responses HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{"model":"m","input":"',
    );
    await until(() => scene.bridge.bridge.usedBytes.inbound > 0, 'the first bytes to be counted');
    raw.reset();
    await until(() => scene.bridge.bridge.usedBytes.inbound === 0, 'the bytes to be given back');
    expect(scene.provider.requests).toEqual([]);
  });
});
