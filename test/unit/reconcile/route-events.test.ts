import { describe, expect, test } from '@jest/globals';
import type { Verdict } from '../../../src/reconcile/decide.ts';
import type { Finding } from '../../../src/reconcile/conditions.ts';
import { routeEvents } from '../../../src/reconcile/route-events.ts';
import { nextStatus } from '../../../src/reconcile/route-status.ts';
import type { RouteStatus } from '../../../src/reconcile/route-status.ts';

const SOUND: Verdict = {
  accepted: { status: 'True', reason: 'Accepted', message: 'the route has no mistake' },
  resolvedRefs: { status: 'True', reason: 'ResolvedRefs', message: 'all there' },
  partiallyInvalid: undefined,
  warnings: [],
  providers: { usable: 1, total: 1 },
};
const THERE: Finding<'Programmed'> = { status: 'True', reason: 'Programmed', message: 'every pod' };
const PENDING: Finding<'Programmed'> = { status: 'Unknown', reason: 'Pending', message: 'being asked' };

function refused(reason: 'Invalid' | 'Conflicted', message: string): Verdict {
  return { ...SOUND, accepted: { status: 'False', reason, message } };
}

function missing(reason: 'SecretNotFound' | 'SecretKeyMissing'): Verdict {
  return { ...SOUND, resolvedRefs: { status: 'False', reason, message: 'add it' } };
}

interface Step {
  readonly verdict?: Verdict;
  readonly programmed?: Finding<'Programmed'>;
  readonly generation?: number;
}

/** The reasons of the events of each step. */
function reasonsOf(...steps: readonly Step[]): readonly (readonly string[])[] {
  let stored: RouteStatus | undefined;
  return steps.map(({ verdict = SOUND, programmed = THERE, generation = 1 }, index) => {
    const now = new Date(Date.parse('2026-09-01T08:00:00Z') + index * 1000).toISOString();
    const next = nextStatus({ generation, status: stored }, verdict, programmed, now);
    const events = routeEvents(stored, next);
    stored = next;
    return events.map(({ type, reason }) => `${type} ${reason}`);
  });
}

test('a new route that works is told once, with what was done', () => {
  const next = nextStatus({ generation: 1, status: undefined }, SOUND, THERE, '2026-09-01T08:00:00Z');
  expect(routeEvents(undefined, next)).toEqual([
    { type: 'Normal', reason: 'Accepted', action: 'Check', note: 'the route has no mistake' },
    { type: 'Normal', reason: 'Programmed', action: 'Deliver', note: 'every pod' },
  ]);
  expect(routeEvents(next, next)).toEqual([]);
});

test('an event is one line, whatever the condition says', () => {
  const verdict = refused('Invalid', 'a mistake\nanother\na third');
  const next = nextStatus({ generation: 1, status: undefined }, verdict, THERE, '2026-09-01T08:00:00Z');
  expect(routeEvents(undefined, next).map(({ note }) => note)).toEqual([
    'a mistake (its status has 2 more lines)',
  ]);
});

describe('told are transitions, and nothing twice', () => {
  test.each<[string, Step[], string[][]]>([
    [
      'nothing while nothing changes',
      [{}, {}, { generation: 1 }],
      [['Normal Accepted', 'Normal Programmed'], [], []],
    ],
    [
      'on its way, then there',
      [{ programmed: PENDING }, { programmed: PENDING }, {}],
      [['Normal Accepted'], [], ['Normal Programmed']],
    ],
    [
      'a change that has arrived',
      [{}, { generation: 2 }],
      [['Normal Accepted', 'Normal Programmed'], ['Normal Programmed']],
    ],
    [
      'a mistake, another mistake of the same kind, and the cure',
      [
        { verdict: refused('Invalid', 'a') },
        { verdict: refused('Invalid', 'b'), generation: 2 },
        { verdict: refused('Invalid', 'b'), generation: 3 },
        { generation: 4 },
      ],
      [['Warning Invalid'], ['Warning Invalid'], [], ['Normal Accepted', 'Normal Programmed']],
    ],
    [
      'a conflict that another route makes',
      [{}, { verdict: refused('Conflicted', 'a') }, { verdict: refused('Conflicted', 'a') }],
      [['Normal Accepted', 'Normal Programmed'], ['Warning Conflicted'], []],
    ],
    [
      'a Secret that is missing, has no entry, and is there',
      [
        {},
        { verdict: missing('SecretNotFound') },
        { verdict: missing('SecretNotFound') },
        { verdict: missing('SecretKeyMissing') },
        {},
      ],
      [
        ['Normal Accepted', 'Normal Programmed'],
        ['Warning SecretNotFound'],
        [],
        ['Warning SecretKeyMissing'],
        ['Normal ResolvedRefs'],
      ],
    ],
    [
      'no room, and no pods',
      [
        { programmed: { status: 'False', reason: 'SnapshotTooLarge', message: 'full' } },
        { programmed: { status: 'False', reason: 'NoReadyPods', message: 'none' } },
        {},
      ],
      [['Normal Accepted', 'Warning SnapshotTooLarge'], ['Warning NoReadyPods'], ['Normal Programmed']],
    ],
  ])('%s', (_, steps, expected) => {
    expect(reasonsOf(...steps)).toEqual(expected);
  });
});
