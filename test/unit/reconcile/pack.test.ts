import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, jest, test } from '@jest/globals';
import { pause } from '../../../src/pace.ts';
import { fitSnapshot, MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_TEXT_BYTES } from '../../../src/reconcile/pack.ts';
import type { FittedSnapshot } from '../../../src/reconcile/pack.ts';
import { unpackSnapshot } from '../../../src/route/packed-snapshot.ts';
import { Secret } from '../../../src/route/secret.ts';
import type { ServedRoute } from '../../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';

const ORIGIN = { generation: 4, installation: 'here' };

/** A route that takes about so many bytes, however it is compressed: a key that cannot be guessed. */
function routeOf(index: number, bytes: number): ServedRoute {
  const key = new Secret(
    randomBytes(bytes)
      .toString('latin1')
      .replace(/[^!-~]/g, 'x'),
  );
  const auth = { type: 'APIKey', header: 'authorization', prefix: 'Bearer ', key } as const;
  return aServed(index, { auth });
}

function aServed(index: number, provider: object = {}): ServedRoute {
  const compiled = aRoute({ id: `ai/r${index}`, providers: [aProvider(provider)] });
  return { hostnames: [`h${index}.example`], paths: ['/v1'], compiled };
}

function routesOf(count: number, bytes: number): readonly ServedRoute[] {
  return Array.from({ length: count }, (_, index) => routeOf(index, bytes));
}

function idsIn({ gzip }: FittedSnapshot): readonly string[] {
  return unpackSnapshot(gunzipSync(gzip).toString()).snapshot.routes.map(({ id }) => id);
}

describe('routes that fit', () => {
  test('are all in what is written, as a bridge reads it', async () => {
    const served = routesOf(20, 40);
    const fitted = await fitSnapshot(served, ORIGIN, { pause });
    expect(fitted).toMatchObject({ packed: served, leftOut: [], level: 'Normal' });
    const unpacked = unpackSnapshot(gunzipSync(fitted.gzip).toString());
    expect(unpacked).toMatchObject({ ...ORIGIN, snapshot: { version: fitted.version } });
    expect(fitted.textBytes).toBe(gunzipSync(fitted.gzip).length);
  });

  test('are packed with a pause between any two of them, before all of them together', async () => {
    const served = routesOf(5, 40);
    const asked = jest.fn(() => undefined);
    await fitSnapshot(served, ORIGIN, { pause: asked });
    expect(asked).toHaveBeenCalledTimes(served.length + 1);
  });

  test('may be none: an empty snapshot is one', async () => {
    const fitted = await fitSnapshot([], ORIGIN, { pause });
    expect(fitted).toMatchObject({ packed: [], leftOut: [], level: 'Normal' });
    expect(idsIn(fitted)).toEqual([]);
  });

  test('have the same version whatever the generation', async () => {
    const served = routesOf(3, 40);
    const other = await fitSnapshot(served, { ...ORIGIN, generation: 9 }, { pause });
    expect(other.version).toBe((await fitSnapshot(served, ORIGIN, { pause })).version);
  });
});

describe('where not all fit', () => {
  test('the oldest go in, the youngest say so, and the Secret keeps its limit', async () => {
    const served = routesOf(60, 1000);
    const fitted = await fitSnapshot(served, ORIGIN, { pause, limitBytes: 30_000 });
    expect(fitted.level).toBe('Full');
    expect(fitted.gzip.length).toBeLessThanOrEqual(30_000);
    expect(fitted.gzip.length).toBeGreaterThan(27_000);
    const ids = served.map(({ compiled }) => compiled.id);
    expect(idsIn(fitted)).toEqual(ids.slice(0, fitted.packed.length));
    expect(fitted.leftOut).toEqual(ids.slice(fitted.packed.length));
  });

  test('one that is too large for any Secret is left out, and younger ones go on', async () => {
    const served = routesOf(12, 400).with(3, routeOf(3, 100_000));
    const fitted = await fitSnapshot(served, ORIGIN, { pause, limitBytes: 30_000 });
    expect(fitted.leftOut).toEqual(['ai/r3']);
    expect(idsIn(fitted)).toHaveLength(11);
  });

  test('what is in stays in when a younger route comes', async () => {
    const served = routesOf(40, 1000);
    const before = await fitSnapshot(served.slice(0, -1), ORIGIN, { pause, limitBytes: 20_000 });
    const after = await fitSnapshot(served, ORIGIN, { pause, limitBytes: 20_000 });
    expect(after.packed).toEqual(before.packed);
    expect(after.version).toBe(before.version);
  });

  test('authorities that all routes share count once', async () => {
    const ca = `-----BEGIN CERTIFICATE-----\n${randomBytes(30_000).toString('base64')}\n-----END CERTIFICATE-----`;
    // beyond the window of gzip, a text that comes again costs as much as the first time
    const padding = () => randomBytes(36_000).toString('base64');
    const served = Array.from({ length: 8 }, (_, index) =>
      aServed(index, { basePath: padding(), tls: { ca, serverName: undefined } }),
    );
    const all = (await fitSnapshot(served, ORIGIN, { pause })).gzip.length;
    const fitted = await fitSnapshot([...served, aServed(8, { basePath: padding() })], ORIGIN, {
      pause,
      limitBytes: all + 10_000,
    });
    expect(fitted.leftOut).toEqual(['ai/r8']);
  });

  test('what is written keeps the limit to the byte, the words around the routes included', async () => {
    const served = routesOf(5, 1000);
    const four = (await fitSnapshot(served.slice(0, 4), ORIGIN, { pause })).gzip.length;
    expect((await fitSnapshot(served, ORIGIN, { pause, limitBytes: four })).packed).toHaveLength(4);
    const fitted = await fitSnapshot(served, ORIGIN, { pause, limitBytes: four - 1 });
    expect(fitted.packed).toHaveLength(3);
    expect(fitted.gzip.length).toBeLessThan(four);
  });

  test('no room at all leaves every route out, and still gives a snapshot', async () => {
    const fitted = await fitSnapshot(routesOf(3, 500), ORIGIN, { pause, limitBytes: 10 });
    expect(fitted).toMatchObject({ packed: [], leftOut: ['ai/r0', 'ai/r1', 'ai/r2'], level: 'Full' });
    expect(idsIn(fitted)).toEqual([]);
  });

  test('a text that shrinks to nothing is bounded too: a bridge has to unpack it', async () => {
    const served = Array.from({ length: 6 }, (_, index) =>
      aServed(index, { basePath: 'x'.repeat(MAX_SNAPSHOT_TEXT_BYTES / 4) }),
    );
    const fitted = await fitSnapshot(served, ORIGIN, { pause });
    expect(fitted.gzip.length).toBeLessThan(MAX_SNAPSHOT_BYTES / 2);
    expect(fitted.packed).toHaveLength(3);
    expect(fitted.textBytes).toBeLessThanOrEqual(MAX_SNAPSHOT_TEXT_BYTES);
  });
});

test('from 80 % of the limit on it says so', async () => {
  const served = routesOf(10, 1000);
  const size = (await fitSnapshot(served, ORIGIN, { pause })).gzip.length;
  expect((await fitSnapshot(served, ORIGIN, { pause, limitBytes: Math.floor(size / 0.79) })).level).toBe(
    'Normal',
  );
  expect((await fitSnapshot(served, ORIGIN, { pause, limitBytes: Math.floor(size / 0.81) })).level).toBe(
    'NearlyFull',
  );
});
