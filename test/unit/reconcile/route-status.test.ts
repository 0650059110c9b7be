import { describe, expect, test } from '@jest/globals';
import type { ConditionType, Finding } from '../../../src/reconcile/conditions.ts';
import type { Verdict } from '../../../src/reconcile/decide.ts';
import {
  isSameStatus,
  nextStatus,
  REFERENCE_GRACE_MS,
  statusChangesAfterMs,
  toStatusPatch,
  toStoredStatus,
} from '../../../src/reconcile/route-status.ts';
import type { RouteStatus } from '../../../src/reconcile/route-status.ts';

const AT = (seconds: number) =>
  new Date(Date.parse('2026-09-01T08:00:00.123Z') + seconds * 1000).toISOString();

const SOUND: Verdict = {
  accepted: { status: 'True', reason: 'Accepted', message: 'the route has no mistake' },
  resolvedRefs: { status: 'True', reason: 'ResolvedRefs', message: 'all there' },
  partiallyInvalid: undefined,
  warnings: [],
  providers: { usable: 2, total: 2 },
};
const MISSING: Verdict = {
  ...SOUND,
  resolvedRefs: { status: 'False', reason: 'SecretNotFound', message: 'there is no Secret\nuntil then' },
  partiallyInvalid: { status: 'True', reason: 'ProvidersLeftOut', message: 'left out: openai' },
  providers: { usable: 1, total: 2 },
};
const REFUSED: Verdict = {
  ...SOUND,
  accepted: { status: 'False', reason: 'Invalid', message: 'spec.a: wrong\nspec.b: wrong' },
  providers: { usable: 0, total: 2 },
};
const THERE: Finding<'Programmed'> = { status: 'True', reason: 'Programmed', message: 'every pod' };
const PENDING: Finding<'Programmed'> = { status: 'Unknown', reason: 'Pending', message: 'being asked' };

function statusOf(
  verdict: Verdict,
  programmed: Finding<'Programmed'>,
  stored?: RouteStatus,
  { at = 0, generation = 1 } = {},
): RouteStatus {
  return nextStatus({ generation, status: stored }, verdict, programmed, AT(at));
}

