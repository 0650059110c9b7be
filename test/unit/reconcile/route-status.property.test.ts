import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { CONDITION_TYPES, REASONS } from '../../../src/reconcile/conditions.ts';
import type { ConditionStatus, ConditionType, Finding } from '../../../src/reconcile/conditions.ts';
import type { Verdict } from '../../../src/reconcile/decide.ts';
import { isSameStatus, nextStatus, toStoredStatus } from '../../../src/reconcile/route-status.ts';
import type { RouteStatus } from '../../../src/reconcile/route-status.ts';
import { statusSchema } from '../../../src/route/status-resource.ts';
import { runs } from '../../harness/property-runs.ts';

const finding = <Type extends ConditionType>(type: Type) =>
  fc
    .constantFrom<ConditionStatus>('True', 'False', 'Unknown')
    .filter((status) => REASONS[type][status].length > 0)
    .chain((status) =>
      fc.record({
        status: fc.constant(status),
        reason: fc.constantFrom(...(REASONS[type][status] as readonly string[])),
        message: fc.constantFrom('first', 'first\nsecond', ''),
      }),
    ) as unknown as fc.Arbitrary<Finding<Type>>;
const verdict: fc.Arbitrary<Verdict> = fc.record({
  accepted: finding('Accepted'),
  resolvedRefs: finding('ResolvedRefs'),
  partiallyInvalid: fc.option(finding('PartiallyInvalid'), { nil: undefined }),
  warnings: fc.constant([]),
  providers: fc.constant({ usable: 1, total: 2 }),
});
interface Step {
  readonly verdict: Verdict;
  readonly programmed: Finding<'Programmed'>;
  readonly seconds: number;
  readonly isNewGeneration: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  verdict,
  // what it is for routes that are refused is not for others to say
  programmed: finding('Programmed').filter(({ reason }) => reason !== 'NotAccepted'),
  seconds: fc.integer({ min: -100, max: 100 }),
  isNewGeneration: fc.boolean(),
});

/** The status after each step, each read back as it was stored; the clock may jump back. */
function walk(steps: readonly Step[]): readonly RouteStatus[] {
  const statuses: RouteStatus[] = [];
  let stored: RouteStatus | undefined;
  let nowMs = Date.parse('2026-09-01T08:00:00.123Z');
  let generation = 1;
  for (const { verdict, programmed, seconds, isNewGeneration } of steps) {
    nowMs += seconds * 1000;
    if (isNewGeneration) generation++;
    const now = new Date(nowMs).toISOString();
    const next = nextStatus({ generation, status: stored }, verdict, programmed, now);
    statuses.push(next);
    stored = toStoredStatus(JSON.parse(JSON.stringify(next)));
    const again = nextStatus({ generation, status: stored }, verdict, programmed, now);
    expect(again).toEqual(next);
    expect(isSameStatus(stored, again)).toBe(true);
  }
  return statuses;
}

test('whatever is found, the status of a status is the same, and nothing is written', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
      expect(walk(steps)).toHaveLength(steps.length);
    }),
    runs(100),
  );
});

test('every reason is one that is documented, types are there once, and never more than six', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
      for (const { conditions } of walk(steps)) {
        const types = conditions.map(({ type }) => type);
        expect(new Set(types).size).toBe(types.length);
        expect(types.slice(0, 4)).toEqual(CONDITION_TYPES.slice(0, 4));
        expect(types.length).toBeLessThanOrEqual(6);
        for (const { type, status, reason } of conditions) {
          expect(REASONS[type as ConditionType][status]).toContain(reason);
        }
      }
    }),
    runs(100),
  );
});

test('the status is one that the CRD takes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 5 }), (steps) => {
      for (const status of walk(steps)) expect(statusSchema.parse(status)).toEqual(status);
    }),
    runs(50),
  );
});

test('a route is ready, in progress or stalled: exactly one of these', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
      for (const { conditions } of walk(steps)) {
        const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
        const others = conditions.filter(({ type }) => type === 'Reconciling' || type === 'Stalled');
        expect(others).toHaveLength(isReady ? 0 : 1);
      }
    }),
    runs(100),
  );
});

test('a time stays while its condition does not flip', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 10 }), (steps) => {
      const statuses = walk(steps);
      for (const [index, status] of statuses.entries()) {
        const before = new Map(
          statuses[index - 1]?.conditions.map((condition) => [condition.type, condition]),
        );
        const wrong = status.conditions.filter(({ type, status, lastTransitionTime }) => {
          const previous = before.get(type);
          return previous?.status === status && previous.lastTransitionTime !== lastTransitionTime;
        });
        expect(wrong).toEqual([]);
      }
    }),
    runs(100),
  );
});
