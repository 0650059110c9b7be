/** Whatever happens between a bridge and its API server: the watch comes back, what it missed is in effect, and turns go on. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { SecretWatch } from '../../src/config/secret-watch.ts';
import { MAX_WATCH_LINE_BYTES } from '../../src/config/watch-stream.ts';
import type { FakeKube } from '../harness/fake-kube.ts';
import type { Fault } from '../harness/fake-kube-faults.ts';
import { until, within } from '../harness/wait-for.ts';
import { ask, logged, typesOf } from '../protocol/scene.ts';
import { openSnapshotScene, type SnapshotScene } from '../protocol/snapshot-scene.ts';

/** Why the watch was down, each time that the log says so; once there are so many. */
function reasons(scene: SnapshotScene, count = 1): Promise<string[]> {
  return until(() => {
    const lines = scene.bridge
      .logs()
      .filter(({ event, level }) => event === 'config.watch' && level === 'warn');
    return lines.length >= count && lines.map((line) => String(line['reason']));
  }, 'the log to say why the watch is down');
}

/** Resolves when one watch is open, and no other. */
async function watching(kube: FakeKube): Promise<void> {
  await until(() => kube.watches.length === 1 && kube.silences === 0, 'one watch to be open');
}

/** A change that can be told from the one before. */
function change(scene: SnapshotScene, name: string): number {
  return scene.writeRoute({ name });
}

const connectionFaults: readonly [string, Fault][] = [
  ['is reset before its status', { kind: 'cut', how: 'reset', after: 'nothing' }],
  ['is reset after its status', { kind: 'cut', how: 'reset', after: 'headers' }],
  ['is reset within an event', { kind: 'cut', how: 'reset', after: 100 }],
  ['ends within an event', { kind: 'cut', how: 'end', after: 100 }],
  ['is cut off within an event', { kind: 'cut', how: 'close', after: 100 }],
  ['ends at once', { kind: 'cut', how: 'end', after: 'headers' }],
  ['comes in pieces', { kind: 'slow', pieceBytes: 40, everyMs: 1 }],
  ['is rubbish', { kind: 'body', body: 'rubbish\n' }],
  ['is JSON of another kind', { kind: 'body', body: '{"kind":"Status"}\n' }],
  [
    'begins with an event that does not end',
    { kind: 'body', body: 'x'.repeat(MAX_WATCH_LINE_BYTES + 1), cut: 'silence' },
  ],
  ['is refused with 410', { kind: 'status', status: 410, reason: 'Expired' }],
  ['is refused with 429', { kind: 'status', status: 429 }],
  ['is refused with 500', { kind: 'status', status: 500 }],
  ['is refused with 503 and a page', { kind: 'status', status: 503, body: '<html>down</html>' }],
];