/** `Type=Status/Reason` of each condition. */
function summary({ conditions }: RouteStatus): readonly string[] {
  return conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`);
}

function conditionOf(type: ConditionType, { conditions }: RouteStatus) {
  return conditions.find((condition) => condition.type === type);
}

describe('the conditions of a route', () => {
  const failing = (reason: 'SnapshotTooLarge' | 'NoReadyPods' | 'PartiallyProgrammed') =>
    ({ status: 'False', reason, message: 'so it is' }) as const;

  test.each<[string, Verdict, Finding<'Programmed'>, readonly string[]]>([
    [
      'in effect',
      SOUND,
      THERE,
      [
        'Accepted=True/Accepted',
        'ResolvedRefs=True/ResolvedRefs',
        'Programmed=True/Programmed',
        'Ready=True/Ready',
      ],
    ],
    [
      'on its way',
      SOUND,
      PENDING,
      [
        'Accepted=True/Accepted',
        'ResolvedRefs=True/ResolvedRefs',
        'Programmed=Unknown/Pending',
        'Ready=Unknown/Pending',
        'Reconciling=True/Pending',
      ],
    ],
    [
      'refused, whatever is said of its delivery',
      REFUSED,
      THERE,
      [
        'Accepted=False/Invalid',
        'ResolvedRefs=True/ResolvedRefs',
        'Programmed=False/NotAccepted',
        'Ready=False/Invalid',
        'Stalled=True/Invalid',
      ],
    ],
    [
      'in effect without one of its providers',
      MISSING,
      THERE,
      [
        'Accepted=True/Accepted',
        'ResolvedRefs=False/SecretNotFound',
        'Programmed=True/Programmed',
        'Ready=False/SecretNotFound',
        'PartiallyInvalid=True/ProvidersLeftOut',
        'Reconciling=True/SecretNotFound',
      ],
    ],
    [
      'without room',
      SOUND,
      failing('SnapshotTooLarge'),
      [
        'Accepted=True/Accepted',
        'ResolvedRefs=True/ResolvedRefs',
        'Programmed=False/SnapshotTooLarge',
        'Ready=False/SnapshotTooLarge',
        'Stalled=True/SnapshotTooLarge',
      ],
    ],
    ...(['NoReadyPods', 'PartiallyProgrammed'] as const).map(
      (reason): [string, Verdict, Finding<'Programmed'>, readonly string[]] => [
        `waiting for pods: ${reason}`,
        SOUND,
        failing(reason),
        [
          'Accepted=True/Accepted',
          'ResolvedRefs=True/ResolvedRefs',
          `Programmed=False/${reason}`,
          `Ready=False/${reason}`,
          `Reconciling=True/${reason}`,
        ],
      ],
    ),
  ])('%s', (_, verdict, programmed, expected) => {
    expect(summary(statusOf(verdict, programmed))).toEqual(expected);
  });

  test('are all about the generation that was decided on, with times in whole seconds', () => {
    const status = statusOf(MISSING, THERE, undefined, { generation: 4 });
    expect(status.observedGeneration).toBe(4);
    for (const { observedGeneration, lastTransitionTime } of status.conditions) {
      expect({ observedGeneration, lastTransitionTime }).toEqual({
        observedGeneration: 4,
        lastTransitionTime: '2026-09-01T08:00:00Z',
      });
    }
  });

  test('say how many providers get turns, for the column of kubectl get', () => {
    expect(statusOf(MISSING, THERE).providers).toBe('1/2');
    expect(statusOf(REFUSED, THERE).providers).toBe('0/2');
  });

  test('are summed up in Ready by the first line of what is in the way', () => {
    expect(conditionOf('Ready', statusOf(REFUSED, THERE))?.message).toBe('spec.a: wrong');
    expect(conditionOf('Stalled', statusOf(REFUSED, THERE))?.message).toBe('spec.a: wrong');
    expect(conditionOf('Ready', statusOf(SOUND, THERE))?.message).toBe('every pod');
  });
});

describe('times', () => {
  test('change when a condition flips, and not when only its reason or message does', () => {
    const first = statusOf(MISSING, THERE);
    const other: Verdict = {
      ...MISSING,
      resolvedRefs: { status: 'False', reason: 'SecretKeyMissing', message: 'no entry' },
    };
    const second = statusOf(other, THERE, first, { at: 20 });
    expect(conditionOf('ResolvedRefs', second)).toMatchObject({
      reason: 'SecretKeyMissing',
      lastTransitionTime: '2026-09-01T08:00:00Z',
    });
    const third = statusOf(SOUND, THERE, second, { at: 30 });
    expect(conditionOf('ResolvedRefs', third)?.lastTransitionTime).toBe('2026-09-01T08:00:30Z');
    expect(conditionOf('Programmed', third)?.lastTransitionTime).toBe('2026-09-01T08:00:00Z');
  });

  test('stay over a new generation of the route', () => {
    const second = statusOf(SOUND, THERE, statusOf(SOUND, THERE), { at: 50, generation: 2 });
    for (const condition of second.conditions) {
      expect(condition).toMatchObject({ observedGeneration: 2, lastTransitionTime: '2026-09-01T08:00:00Z' });
    }
  });
});

describe('a missing Secret', () => {
  test('may come in the first minute; after that only its author can help', () => {
    const first = statusOf(MISSING, THERE);
    const late = REFERENCE_GRACE_MS / 1000;
    const waiting = statusOf(MISSING, THERE, first, { at: late - 1 });
    expect(summary(waiting)).toContain('Reconciling=True/SecretNotFound');
    const stalled = statusOf(MISSING, THERE, waiting, { at: late });
    expect(summary(stalled)).toContain('Stalled=True/SecretNotFound');
    expect(summary(stalled).join()).not.toContain('Reconciling');
    expect(summary(statusOf(SOUND, THERE, stalled, { at: late + 1 })).join()).not.toContain('Stalled');
  });

  test('says when the status has to be written again', () => {
    const first = statusOf(MISSING, THERE);
    const writtenAt = Date.parse('2026-09-01T08:00:00Z');
    expect(statusChangesAfterMs(first, writtenAt + 10_000)).toBe(REFERENCE_GRACE_MS - 10_000);
    expect(statusChangesAfterMs(first, writtenAt + 10 * REFERENCE_GRACE_MS)).toBe(0);
    const stalled = statusOf(MISSING, THERE, first, { at: 100 });
    expect(statusChangesAfterMs(stalled, writtenAt + 100_000)).toBeUndefined();
    expect(statusChangesAfterMs(statusOf(SOUND, PENDING), writtenAt)).toBeUndefined();
    expect(statusChangesAfterMs(statusOf(REFUSED, THERE), writtenAt)).toBeUndefined();
  });

  test('at the very time that was told the status is another one', () => {
    const first = statusOf(MISSING, THERE);
    const now = Date.parse(AT(0));
    const after = statusChangesAfterMs(first, now) ?? Number.NaN;
    const then = nextStatus(
      { generation: 1, status: first },
      MISSING,
      THERE,
      new Date(now + after).toISOString(),
    );
    expect(summary(then)).toContain('Stalled=True/SecretNotFound');
  });
});

describe('what is stored differs', () => {
  const stored = statusOf(MISSING, THERE);
  const [first, ...others] = stored.conditions;
  const withFirst = (changes: object) => ({ ...stored, conditions: [{ ...first, ...changes }, ...others] });

  test.each<[string, unknown]>([
    ['nothing is stored', undefined],
    ['another generation', { ...stored, observedGeneration: 2 }],
    ['another count of providers', { ...stored, providers: '0/2' }],
    ['a condition more', { ...stored, conditions: [...stored.conditions, { ...first, type: 'Stalled' }] }],
    ['a condition less', { ...stored, conditions: others }],
    ['another status', withFirst({ status: 'Unknown' })],
    ['another reason', withFirst({ reason: 'Other' })],
    ['another message', withFirst({ message: 'other' })],
    ['a condition of another generation', withFirst({ observedGeneration: 0 })],
    ['another time', withFirst({ lastTransitionTime: '2026-09-02T00:00:00Z' })],
  ])('%s', (_, other) => {
    expect(isSameStatus(toStoredStatus(stored), stored)).toBe(true);
    expect(isSameStatus(toStoredStatus(other), stored)).toBe(false);
  });
});

test('a status of a newer generation is left as it is: somebody has seen more', () => {
  const newer = statusOf(SOUND, THERE, undefined, { generation: 5 });
  const next = statusOf(REFUSED, THERE, newer, { generation: 4 });
  expect(next).toBe(newer);
  expect(isSameStatus(newer, next)).toBe(true);
});

describe('conditions of others', () => {
  const foreign = {
    type: 'policy.example/Approved',
    status: 'True',
    observedGeneration: 1,
    lastTransitionTime: '2026-08-01T00:00:00Z',
    reason: 'Approved',
    message: '',
  } as const;

  test('are no difference, and are never sent', () => {
    const own = statusOf(SOUND, THERE);
    const stored = { ...own, conditions: [foreign, ...own.conditions.toReversed()] };
    const next = statusOf(SOUND, THERE, stored, { at: 60 });
    expect(isSameStatus(stored, next)).toBe(true);
    expect(summary(next).join()).not.toContain('policy.example');
    expect(
      JSON.stringify(toStatusPatch({ namespace: 'ai', name: 'coding', uid: 'u' }, stored)),
    ).not.toContain('policy.example');
  });
});

test('what is applied holds our conditions, the identity of the route, and nothing else', () => {
  const status = statusOf(SOUND, THERE);
  expect(toStatusPatch({ namespace: 'ai', name: 'coding', uid: 'u' }, status)).toEqual({
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    metadata: { namespace: 'ai', name: 'coding', uid: 'u' },
    status,
  });
});

test.each([
  ['nothing', undefined],
  ['no conditions', { observedGeneration: 3 }],
  ['text', 'status'],
])('a stored status that is %s counts as none', (_, stored) => {
  expect(toStoredStatus(stored)).toBeUndefined();
});

test('what is odd in a stored status is left out', () => {
  const stored = {
    observedGeneration: 'x',
    conditions: [null, { type: 'Ready' }, { type: 'Ready', status: 'Maybe', lastTransitionTime: 't' }],
  };
  expect(toStoredStatus(stored)).toEqual({ observedGeneration: 0, conditions: [], providers: '' });
});
