/** What a reflector asks for, tells and keeps while nothing is wrong, and how it paces itself when something is. */
import { expect, jest, test } from '@jest/globals';
import { until, within } from '../harness/wait-for.ts';
import { MAX_WATCH_LINE_BYTES } from '../../src/kube/watch-events.ts';
import { openReflection, routeRef } from './reflection.ts';
import type { Reflection } from './reflection.ts';

const told = ({ told }: Reflection): string[] =>
  told.map(({ key, version }) => (version === undefined ? `-${key}` : key));

test('everything is listed in pages, then watched from the version of the list', async () => {
  await using reflection = await openReflection({ routes: 3 });
  expect(reflection.reflector.isSynced).toBe(false);
  await reflection.start();
  const [first, second, watch, ...more] = reflection.kube.requests;
  const version = String(reflection.kube.version);
  expect([first, second, watch].map((request) => [request?.phase, request?.query])).toEqual([
    ['list', { limit: '2' }],
    ['listNext', { limit: '2', continue: expect.any(String) }],
    [
      'watch',
      {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: version,
        timeoutSeconds: expect.any(String),
      },
    ],
  ]);
  expect(more).toEqual([]);
  expect(told(reflection)).toEqual(['ai/r0', 'ai/r1', 'ai/r2']);
  expect(reflection.reflector.isSynced).toBe(true);
  expect(reflection.reflector.size).toBe(3);
});

test('watches are asked to end after five to ten minutes, each at another time', async () => {
  const chances = [0, 0.25, 0.999];
  let at = 0;
  await using reflection = await openReflection({ routes: 0, random: () => chances[at++ % 3]! });
  await reflection.start();
  for (let round = 0; round < 5; round++) {
    reflection.clock.advance(5000);
    const opened = reflection.next('watch.opened');
    reflection.kube.endWatches();
    await opened;
  }
  const seconds = reflection.kube
    .seen({ phase: 'watch' })
    .map(({ query }) => Number(query['timeoutSeconds']));
  expect(seconds.every((each) => each >= 300 && each <= 600)).toBe(true);
  expect(new Set(seconds).size).toBeGreaterThan(1);
});

test('what is added, changed and deleted is told by its key, after the change', async () => {
  await using reflection = await openReflection({ routes: 1 });
  await reflection.start();
  reflection.put('a', 1);
  reflection.put('r0', 2);
  reflection.remove('a');
  await reflection.settle();
  expect(told(reflection)).toEqual(['ai/r0', 'ai/a', 'ai/r0', '-ai/a']);
  expect(reflection.reflector.get('ai/r0')).toMatchObject({ note: 2 });
  expect(reflection.reflector.get('ai/a')).toBeUndefined();
});

test('a version that is told again is not passed on', async () => {
  await using reflection = await openReflection({ routes: 1 });
  await reflection.start();
  const [watch] = reflection.kube.watches;
  const again = reflection.kube.read(routeRef('r0'));
  watch!.send('MODIFIED', again);
  watch!.send('ADDED', again);
  reflection.put('last');
  await reflection.settle();
  expect(told(reflection)).toEqual(['ai/r0', 'ai/last']);
});

test('a bookmark moves the version that a watch goes on from, and nothing else', async () => {
  await using reflection = await openReflection({ routes: 1 });
  await reflection.start();
  const before = reflection.told.length;
  reflection.kube.bookmark();
  const version = String(reflection.kube.version);
  await until(
    () => reflection.facts.some((fact) => fact.kind === 'watch.event' && fact.type === 'BOOKMARK'),
    'it',
  );
  expect(reflection.reflector.state).toMatchObject({ kind: 'watching', resourceVersion: version });
  reflection.kube.watches[0]!.reset();
  await until(() => reflection.reflector.state.kind === 'waiting', 'the wait');
  await reflection.settle();
  expect(reflection.kube.seen({ phase: 'watch' }).at(-1)?.query['resourceVersion']).toBe(version);
  expect(reflection.told).toHaveLength(before);
});

test('a long page is taken in with pauses: others have their turn every few milliseconds', async () => {
  const taken: number[] = [];
  let turns = 0;
  await using reflection = await openReflection({
    routes: 8,
    pageSize: 8,
    keep: ({ metadata }) => {
      const until = performance.now() + 6;
      while (performance.now() < until);
      taken.push(turns);
      return { version: metadata.resourceVersion, note: undefined };
    },
  });
  const counting = setInterval(() => (turns += 1), 0);
  await reflection.start();
  clearInterval(counting);
  // each object takes longer than a portion
  expect(new Set(taken).size).toBe(8);
});

