/** Everything that can go wrong with a list and a watch, in each of their phases. */
import { describe, expect, test } from '@jest/globals';
import type { Fault } from '../harness/fake-kube-faults.ts';
import { statusObject } from '../harness/fake-kube-paths.ts';
import type { OpenWatch } from '../harness/fake-kube-watch.ts';
import { until } from '../harness/wait-for.ts';
import { openReflection } from './reflection.ts';
import type { Reflection } from './reflection.ts';
import { MAX_WATCH_LINE_BYTES } from '../../src/kube/watch-events.ts';

const faults: Readonly<Record<string, Fault>> = {
  'reset before its headers': { kind: 'cut', how: 'reset', after: 'nothing' },
  'reset after its headers': { kind: 'cut', how: 'reset', after: 'headers' },
  'reset after a byte': { kind: 'cut', how: 'reset', after: 1 },
  'reset in the middle': { kind: 'cut', how: 'reset', after: 300 },
  'closed before its headers': { kind: 'cut', how: 'close', after: 'nothing' },
  'closed after its headers': { kind: 'cut', how: 'close', after: 'headers' },
  'closed in the middle': { kind: 'cut', how: 'close', after: 300 },
  'ended after its headers': { kind: 'cut', how: 'end', after: 'headers' },
  'ended in the middle': { kind: 'cut', how: 'end', after: 300 },
  'silent from the beginning': { kind: 'cut', how: 'silence', after: 'nothing' },
  'silent after its headers': { kind: 'cut', how: 'silence', after: 'headers' },
  'silent in the middle': { kind: 'cut', how: 'silence', after: 300 },
  'slow, byte by byte': { kind: 'slow', pieceBytes: 41, everyMs: 0 },
  'refused with 401': { kind: 'status', status: 401, reason: 'Unauthorized' },
  'refused with 403': { kind: 'status', status: 403, reason: 'Forbidden' },
  'refused with 410': { kind: 'status', status: 410, reason: 'Expired' },
  'refused with 429 and a time': { kind: 'status', status: 429, reason: 'TooManyRequests', retryAfter: 7 },
  'refused with 500': { kind: 'status', status: 500, reason: 'InternalError' },
  'refused with 503 and a page': { kind: 'status', status: 503, body: '<html>not today</html>' },
  'answered with rubbish': { kind: 'body', body: 'no JSON at all\n' },
  'answered with an empty object': { kind: 'body', body: '{}\n' },
  'answered with nothing': { kind: 'body', body: '' },
  'answered with rubbish, then reset': { kind: 'body', body: '{"type":"ADDED"', cut: 'reset' },
};

/** While something is wrong, routes come, change and go. */
function change(reflection: Reflection, round: string): void {
  reflection.put(`new-${round}`);
  reflection.put('r1', round);
  reflection.remove('r2');
}

/** What is wrong with the copy, and with what was told of it, once everything works again. */
async function mistakes(reflection: Reflection): Promise<unknown[]> {
  await reflection.settle();
  // It still listens.
  reflection.put('last');
  await reflection.settle();
  return [...reflection.repeats(), ...reflection.facts.filter(({ kind }) => kind === 'reflector.threw')];
}

describe.each(['list', 'listNext', 'watch'] as const)('nothing is lost when a %s is', (phase) => {
  test.each(Object.entries(faults))('%s', async (_, fault) => {
    await using reflection = await openReflection();
    // Three in a row: what heals at the first try could be luck.
    const scripted = reflection.kube.fail({ phase }, fault, 3);
    reflection.reflector.start();
    await until(() => scripted.used > 0, 'the fault');
    change(reflection, 'a');
    expect(await mistakes(reflection)).toEqual([]);
  });
});

const half = JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'half' } } }).slice(0, 30);
const status = (code: number, reason: string): string =>
  `${JSON.stringify({ type: 'ERROR', object: statusObject(code, reason, 'scripted') })}\n`;

const streamFaults: Readonly<Record<string, (watch: OpenWatch) => void>> = {
  'is reset': (watch) => watch.reset(),
  'is closed': (watch) => watch.close(),
  'ends cleanly': (watch) => watch.end(),
  'falls silent': (watch) => watch.silence(),
  'is reset within a line': (watch) => (watch.raw(half), watch.reset()),
  'is closed within a line': (watch) => (watch.raw(half), watch.close()),
  'ends within a line': (watch) => (watch.raw(half), watch.end()),
  'falls silent within a line': (watch) => (watch.raw(half), watch.silence()),
  'holds a line of rubbish and goes on': (watch) => watch.raw('rubbish\n'),
  'holds a line that is no event': (watch) => watch.raw('{"type":"NEWS","object":{}}\n'),
  'holds an object without a name': (watch) => watch.raw('{"type":"ADDED","object":{"metadata":{}}}\n'),
  'holds empty lines': (watch) => watch.raw('\n\n'),
  'holds a line without an end': (watch) => watch.raw('x'.repeat(MAX_WATCH_LINE_BYTES + 1)),
  'says 410 and ends': (watch) => watch.error(410, 'Expired', 'too old resource version'),
  'says 410 and goes on': (watch) => watch.raw(status(410, 'Gone')),
  'says 500 and ends': (watch) => watch.error(500, 'InternalError', 'etcd is gone'),
  'says 500 and goes on': (watch) => watch.raw(status(500, 'InternalError')),
  'says 429': (watch) => watch.error(429, 'TooManyRequests', 'later'),
  'says ERROR with no status': (watch) => watch.raw('{"type":"ERROR","object":{}}\n'),
};

