import { describe, expect, test } from '@jest/globals';
import { markRoutes, programmedOf } from '../../../src/reconcile/programmed.ts';
import type { Delivery, PodReport, RouteMark, RoutePlace } from '../../../src/reconcile/programmed.ts';
import { Secret } from '../../../src/route/secret.ts';
import type { ServedRoute } from '../../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';

const WRITTEN = { version: 'v9', generation: 9 };

function aPlace(since: number | undefined, changes: Partial<RoutePlace> = {}): RoutePlace {
  const mark = since === undefined ? undefined : markSince(since);
  return { mark, isLeftOut: false, last: undefined, ...changes };
}

function markSince(since: number): RouteMark {
  return { content: `content of ${since}`, since };
}

function served(id: string, changes: object = {}): ServedRoute {
  return { hostnames: ['*'], paths: ['/v1'], compiled: aRoute({ id, ...changes }) };
}

function serving(pod: string, generation: number, version = `v${generation}`): PodReport {
  return { kind: 'Serving', pod, version, generation };
}

function toBridges(pods: readonly PodReport[], isAsking = false): Delivery {
  return { to: 'Bridges', written: WRITTEN, pods, isAsking };
}

const PROGRAMMED = {
  status: 'True',
  reason: 'Programmed',
  message: 'every ready bridge pod serves the route as it is',
} as const;

describe('a route counts as programmed', () => {
  test('when every ready pod serves what was written', () => {
    expect(programmedOf(aPlace(9), toBridges([serving('a', 9), serving('b', 9)]))).toEqual(PROGRAMMED);
  });

  test('when a pod serves something newer, written by another operator meanwhile', () => {
    expect(programmedOf(aPlace(9), toBridges([serving('a', 12, 'other')]))).toEqual(PROGRAMMED);
  });

  test('when a pod serves the same content from an earlier writing of it', () => {
    expect(programmedOf(aPlace(9), toBridges([serving('a', 5, 'v9')]))).toEqual(PROGRAMMED);
  });

  test('while the change of another route is on its way: pods serve this one as it is', () => {
    const delivery = toBridges([serving('a', 8), serving('b', 9)], true);
    expect(programmedOf(aPlace(8), delivery)).toEqual(PROGRAMMED);
    expect(programmedOf(aPlace(9), delivery)).toMatchObject({ status: 'Unknown', reason: 'Pending' });
  });

  test('in sidecars as soon as it is written: they are not asked', () => {
    const delivery: Delivery = { to: 'Sidecars', written: WRITTEN, pods: [], isAsking: false };
    expect(programmedOf(aPlace(9), delivery)).toMatchObject({ status: 'True', reason: 'Programmed' });
  });
});

describe('a route is not programmed', () => {
  test('when there is no ready pod: the message says where one is looked for', () => {
    const lookedFor = { namespace: 'turnbridge', bridgeName: 'teams' };
    const { reason, message } = programmedOf(aPlace(9), { ...toBridges([]), lookedFor });
    expect(reason).toBe('NoReadyPods');
    expect(message).toContain('labelled turnbridge.dev/bridge=teams in namespace turnbridge');
    expect(message).toContain('a port named ops');
  });

  test('while pods are asked, in the same words whether there are some yet or not', () => {
    const found = programmedOf(aPlace(9), toBridges([serving('a', 8)], true));
    expect(programmedOf(aPlace(9), toBridges([], true))).toEqual(found);
  });

  test('when pods are behind: the message names them and what they say, whoever answered first', () => {
    const pods: PodReport[] = [
      { kind: 'Silent', pod: 'bridge-c' },
      serving('bridge-a', 9),
      { kind: 'Empty', pod: 'bridge-d' },
      serving('bridge-b', 3),
    ];
    const finding = programmedOf(aPlace(9), toBridges(pods));
    expect(finding).toEqual({
      status: 'False',
      reason: 'PartiallyProgrammed',
      message:
        '3 of 4 ready bridge pods do not serve the route as it is: bridge-b (serves an older snapshot), bridge-c (does not answer), bridge-d (has no snapshot); see their logs',
    });
    expect(programmedOf(aPlace(9), toBridges(pods.toReversed()))).toEqual(finding);
  });

  test('when many pods are behind: five are named', () => {
    const pods = Array.from({ length: 40 }, (_, index) => serving(`bridge-${10 + index}`, 1));
    const { message } = programmedOf(aPlace(9), toBridges(pods));
    expect(message).toMatch(
      /^40 of 40 ready bridge pods .*bridge-14 \(serves an older snapshot\) and 35 more;/,
    );
    expect(message).not.toMatch(/bridge-15/);
  });

  test('when no pod is ready', () => {
    expect(programmedOf(aPlace(9), toBridges([]))).toMatchObject({ status: 'False', reason: 'NoReadyPods' });
  });

  test('when it does not fit into the snapshot', () => {
    const finding = programmedOf(aPlace(undefined, { isLeftOut: true }), toBridges([serving('a', 9)]));
    expect(finding).toMatchObject({ status: 'False', reason: 'SnapshotTooLarge' });
    expect(finding.message).toMatch(/remove routes, or serve some by a bridge of their own \(bridgeName\)$/);
  });
});