test('only what `keep` returns is kept and told of', async () => {
  await using reflection = await openReflection({
    routes: 0,
    keep: ({ metadata, ...rest }) => {
      const { note } = rest['spec'] as { readonly note: unknown };
      return note === 'drop' ? undefined : { version: metadata.resourceVersion, note };
    },
  });
  reflection.put('dropped', 'drop');
  reflection.put('kept');
  reflection.reflector.start();
  await until(() => reflection.kube.watches.length === 1, 'the watch');
  reflection.put('dropped-too', 'drop');
  reflection.put('kept', 'drop'); // no longer
  reflection.put('dropped', 'kept now');
  await until(() => reflection.reflector.get('ai/dropped'), 'the last change');
  expect(told(reflection)).toEqual(['ai/kept', '-ai/kept', 'ai/dropped']);
  expect([...reflection.reflector.entries()].map(([key]) => key)).toEqual(['ai/dropped']);
});

test('whoever is told may throw: it is announced, and everything goes on', async () => {
  const thrown = new Error('a mistake of ours');
  await using reflection = await openReflection({
    routes: 1,
    keep: ({ metadata, ...rest }) => {
      const { note } = rest['spec'] as { readonly note: unknown };
      if (note === 'throw') throw thrown;
      return { version: metadata.resourceVersion, note };
    },
    onChange: (key) => {
      if (key === 'ai/r0') throw thrown;
    },
    onSynced: () => {
      throw thrown;
    },
  });
  await reflection.start();
  reflection.put('a');
  await reflection.settle();
  reflection.put('a', 'throw'); // nothing is better than something old
  await until(() => reflection.reflector.get('ai/a') === undefined, 'its end');
  reflection.put('b');
  await until(() => reflection.reflector.get('ai/b'), 'the next');
  const threw = reflection.facts.filter((fact) => fact.kind === 'reflector.threw');
  expect(threw.map(({ where, key }) => [where, key])).toEqual([
    ['onChange', 'ai/r0'],
    ['onSynced', undefined],
    ['keep', 'ai/a'],
  ]);
  expect(reflection.waits).toEqual([]);
});

test('waits double from 0.8 to 30 seconds, and begin anew after two minutes of health', async () => {
  await using reflection = await openReflection({ routes: 1, random: () => 0.999_999 });
  const away = reflection.kube.fail({}, { kind: 'status', status: 500 }, Infinity);
  reflection.reflector.start();
  await until(() => (passWait(reflection), reflection.waits.length >= 8), 'eight waits');
  expect(reflection.waits.slice(0, 8).map(Math.round)).toEqual([
    800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
  ]);
  away.stop();
  await reflection.settle();
  reflection.clock.advance(120_000);
  const waiting = reflection.next('reflector.waiting');
  reflection.kube.watches[0]!.reset();
  expect(Math.round((await waiting).ms)).toBe(800);
  await reflection.settle();
});

test.each([
  { fault: { kind: 'status', status: 429, retryAfter: 7 }, least: 7000 },
  { fault: { kind: 'status', status: 503, retryAfter: 40 }, least: 40_000 },
  { fault: { kind: 'status', status: 429, retryAfter: 86_400 }, least: 300_000 },
] as const)(
  'as long as the server asks for is waited, at least ($least ms), but not for hours',
  async ({ fault, least }) => {
    await using reflection = await openReflection({ routes: 1 });
    reflection.kube.fail({ phase: 'watch' }, fault);
    await reflection.start();
    expect(reflection.waits).toHaveLength(1);
    expect(reflection.waits[0]).toBeGreaterThanOrEqual(least);
    expect(reflection.waits[0]).toBeLessThan(least + 1000);
  },
);

test('whoever hears that the server answers again can cut a wait short, but not what the server asked for', async () => {
  await using reflection = await openReflection({ routes: 1, random: () => 0.999_999 });
  reflection.reflector.retry();
  reflection.kube.fail({}, { kind: 'status', status: 500 }, 3);
  reflection.kube.fail({}, { kind: 'status', status: 429, retryAfter: 7 });
  reflection.reflector.start();
  for (const failed of [1, 2, 3]) {
    await until(() => reflection.waits.length === failed, 'the wait');
    reflection.reflector.retry();
    reflection.clock.advance(0);
  }
  await until(() => reflection.waits.length === 4, 'the wait that was asked for');
  reflection.reflector.retry();
  reflection.clock.advance(6999);
  expect(reflection.reflector.state.kind).toBe('waiting');
  reflection.clock.advance(1);
  await until(() => reflection.reflector.isSynced, 'the list');
  // the waits grew all the same: who hurries does not make a failure a success
  expect(reflection.waits.map(Math.round)).toEqual([800, 1600, 3200, 7000 + 6400]);
});

