/** What the gauge of routes counts. */
import { expect, test } from '@jest/globals';
import { countRoutes } from '../../../src/operator/route-counts.ts';
import type { Condition } from '../../../src/reconcile/conditions.ts';

type Counted = Parameters<typeof countRoutes>[0] extends Iterable<infer R> ? R : never;

function condition(
  type: string,
  status: Condition['status'],
  reason: string,
  observedGeneration = 2,
): Condition {
  const lastTransitionTime = '2026-11-21T12:00:00Z';
  return { type, status, reason, message: 'm', observedGeneration, lastTransitionTime };
}

function route(...conditions: Condition[]): Counted {
  return {
    generation: 2,
    isDeleting: false,
    status: { observedGeneration: 2, providers: '1/1', conditions },
  };
}

function counted(...routes: Counted[]): readonly string[] {
  return countRoutes(routes)
    .filter((each) => each.routes > 0)
    .map(({ state, reason, routes: count }) => `${state} ${reason} ${count}`);
}

test('routes are counted by whether they work, by whether waiting helps, and by reason', () => {
  const refused = route(condition('Ready', 'False', 'Invalid'), condition('Stalled', 'True', 'Invalid'));
  const waiting = route(
    condition('Ready', 'False', 'SecretNotFound'),
    condition('Reconciling', 'True', 'SecretNotFound'),
  );
  const asked = route(condition('Ready', 'Unknown', 'Pending'), condition('Reconciling', 'True', 'Pending'));
  const ready = route(condition('Ready', 'True', 'Ready'));
  expect(counted(ready, refused, waiting, ready, asked)).toEqual([
    'ready Ready 2',
    'reconciling SecretNotFound 1',
    'reconciling Pending 1',
    'stalled Invalid 1',
  ]);
});

test('what a status says of an earlier form of the route does not count, nor does one that nobody has written', () => {
  const changed = route(condition('Ready', 'True', 'Ready', 1));
  const shownByTheServer = route(condition('Ready', 'Unknown', 'Pending', 0));
  expect(counted(changed, shownByTheServer, { ...changed, status: undefined })).toEqual([
    'unjudged Pending 3',
  ]);
});

test('a route that is being deleted is nobody’s worry', () => {
  expect(counted({ ...route(condition('Ready', 'False', 'Invalid')), isDeleting: true })).toEqual([]);
});

test('a reason that somebody else wrote is no label', () => {
  expect(counted(route(condition('Ready', 'True', 'x'.repeat(200))))).toEqual(['ready other 1']);
  expect(counted(route(condition('Ready', 'False', 'Mine')))).toEqual(['reconciling other 1']);
});

test('every state and reason is there with 0, so that what is gone is seen to be gone', () => {
  const all = countRoutes([]);
  expect(all.every(({ routes }) => routes === 0)).toBe(true);
  expect(all.map(({ state, reason }) => `${state} ${reason}`)).toEqual(
    expect.arrayContaining(['ready Ready', 'unjudged Pending', 'stalled Invalid', 'reconciling NoReadyPods']),
  );
  expect(new Set(all.map(({ state, reason }) => `${state} ${reason}`)).size).toBe(all.length);
});