describe('it is not known yet', () => {
  test('before the first write, and says why the write failed', () => {
    const delivery: Delivery = { ...toBridges([]), written: undefined };
    expect(programmedOf(aPlace(9), delivery)).toMatchObject({ status: 'Unknown', reason: 'Pending' });
    const failed = { ...delivery, failure: 'the API server refused the snapshot: forbidden' };
    expect(programmedOf(aPlace(undefined), failed).message).toBe(failed.failure);
  });

  test('before a route is in a snapshot that was written', () => {
    expect(programmedOf(aPlace(undefined), toBridges([serving('a', 9)]))).toMatchObject({
      status: 'Unknown',
    });
  });

  test('while pods are asked, or looked for', () => {
    expect(programmedOf(aPlace(9), toBridges([], true))).toMatchObject({ status: 'Unknown' });
    expect(programmedOf(aPlace(9), toBridges([serving('a', 8)], true))).toMatchObject({ status: 'Unknown' });
  });
});

describe('what was found of the same content stands', () => {
  const last = { mark: markSince(9), finding: PROGRAMMED };

  test('while pods are asked again, whatever it was', () => {
    const behind = toBridges([serving('a', 8)]);
    const partly = programmedOf(aPlace(9), behind);
    const asking = { ...behind, isAsking: true };
    expect(programmedOf(aPlace(9, { last }), asking)).toBe(PROGRAMMED);
    expect(programmedOf(aPlace(9, { last: { mark: markSince(9), finding: partly } }), asking)).toBe(partly);
  });

  test('while a pod does not answer: a deaf pod is no news of routes that were there', () => {
    const delivery = toBridges([serving('a', 9), { kind: 'Silent', pod: 'b' }]);
    expect(programmedOf(aPlace(9, { last }), delivery)).toEqual(PROGRAMMED);
    expect(programmedOf(aPlace(9), delivery)).toMatchObject({ reason: 'PartiallyProgrammed' });
  });

  test('until a pod says otherwise', () => {
    const delivery = toBridges([serving('a', 9), serving('b', 2)]);
    expect(programmedOf(aPlace(9, { last }), delivery)).toMatchObject({ reason: 'PartiallyProgrammed' });
  });

  test('and not of other content', () => {
    const old = { mark: markSince(8), finding: PROGRAMMED };
    const silent = toBridges([{ kind: 'Silent', pod: 'b' }]);
    expect(programmedOf(aPlace(9, { last: old }), silent)).toMatchObject({ reason: 'PartiallyProgrammed' });
    expect(programmedOf(aPlace(9, { last: old }), { ...silent, isAsking: true })).toMatchObject({
      status: 'Unknown',
    });
  });
});

describe('marks', () => {
  const since = (marks: ReadonlyMap<string, RouteMark>) =>
    Object.fromEntries([...marks].map(([id, mark]) => [id, mark.since]));

  test('tell since which generation each route is as it is', () => {
    const first = markRoutes(new Map(), [served('ai/a'), served('ai/b')], 1);
    const changed = served('ai/b', { relay: { paths: ['/models'], sharedKey: false } });
    const second = markRoutes(first, [served('ai/a'), changed, served('ai/c')], 2);
    expect(since(second)).toEqual({ 'ai/a': 1, 'ai/b': 2, 'ai/c': 2 });
  });

  test('see other hosts and paths of a route, and other credentials', () => {
    const withKey = (key: string) => {
      const auth = { type: 'APIKey', header: 'authorization', prefix: '', key: new Secret(key) } as const;
      return served('ai/a', { providers: [aProvider({ auth })] });
    };
    const first = markRoutes(new Map(), [withKey('old')], 1);
    expect(since(markRoutes(first, [{ ...withKey('old'), hostnames: ['a.example'] }], 2))).toEqual({
      'ai/a': 2,
    });
    expect(since(markRoutes(first, [{ ...withKey('old'), paths: [''] }], 2))).toEqual({ 'ai/a': 2 });
    expect(since(markRoutes(first, [withKey('new')], 2))).toEqual({ 'ai/a': 2 });
    expect(since(markRoutes(first, [withKey('old')], 2))).toEqual({ 'ai/a': 1 });
  });

  test('forget a route that was left out: bridges have forgotten it too', () => {
    const first = markRoutes(new Map(), [served('ai/a')], 1);
    const second = markRoutes(markRoutes(first, [], 2), [served('ai/a')], 3);
    expect(since(second)).toEqual({ 'ai/a': 3 });
  });
});