test('watches that end cleanly as soon as they begin are not opened in a circle', async () => {
  await using reflection = await openReflection({ routes: 1 });
  reflection.kube.fail({ phase: 'watch' }, { kind: 'body', body: '' }, 6);
  await reflection.start();
  expect(reflection.waits).toHaveLength(6);
  expect(Math.min(...reflection.waits)).toBeGreaterThan(100);
  expect(reflection.kube.seen({ phase: 'list' })).toHaveLength(1);
});

test('a watch that lived goes on from its last version at once', async () => {
  await using reflection = await openReflection({ routes: 1 });
  await reflection.start();
  reflection.put('a');
  await reflection.settle();
  reflection.clock.advance(300_000);
  const opened = reflection.next('watch.opened');
  reflection.kube.endWatches();
  await opened;
  expect(reflection.waits).toEqual([]);
  expect(reflection.kube.seen({ phase: 'watch' }).at(-1)?.query['resourceVersion']).toBe(
    String(reflection.kube.version),
  );
  expect(reflection.kube.seen({ phase: 'list' })).toHaveLength(1);
});

test('a watch that fails again and again without a word is given up for a list', async () => {
  await using reflection = await openReflection({ routes: 1 });
  reflection.kube.fail({ phase: 'watch' }, { kind: 'status', status: 400, reason: 'BadRequest' }, 3);
  await reflection.start();
  expect(reflection.kube.requests.map(({ phase }) => phase)).toEqual([
    'list',
    'watch',
    'watch',
    'watch',
    'list',
    'watch',
  ]);
  expect(reflection.repeats()).toEqual([]);
});

