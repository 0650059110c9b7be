/** Bodies that unfold into a thousand times their size: no more is unfolded than may be held, and all is given back. */
import { describe, expect, test } from '@jest/globals';
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { until } from '../harness/wait-for.ts';
import { openScene, settled, type Scene } from '../protocol/scene.ts';

const MIB = 1024 * 1024;

const encoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  zstd: (bytes) => zstdCompressSync(bytes),
};

const honest = Buffer.from(JSON.stringify({ model: 'm', input: 'hi' }));

/** JSON all the way: a request with a very long text. */
function longRequest(bytes: number): Buffer {
  return Buffer.from(`{"model":"m","input":"${'x'.repeat(bytes)}"}`);
}

interface Posted {
  readonly status: number;
  readonly code: unknown;
}

async function post({ bridge }: Scene, path: string, body: Buffer, encoding: string): Promise<Posted> {
  const answer = await fetch(`${bridge.url}${path}`, {
    method: 'POST',
    headers: { 'content-encoding': encoding, 'content-type': 'application/json' },
    body: body as Uint8Array<ArrayBuffer>,
  });
  const json = (await answer.json()) as { readonly error?: { readonly code?: unknown } | null };
  return { status: answer.status, code: json.error?.code };
}

const tooLarge: Posted = { status: 400, code: 'payload_too_large' };
const tooMuch: Posted = { status: 503, code: 'slow_down' };
const invalid: Posted = { status: 400, code: 'invalid_request' };
const unknown: Posted = { status: 415, code: 'unsupported_encoding' };
const served: Posted = { status: 200, code: undefined };

describe.each(Object.entries(encoders))('a body in %s', (encoding, encode) => {
  test('that unfolds a thousandfold is refused at the limit of a message', async () => {
    const bomb = encode(longRequest(64 * MIB));
    expect((64 * MIB) / bomb.length).toBeGreaterThan(1_000);
    await using scene = await openScene({ route: { limits: { maxMessageBytes: MIB } } });
    for (const path of ['/responses', '/responses/compact']) {
      expect(await post(scene, path, bomb, encoding)).toEqual(tooLarge);
    }
    expect(scene.provider.requests).toEqual([]);
    expect(await post(scene, '/responses', encode(honest), encoding)).toEqual(served);
  });

  test('comes fifty times at once: together they hold what the budget allows, and the others hear so', async () => {
    const inboundBytes = 12 * MIB;
    await using scene = await openScene({ budgets: { inboundBytes } });
    const bomb = encode(longRequest(8 * MIB));
    let most = 0;
    let isOver = false;
    const watch = (): void => {
      most = Math.max(most, scene.bridge.bridge.usedBytes.inbound);
      if (!isOver) setImmediate(watch);
    };
    watch();
    try {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => post(scene, '/responses', bomb, encoding)),
      );
      // one fits at a time
      expect(answers).toContainEqual(tooMuch);
      for (const answer of answers) expect([tooMuch, served]).toContainEqual(answer);
    } finally {
      isOver = true;
    }
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(inboundBytes);
    await settled(scene.bridge);
    expect(await post(scene, '/responses', encode(honest), encoding)).toEqual(served);
  });

  test('that unfolds to more than the whole budget is told that it never fits', async () => {
    await using scene = await openScene({ budgets: { inboundBytes: 2 * MIB } });
    expect(await post(scene, '/responses', encode(longRequest(8 * MIB)), encoding)).toEqual(tooLarge);
    expect(scene.provider.requests).toEqual([]);
  });

  test('that breaks off is refused, wherever it does', async () => {
    await using scene = await openScene();
    const whole = encode(longRequest(100_000));
    for (const bytes of [1, 2, 5, Math.floor(whole.length / 2), whole.length - 1]) {
      expect(await post(scene, '/responses', whole.subarray(0, bytes), encoding)).toEqual(invalid);
    }
    expect(scene.provider.requests).toEqual([]);
  });

  test('by another name is refused', async () => {
    await using scene = await openScene();
    // brotli has no signature: what it makes of other bytes may be anything but a request
    for (const [, other] of Object.entries(encoders).filter(([name]) => name !== encoding)) {
      expect(await post(scene, '/responses', other(honest), encoding)).toMatchObject({ status: 400 });
    }
    expect(await post(scene, '/responses', honest, encoding)).toMatchObject({ status: 400 });
    expect(scene.provider.requests).toEqual([]);
  });

  test('packed twice is not unpacked once', async () => {
    await using scene = await openScene();
    const twice = encode(encode(honest));
    for (const label of [`${encoding}, ${encoding}`, `${encoding},identity`, `identity, ${encoding}`]) {
      expect(await post(scene, '/responses', twice, label)).toEqual(unknown);
    }
    expect(await post(scene, '/responses', twice, encoding)).toMatchObject({ status: 400 });
    expect(scene.provider.requests).toEqual([]);
  });

  test('with something behind its end is refused, or served as what it was', async () => {
    await using scene = await openScene({ route: { limits: { maxMessageBytes: MIB } } });
    const bomb = encode(longRequest(8 * MIB));
    for (const behind of [Buffer.from('garbage'), Buffer.alloc(100_000), encode(honest)]) {
      const { status } = await post(scene, '/responses', Buffer.concat([encode(honest), behind]), encoding);
      expect([200, 400]).toContain(status);
    }
    for (const { body } of scene.provider.requests) expect(body).toMatchObject({ model: 'm', input: 'hi' });
    const asked = scene.provider.requests.length;
    const { status } = await post(scene, '/responses', Buffer.concat([encode(honest), bomb]), encoding);
    expect([200, 400]).toContain(status);
    await until(() => scene.bridge.bridge.usedBytes.inbound === 0, 'the bytes to be given back');
    expect(scene.provider.requests.length - asked).toBeLessThanOrEqual(1);
  });
});

test('a stack of labels, or one that only looks like a label, is refused', async () => {
  await using scene = await openScene();
  const labels = ['gzip, gzip', 'gzip, '.repeat(1_000).slice(0, -2), 'x-gzip', 'gzip;q=1', '*', 'compress'];
  for (const label of labels) expect(await post(scene, '/responses', honest, label)).toEqual(unknown);
  expect(scene.provider.requests).toEqual([]);
});