describe('nothing is lost when an open watch', () => {
  test.each(Object.entries(streamFaults))('%s', async (_, spoil) => {
    await using reflection = await openReflection();
    await reflection.start();
    for (const round of ['a', 'b', 'c']) {
      const [watch] = reflection.kube.watches;
      change(reflection, round);
      spoil(watch!);
      reflection.put('after', round);
      await reflection.settle();
    }
    expect(await mistakes(reflection)).toEqual([]);
  });

  // Empty lines are no fault: nothing would tell that something was missed.
  const faulty = Object.entries(streamFaults).filter(([name]) => name !== 'holds empty lines');
  test.each(faulty)('%s, and its version is gone meanwhile', async (_, spoil) => {
    await using reflection = await openReflection();
    await reflection.start();
    const [watch] = reflection.kube.watches;
    // Nobody hears of these on the watch: only a list can tell that r2 is gone.
    watch!.miss();
    change(reflection, 'a');
    reflection.kube.compact();
    spoil(watch!);
    expect(await mistakes(reflection)).toEqual([]);
  });
});

test('a list whose pages outlive the memory of the server is read in one answer', async () => {
  await using reflection = await openReflection();
  const { promise, resolve } = Promise.withResolvers<void>();
  reflection.kube.fail({ phase: 'listNext' }, { kind: 'hold', until: promise });
  reflection.reflector.start();
  await until(() => reflection.kube.seen({ phase: 'listNext' }).length === 1, 'the second page');
  change(reflection, 'a');
  reflection.kube.compact();
  resolve();
  expect(await mistakes(reflection)).toEqual([]);
  const lists = reflection.kube.seen({ phase: ['list', 'listNext'] });
  expect(lists.map(({ query, status }) => [query['limit'], status])).toEqual([
    ['2', 200],
    ['2', 410],
    [undefined, 200],
  ]);
});

test.each(['stream', 'status'] as const)(
  'a version that is gone, as its %s says, costs one list and no wait',
  async (how) => {
    await using reflection = await openReflection();
    reflection.kube.goneAs = how;
    await reflection.start();
    reflection.clock.advance(5000); // a watch that lived
    const [watch] = reflection.kube.watches;
    watch!.miss();
    change(reflection, 'a');
    reflection.kube.compact();
    watch!.end();
    expect(await mistakes(reflection)).toEqual([]);
    expect(reflection.waits).toEqual([]);
    expect(reflection.kube.seen({ phase: 'list' })).toHaveLength(2);
  },
);

test('an API server that goes away and comes back, with other objects and another memory, is followed again', async () => {
  await using reflection = await openReflection();
  await reflection.start();
  await reflection.kube.stop();
  for (let at = 0; at < 8; at++) {
    const { state } = await until(
      () => (reflection.reflector.state.kind === 'waiting' ? reflection.reflector : undefined),
      'a wait',
    );
    if (state.kind === 'waiting') reflection.clock.advance(state.untilMs - reflection.clock.now());
  }
  change(reflection, 'a');
  reflection.kube.compact();
  await reflection.kube.start();
  expect(await mistakes(reflection)).toEqual([]);
  expect(Math.max(...reflection.waits)).toBeLessThanOrEqual(30_000);
});

test('an API server that stands still is noticed, and followed again when it goes on', async () => {
  await using reflection = await openReflection();
  await reflection.start();
  reflection.kube.freeze();
  change(reflection, 'a');
  reflection.clock.advance(700_000); // beyond the end of any watch
  const failed = await until(
    () => reflection.facts.find((fact) => fact.kind === 'watch.ended' && fact.reason === 'failed'),
    'the end of the watch',
  );
  expect(failed).toMatchObject({ error: expect.stringContaining('did not answer in time') });
  reflection.kube.thaw();
  expect(await mistakes(reflection)).toEqual([]);
});

test('a half-open watch that has brought a bookmark is noticed after four minutes, and not before', async () => {
  await using reflection = await openReflection();
  await reflection.start();
  reflection.clock.advance(60_000);
  reflection.kube.bookmark();
  await until(
    () => reflection.facts.some((fact) => fact.kind === 'watch.event' && fact.type === 'BOOKMARK'),
    'the bookmark',
  );
  reflection.kube.watches[0]!.silence();
  change(reflection, 'a');
  reflection.clock.advance(239_999);
  expect(reflection.reflector.state).toMatchObject({ kind: 'watching' });
  reflection.clock.advance(1);
  await until(() => reflection.waits.length === 1, 'the end of the watch');
  expect(await mistakes(reflection)).toEqual([]);
});