describe('a watch that', () => {
  test.each(connectionFaults)(
    '%s, at the start, is opened again until it delivers',
    async (_title, fault) => {
      await using scene = await openSnapshotScene({
        prepare: (kube) => kube.fail({ phase: 'watch' }, fault, 3),
      });
      await scene.inEffect(1);
      await watching(scene.kube);
      expect(await scene.readiness()).toEqual({ ready: true });
    },
  );

  test.each(connectionFaults)('%s, when it is opened again, misses nothing', async (_title, fault) => {
    await using scene = await openSnapshotScene();
    scene.kube.fail({ phase: 'watch' }, fault, 3);
    scene.kube.watches[0]?.reset();
    await scene.inEffect(change(scene, 'meanwhile'));
    await watching(scene.kube);
    expect(typesOf(await ask(await scene.connect(), {})).at(-1)).toBe('response.completed');
  });

  test.each<[string, (kube: FakeKube) => void]>([
    ['is reset', (kube) => kube.watches[0]?.reset()],
    ['ends', (kube) => kube.endWatches()],
    ['is cut off', (kube) => kube.watches[0]?.close()],
    [
      'is cut off within an event',
      (kube) => (kube.watches[0]?.raw('{"type":"ADDED","obj'), kube.watches[0]?.end()),
    ],
    [
      'is reset within an event',
      (kube) => (kube.watches[0]?.raw('{"type":"ADDED","obj'), kube.watches[0]?.reset()),
    ],
    ['says ERROR 410', (kube) => kube.watches[0]?.error(410, 'Expired', 'too old resource version')],
    ['says ERROR 500', (kube) => kube.watches[0]?.error(500, 'InternalError', 'etcd is away')],
    ['says rubbish', (kube) => kube.watches[0]?.raw('rubbish\n')],
  ])('%s while it is open is opened again, and misses nothing', async (_title, spoil) => {
    await using scene = await openSnapshotScene();
    await watching(scene.kube);
    spoil(scene.kube);
    await scene.inEffect(change(scene, 'meanwhile'));
    await watching(scene.kube);
    expect(scene.kube.seen({ phase: 'watch' }).length).toBeGreaterThan(1);
  });

  test('ends within an event is told apart from one that ends', async () => {
    await using scene = await openSnapshotScene();
    scene.kube.watches[0]?.raw('{"type":"ADDED","obj');
    scene.kube.watches[0]?.end();
    expect((await reasons(scene))[0]).toBe('the API server ended the watch within an event');
  });

  test('asks for one Secret, for bookmarks, and for five to ten minutes, without a version', async () => {
    await using scene = await openSnapshotScene();
    const [request] = scene.kube.requests;
    expect(request).toMatchObject({
      method: 'GET',
      path: '/api/v1/namespaces/ai/secrets',
      userAgent: 'turnbridge/test',
    });
    const { timeoutSeconds, ...query } = request?.query ?? {};
    expect(query).toEqual({
      fieldSelector: 'metadata.name=turnbridge-snapshot',
      watch: 'true',
      allowWatchBookmarks: 'true',
    });
    expect(Number(timeoutSeconds)).toBeGreaterThanOrEqual(300);
    expect(Number(timeoutSeconds)).toBeLessThanOrEqual(600);
    expect(scene.kube.requests.map(({ phase }) => phase)).toEqual(['watch']);
  });

  test('ends at once, again and again, is not opened again without a pause', async () => {
    await using scene = await openSnapshotScene({
      times: { backoff: { firstMs: 3_600_000, maxMs: 3_600_000, healthyMs: 120_000 } },
    });
    scene.kube.endWatches();
    expect(await reasons(scene)).toEqual(['the API server broke off the watch']);
    expect(scene.kube.seen({ phase: 'watch' })).toHaveLength(1);
    expect(await scene.bridge.metric('turnbridge_snapshot_watch_up')).toBe(0);
  });

  test('is told to come back later waits for so long', async () => {
    const times = { backoff: { firstMs: 0, maxMs: 0, healthyMs: 120_000 } };
    await using scene = await openSnapshotScene({
      times,
      prepare: (kube) => kube.fail({ phase: 'watch' }, { kind: 'status', status: 429, retryAfter: 1 }),
    });
    await scene.inEffect(1);
    const [refused, taken] = scene.kube.seen({ phase: 'watch' });
    expect((taken?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test('is silent although it had sent bookmarks is given up', async () => {
    await using scene = await openSnapshotScene({ times: { silenceMs: 200 } });
    await watching(scene.kube);
    scene.kube.bookmark();
    scene.kube.watches[0]?.silence();
    expect(await reasons(scene)).toEqual(['the API server was silent for 0.2 s']);
    await scene.inEffect(change(scene, 'meanwhile'));
    await watching(scene.kube);
  });

  test('is answered by nobody is given up in time', async () => {
    await using scene = await openSnapshotScene({
      times: { answerMs: 200 },
      prepare: (kube) => kube.fail({ phase: 'watch' }, { kind: 'cut', how: 'silence', after: 'nothing' }),
    });
    expect(await reasons(scene)).toEqual([
      'the API server does not answer in time (UND_ERR_HEADERS_TIMEOUT)',
    ]);
    await scene.inEffect(1);
    await watching(scene.kube);
  });

  test('is dead without a word is noticed by the mounted file, which is newer, and opened anew', async () => {
    await using scene = await openSnapshotScene({ by: 'both' });
    await watching(scene.kube);
    scene.kube.watches[0]?.silence();
    const generation = change(scene, 'meanwhile');
    await scene.mount(Buffer.from(scene.packed(), 'base64'));
    await scene.inEffect(generation);
    expect((await scene.snapshot()).body['source']).toBe('watch');
    await watching(scene.kube);
  });
});

describe('who may not watch', () => {
  test('is told so, keeps asking, and is ready when it may', async () => {
    await using scene = await openSnapshotScene({
      prepare: (kube) =>
        kube.fail(
          { phase: 'watch' },
          { kind: 'status', status: 403, message: 'secrets "x" is forbidden: User "y" cannot watch' },
          Infinity,
        ),
    });
    const said = await reasons(scene);
    expect(said).toEqual([
      'the API server answers 403 (secrets "x" is forbidden: User "y" cannot watch): allow this service account to watch that one Secret',
    ]);
    await until(() => scene.kube.seen({ phase: 'watch' }).length > 3, 'it to be asked again');
    expect(await scene.readiness()).toEqual({ ready: false, reason: expect.stringContaining(said[0] ?? '') });
    expect(await reasons(scene)).toEqual(said);
    scene.kube.heal();
    await scene.inEffect(1);
  });

  test('has a token that is replaced while it is on its way: the new one is tried without a pause', async () => {
    const held = Promise.withResolvers<void>();
    await using scene = await openSnapshotScene({
      times: { backoff: { firstMs: 3_600_000, maxMs: 3_600_000, healthyMs: 120_000 } },
      prepare: (kube) => kube.fail({ phase: 'watch' }, { kind: 'hold', until: held.promise }),
    });
    await until(() => scene.kube.requests.length === 1, 'the watch to be asked for');
    await scene.rotateToken('token-2');
    held.resolve();
    await scene.inEffect(1);
    expect(scene.kube.requests.map(({ status }) => status)).toEqual([401, 200]);
  });

  test('has a token that is refused, until its file holds another', async () => {
    await using scene = await openSnapshotScene();
    scene.kube.tokens.clear();
    scene.kube.watches[0]?.reset();
    expect(await reasons(scene, 2)).toContain(
      'the API server answers 401 (Unauthorized): is the token still valid?',
    );
    await scene.rotateToken('token-3');
    await scene.inEffect(change(scene, 'meanwhile'));
  });

  test('speaks to a server that it does not know', async () => {
    await using scene = await openSnapshotScene({ trusts: 'nobody', first: 'nothing' });
    expect(await reasons(scene)).toEqual([
      expect.stringMatching(/^the API server's certificate is not trusted \([A-Z_]+\)$/),
    ]);
    expect(scene.kube.requests).toEqual([]);
  });
});

describe('an API server that is away', () => {
  test('at the start: the mounted file is served, and the watch takes over when it is back', async () => {
    await using scene = await openSnapshotScene({ by: 'both', prepare: (kube) => kube.stop() });
    expect(await scene.readiness()).toEqual({ ready: true });
    expect(await scene.snapshot()).toMatchObject({ body: { generation: 1, source: 'file' } });
    expect(typesOf(await ask(await scene.connect(), {})).at(-1)).toBe('response.completed');
    expect(await reasons(scene)).toEqual([expect.stringMatching(/ECONNREFUSED/)]);
    await scene.kube.start();
    await scene.inEffect(change(scene, 'back'));
    expect((await scene.snapshot()).body['source']).toBe('watch');
  });

  test('at the start, without a file: running, not ready, and ready when it is back', async () => {
    await using scene = await openSnapshotScene({ prepare: (kube) => kube.stop() });
    await reasons(scene);
    expect(await scene.readiness()).toEqual({
      ready: false,
      reason: expect.stringMatching(/no watch: nobody listens at the address of the API server/),
    });
    await scene.kube.start();
    await scene.inEffect(1);
  });

  test('later: memory keeps serving, a newer file counts, an older one does not', async () => {
    await using scene = await openSnapshotScene({ by: 'both' });
    const old = scene.packed();
    await scene.inEffect(change(scene, 'second'));
    await scene.kube.stop();
    await reasons(scene);
    await scene.mount(Buffer.from(old, 'base64'));
    const generation = change(scene, 'third');
    expect(await scene.snapshot()).toMatchObject({ body: { generation: 2, source: 'watch' } });
    await scene.mount(Buffer.from(scene.packed(), 'base64'));
    await scene.inEffect(generation);
    expect((await scene.snapshot()).body['source']).toBe('file');
    await scene.kube.start();
    await scene.inEffect(change(scene, 'fourth'));
    expect((await scene.snapshot()).body['source']).toBe('watch');
  });

  test('while the Secret is deleted: the last one stays, and the log says once that it is gone', async () => {
    await using scene = await openSnapshotScene();
    await scene.kube.stop();
    scene.removeSecret();
    await scene.kube.start();
    // as real servers do after the present state, here each time that the watch begins
    for (const round of [1, 2]) {
      await watching(scene.kube);
      const metadata = { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } };
      scene.kube.watches[0]?.send('BOOKMARK', { kind: 'Secret', apiVersion: 'v1', metadata });
      scene.kube.endWatches();
      await until(
        () => scene.kube.seen({ phase: 'watch', path: '/secrets' }).length > round + 1,
        'it to be asked again',
      );
    }
    await watching(scene.kube);
    expect(typesOf(await ask(await scene.connect(), {})).at(-1)).toBe('response.completed');
    // the log is written behind, in order: once it tells of this turn, it has told what came before
    await logged(scene.bridge, 'turn.end');
    const gone = scene.bridge.logs().filter(({ msg }) => String(msg).includes('deleted: the last one stays'));
    expect(gone).toHaveLength(1);
    await scene.inEffect(change(scene, 'again'));
  });

  test('and comes, and goes: no turn hears of it', async () => {
    await using scene = await openSnapshotScene({ by: 'both' });
    const client = await scene.connect();
    const endings: unknown[] = [];
    const over = new AbortController();
    const turns = (async () => {
      while (!over.signal.aborted) endings.push(typesOf(await ask(client, {})).at(-1));
    })();
    for (const round of [1, 2, 3]) {
      await scene.kube.stop();
      await reasons(scene, round);
      await scene.kube.start();
      await scene.inEffect(change(scene, `round-${String(round)}`));
    }
    over.abort();
    await turns;
    expect(endings.length).toBeGreaterThan(3);
    expect(new Set(endings)).toEqual(new Set(['response.completed']));
  });
});

test.each(['open', 'not answered', 'silent', 'away'] as const)(
  'the close leaves no connection when the watch is %s',
  async (state) => {
    await using scene = await openSnapshotScene({
      first: 'nothing',
      prepare: async (kube) => {
        if (state === 'not answered')
          kube.fail({ phase: 'watch' }, { kind: 'cut', how: 'silence', after: 'nothing' });
        if (state === 'silent')
          kube.fail({ phase: 'watch' }, { kind: 'cut', how: 'silence', after: 'headers' });
        if (state === 'away') await kube.stop();
      },
    });
    await until(() => state === 'away' || scene.kube.requests.length === 1, 'the watch to be asked for');
    await scene.bridge.bridge.close();
    await until(() => scene.kube.watches.length + scene.kube.silences === 0, 'all connections to be gone');
    expect(scene.kube.requests.length).toBeLessThanOrEqual(1);
  },
);

test('the close does not wait for a server that accepts connections and says nothing', async () => {
  const sockets = new Set<Socket>();
  const deaf = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.resume(); // only who reads hears of the end
  });
  deaf.listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  const { port } = deaf.address() as AddressInfo;
  const watch = new SecretWatch({
    access: { url: `https://127.0.0.1:${String(port)}`, credentials: undefined },
    secret: { namespace: 'ai', name: 'x' },
    userAgent: 'test',
    random: () => 0,
    times: { connectMs: 20_000 },
    onEvent: () => undefined,
    onStatus: () => undefined,
  });
  try {
    watch.start();
    await until(() => sockets.size === 1, 'the connection');
    await within(watch.close(), 'the close');
    await until(() => sockets.size === 0, 'the connection to be gone');
    expect(watch.status).toEqual({ kind: 'opening' });
  } finally {
    deaf.close();
    for (const socket of sockets) socket.destroy();
  }
});
