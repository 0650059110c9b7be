import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { MAX_PACKED_BYTES, MAX_TEXT_BYTES, readSnapshot } from '../../../src/config/read-snapshot.ts';
import { routeTo } from '../../harness/bridge.ts';
import { packRoutes } from '../../harness/snapshot-secret.ts';

describe('a snapshot', () => {
  test('is read as it was packed', async () => {
    const reading = await readSnapshot(packRoutes(routeTo('http://127.0.0.1:1/v1', { name: 'a' }), 7));
    expect(reading).toMatchObject({
      kind: 'sound',
      unpacked: { generation: 7, installation: 'test-operator', snapshot: { routes: [{ id: 'default/a' }] } },
    });
  });

  test('without a route is sound', async () => {
    expect(await readSnapshot(packRoutes('', 1))).toMatchObject({
      kind: 'sound',
      unpacked: { snapshot: { routes: [], groups: [] } },
    });
  });

  const whole = packRoutes(routeTo('http://127.0.0.1:1/v1'), 1);
  test.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /not gzip, or was cut off/],
    ['what is not gzip', Buffer.from('{"hidden":"key"}'), /not gzip/],
    ['what was cut off', whole.subarray(0, -5), /cut off/],
    ['what is no JSON', gzipSync('hidden'), /no JSON/],
    ['JSON of another form', gzipSync('{"hidden":"key"}'), /not of the form/],
    ['what no Secret can hold', Buffer.alloc(MAX_PACKED_BYTES + 1), /larger than 1048576 bytes/],
    ['a bomb', gzipSync(Buffer.alloc(MAX_TEXT_BYTES + 1)), /larger than \d+ bytes when it is unpacked/],
    [
      'what a later operator writes',
      gzipSync(
        gunzipSync(whole)
          .toString()
          .replace(/"minor":\d+/, '"minor":7'),
      ),
      /format 1\.7/,
    ],
  ])('that is %s is refused, with a reason that shows nothing of it', async (_title, packed, reason) => {
    const reading = await readSnapshot(packed);
    expect(reading).toEqual({ kind: 'refused', reason: expect.stringMatching(reason) });
    expect(JSON.stringify(reading)).not.toMatch(/hidden|key/);
  });
});
