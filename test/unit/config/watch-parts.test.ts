/** What a watch on one Secret is made of: its events, its pauses, its credentials. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { inClusterAccess, readKubeCredentials } from '../../../src/config/in-cluster.ts';
import { parseSecretEvent } from '../../../src/config/secret-event.ts';
import { parseRetryAfter, WATCH_BACKOFF, WatchBackoff } from '../../../src/config/watch-backoff.ts';

describe('an event', () => {
  const secret = { namespace: 'ai', name: 'x' };
  const about = (type: string, object: unknown) =>
    parseSecretEvent(Buffer.from(JSON.stringify({ type, object })), secret);
  const stored = (data: unknown, metadata: object = secret) => ({ kind: 'Secret', metadata, data });

  test.each(['ADDED', 'MODIFIED'])('%s delivers what the Secret holds', (type) => {
    expect(about(type, stored({ snapshot: 'aGVsbG8=' }))).toEqual({
      kind: 'delivered',
      packed: Buffer.from('hello'),
    });
  });

  test.each<[string, string, unknown, object]>([
    ['DELETED is told', 'DELETED', stored({}), { kind: 'deleted' }],
    [
      'BOOKMARK says that the server lives',
      'BOOKMARK',
      { metadata: {} },
      { kind: 'bookmark', isPresentTold: false },
    ],
    [
      'about another Secret is none of ours',
      'ADDED',
      stored({}, { ...secret, name: 'y' }),
      { kind: 'foreign' },
    ],
    [
      'about another namespace is none of ours',
      'ADDED',
      stored({}, { ...secret, namespace: 'y' }),
      { kind: 'foreign' },
    ],
    ['of a kind of later days is passed over', 'PAUSED', stored({}), { kind: 'foreign' }],
    [
      'ERROR ends the watch',
      'ERROR',
      { kind: 'Status', code: 410, message: 'too old' },
      { kind: 'failed', reason: 'the API server ended the watch with 410' },
    ],
    ['about nothing ends the watch', 'ADDED', null, { kind: 'failed' }],
  ])('%s', (_title, type, object, expected) => {
    expect(about(type, object)).toMatchObject(expected);
  });

  test.each([
    ['nothing', undefined, /no entry snapshot/],
    ['another entry', { other: 'aGVsbG8=' }, /no entry snapshot/],
    ['what is no text', { snapshot: 7 }, /no entry snapshot/],
    ['what is no base64', { snapshot: 'hello!!!' }, /not base64/],
    ['base64 that was cut off', { snapshot: 'aGVsbG8' }, /not base64/],
  ])('of a Secret that holds %s is unusable, and says why', (_title, data, reason) => {
    expect(about('ADDED', stored(data))).toEqual({ kind: 'unusable', reason: expect.stringMatching(reason) });
  });

  test.each(['', 'null', '7', '"x"', '{', '[]', '{"type":1}', 'hidden-key'])(
    '%j is no event, and is not repeated',
    (line) => {
      const event = parseSecretEvent(Buffer.from(line), secret);
      expect(event).toEqual({ kind: 'failed', reason: 'what the API server sent is no event of a watch' });
    },
  );
});

describe('the pause before a watch is opened again', () => {
  const bounds = (connectedMs = 0, times = 9): number[] => {
    const backoff = new WatchBackoff(WATCH_BACKOFF, () => 1);
    return Array.from({ length: times }, () => backoff.next(connectedMs, undefined));
  };

  test('grows from 0.8 s to 10 s and no further', () => {
    expect(bounds(0, 6)).toEqual([800, 1600, 3200, 6400, 10_000, 10_000]);
    expect(bounds(0, 2000).at(-1)).toBe(10_000);
  });

  test('is any time up to that bound', () => {
    expect(new WatchBackoff(WATCH_BACKOFF, () => 0.25).next(0, undefined)).toBe(200);
  });

  test('is short again after the watch was well for two minutes, not before', () => {
    const backoff = new WatchBackoff(WATCH_BACKOFF, () => 1);
    expect([0, 0, 119_999, 120_000, 0].map((ms) => backoff.next(ms, undefined))).toEqual([
      800, 1600, 3200, 800, 1600,
    ]);
  });

  test('is at least what the server asks for, up to a minute', () => {
    const backoff = new WatchBackoff(WATCH_BACKOFF, () => 0);
    expect([1000, 86_400_000].map((ms) => backoff.next(0, ms))).toEqual([1000, 60_000]);
  });

  test.each([
    ['5', 5000],
    [' 5 ', 5000],
    ['-5', undefined],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    [['5', '6'], undefined],
    [undefined, undefined],
  ])('that a server asks for by %j is %j', (header, ms) => {
    expect(parseRetryAfter(header)).toBe(ms);
  });
});

describe('credentials', () => {
  test('outside of a cluster are not guessed', () => {
    expect(inClusterAccess({})).toBeUndefined();
    expect(inClusterAccess({ KUBERNETES_SERVICE_HOST: '' })).toBeUndefined();
  });

  test('are read anew each time, and what is wrong with them is told without them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'turnbridge-credentials-'));
    try {
      const access = { url: 'https://kubernetes', credentials: folder };
      const failure = async (): Promise<string> =>
        String(await readKubeCredentials(access).catch((error: unknown) => error));
      expect(await failure()).toMatch(/(token|ca\.crt) cannot be read \(ENOENT\)/);
      await writeFile(join(folder, 'ca.crt'), 'pem');
      await writeFile(join(folder, 'token'), 'first\n');
      expect(await readKubeCredentials(access)).toEqual({ token: 'first', authorities: 'pem' });
      await writeFile(join(folder, 'token'), 'second');
      expect(await readKubeCredentials(access)).toEqual({ token: 'second', authorities: 'pem' });
      await writeFile(join(folder, 'token'), 'hidden\nvalue');
      expect(await failure()).toMatch(/holds no token/);
      expect(await failure()).not.toMatch(/hidden/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('are none for a proxy on this machine', async () => {
    expect(await readKubeCredentials({ url: 'http://127.0.0.1:8001', credentials: undefined })).toEqual({
      token: undefined,
      authorities: undefined,
    });
  });
});