test('why it fails can be asked for as long as it does, also while it tries again', async () => {
  await using reflection = await openReflection({ routes: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  reflection.kube.fail({}, { kind: 'status', status: 403, reason: 'Forbidden' });
  reflection.kube.fail({}, { kind: 'hold', until: promise });
  reflection.reflector.start();
  await until(() => (passWait(reflection), reflection.kube.requests.length === 2), 'the second try');
  expect(reflection.reflector).toMatchObject({ state: { kind: 'listing' }, lastError: { status: 403 } });
  resolve();
  await reflection.settle();
  expect(reflection.reflector.lastError).toBeUndefined();
  reflection.kube.watches[0]!.reset();
  await until(() => reflection.reflector.lastError?.reason === 'Network', 'the reset');
  await reflection.settle();
  expect(reflection.reflector.lastError).toBeUndefined();
});

test.each([
  { what: 'cannot be read', line: 'rubbish\n' },
  { what: 'is no object', line: '{"type":"ADDED","object":{"metadata":{"name":"x"}}}\n' },
  { what: 'is too long', line: 'x'.repeat(MAX_WATCH_LINE_BYTES + 1) },
])('an event that $what is answered with a list: the next watch could hold it again', async ({ line }) => {
  await using reflection = await openReflection({ routes: 1 });
  await reflection.start();
  reflection.kube.watches[0]!.raw(line);
  await until(() => reflection.waits.length === 1, 'the failure');
  await reflection.settle();
  expect(reflection.kube.requests.map(({ phase }) => phase)).toEqual(['list', 'watch', 'list', 'watch']);
  expect(reflection.repeats()).toEqual([]);
});

test('everything is read anew after ten hours, when its watch ends, and nothing is told twice', async () => {
  await using reflection = await openReflection({ routes: 3, random: () => 0.5 });
  await reflection.start();
  const endWatch = async (): Promise<void> => {
    const opened = reflection.next('watch.opened');
    reflection.kube.endWatches();
    await opened;
  };
  for (let minutes = 0; minutes < 600; minutes += 5) {
    expect(reflection.kube.seen({ phase: 'list' })).toHaveLength(1);
    reflection.clock.advance(300_000);
    await endWatch();
  }
  expect(reflection.kube.seen({ phase: 'list' })).toHaveLength(2);
  expect(reflection.told).toHaveLength(3);
});

test('a page that is too large is asked for in smaller ones', async () => {
  await using reflection = await openReflection({ routes: 9, pageSize: 8 });
  reflection.kube.fail({ phase: 'list' }, { kind: 'body', body: ' '.repeat(64 * 1024 * 1024 + 1) });
  await reflection.start();
  expect(reflection.kube.seen({ phase: ['list', 'listNext'] }).map(({ query }) => query['limit'])).toEqual([
    '8',
    ...Array.from({ length: 5 }, () => '2'),
  ]);
});

test.each(['list', 'listNext', 'watch'] as const)(
  'closed during a %s, it asks for nothing and tells nothing any more',
  async (phase) => {
    await using reflection = await openReflection();
    const { promise, resolve } = Promise.withResolvers<void>();
    reflection.kube.fail({ phase }, { kind: 'hold', until: promise });
    reflection.reflector.start();
    await until(() => reflection.kube.seen({ phase }).length === 1, phase);
    await within(reflection.reflector.close(), 'the end');
    const [requests, told] = [reflection.kube.requests.length, reflection.told.length];
    resolve();
    reflection.put('late');
    await reflection.reflector.close();
    reflection.clock.advance(3_600_000);
    expect(reflection.reflector.state).toEqual({ kind: 'closed' });
    expect([reflection.kube.requests.length, reflection.told.length]).toEqual([requests, told]);
  },
);

test('closed while it waits, it ends at once and leaves no timer', async () => {
  await using reflection = await openReflection();
  reflection.kube.fail({}, { kind: 'status', status: 500 }, Infinity);
  reflection.reflector.start();
  await until(() => reflection.reflector.state.kind === 'waiting', 'the wait');
  await within(reflection.reflector.close(), 'the end');
  expect(reflection.clock.pending).toBe(0);
});

test('a token that was replaced is read again, and nobody notices', async () => {
  await using reflection = await openReflection();
  await reflection.start();
  reflection.kube.tokens.clear();
  reflection.kube.tokens.add('token-2');
  reflection.client.renewedToken = 'token-2';
  reflection.clock.advance(5000);
  const opened = reflection.next('watch.opened');
  reflection.kube.endWatches();
  await opened;
  expect(reflection.waits).toEqual([]);
  expect(reflection.kube.seen({ phase: 'watch' }).map(({ status }) => status)).toEqual([200, 401, 200]);
});

test('the time of day may jump: nothing here looks at it', async () => {
  const day = jest.spyOn(Date, 'now');
  try {
    await using reflection = await openReflection();
    await reflection.start();
    for (const jump of [-1e12, 1e12]) {
      day.mockReturnValue(1.8e12 + jump);
      reflection.put(`at-${String(jump)}`);
      await reflection.settle();
      reflection.clock.advance(300_000);
      const opened = reflection.next('watch.opened');
      reflection.kube.endWatches();
      await opened;
    }
    expect(reflection.waits).toEqual([]);
    expect(reflection.kube.seen({ phase: 'list' })).toHaveLength(1);
  } finally {
    day.mockRestore();
  }
});

test('lists, watches, events and their age are announced', async () => {
  await using reflection = await openReflection({ routes: 3 });
  expect(reflection.reflector.lastEventAgeMs).toBeUndefined();
  await reflection.start();
  reflection.clock.advance(4000);
  expect(reflection.reflector.lastEventAgeMs).toBe(4000);
  reflection.put('a');
  await reflection.settle();
  expect(reflection.reflector.lastEventAgeMs).toBe(0);
  reflection.kube.watches[0]!.error(500, 'InternalError', 'etcd is gone');
  await until(() => reflection.reflector.state.kind === 'waiting', 'the wait');
  const resource = 'responsesroutes';
  expect(reflection.facts).toMatchObject([
    { kind: 'list.ended', resource, ok: true, items: 3, stored: 3, error: undefined },
    { kind: 'watch.opened', resource },
    { kind: 'watch.event', resource, type: 'ADDED' },
    { kind: 'watch.event', resource, type: 'ERROR' },
    {
      kind: 'watch.ended',
      resource,
      reason: 'failed',
      seconds: 4,
      error: expect.stringContaining('etcd is gone'),
    },
    { kind: 'reflector.waiting', resource, next: 'watch', error: expect.stringContaining('etcd is gone') },
  ]);
});

/** Lets a wait pass, if there is one. */
function passWait({ reflector: { state }, clock }: Reflection): void {
  if (state.kind === 'waiting') clock.advance(state.untilMs - clock.now());
}
