import { describe, expect, test } from '@jest/globals';
import { CONDITION_TYPES, REASONS } from '../../../src/reconcile/conditions.ts';
import { decideRoutes } from '../../../src/reconcile/decide.ts';
import { observeRoute } from '../../../src/reconcile/observed-route.ts';
import { nextStatus, toStatusPatch, toStoredStatus } from '../../../src/reconcile/route-status.ts';
import { statusSchema, UNJUDGED_STATUS } from '../../../src/route/status-resource.ts';
import { ROUTE_MISTAKES, toDocument } from '../../harness/route-mistakes.ts';
import type { Fields } from '../../harness/mistakes/mistake-row.ts';

const NOW = '2026-11-21T12:00:00.000Z';
const PROGRAMMED = { status: 'True', reason: 'Programmed', message: 'every ready pod serves it' } as const;

describe('what the operator writes is what the CRD has room for', () => {
  test.each(ROUTE_MISTAKES.filter(({ metadata }) => metadata === undefined))('$section: $mistake', (row) => {
    const document = toDocument(row, 'ai');
    const route = observeRoute({
      ...document,
      metadata: {
        ...(document['metadata'] as Fields),
        uid: 'uid',
        resourceVersion: '1',
        generation: 3,
        creationTimestamp: NOW,
      },
    });
    const { verdicts } = decideRoutes(
      [route],
      { secret: () => undefined, configMap: () => undefined },
      { loopbackAllowed: false },
    );
    for (const verdict of verdicts.values()) {
      const status = nextStatus(route, verdict, PROGRAMMED, NOW);
      expect(statusSchema.parse(status)).toEqual(status);
    }
  });

  test('there is room for every type of condition at once, and for a long message', () => {
    const conditions = CONDITION_TYPES.map((type) => ({
      type,
      status: 'True',
      reason: REASONS[type].True[0],
      message: 'x'.repeat(32_768),
      observedGeneration: 1,
      lastTransitionTime: NOW,
    }));
    expect(
      statusSchema.safeParse({ observedGeneration: 1, providers: '16/16', conditions }).error,
    ).toBeUndefined();
  });
});

describe('what the API server shows of a route that nobody has judged', () => {
  test('is a status like any other', () => {
    expect(statusSchema.parse(UNJUDGED_STATUS)).toEqual(UNJUDGED_STATUS);
  });

  test('is replaced whole by whatever is judged first, its times too', () => {
    const stored = toStoredStatus(UNJUDGED_STATUS);
    const resolvedRefs = { status: 'Unknown', reason: 'Pending', message: 'cannot be read' } as const;
    const programmed = { status: 'Unknown', reason: 'Pending', message: 'being written' } as const;
    const verdict = {
      accepted: { status: 'True', reason: 'Accepted', message: 'no mistake' },
      resolvedRefs,
      partiallyInvalid: undefined,
      warnings: [],
      providers: { usable: 0, total: 1 },
    } as const;
    const next = nextStatus({ generation: 1, status: stored }, verdict, programmed, NOW);
    expect(next).toEqual(nextStatus({ generation: 1, status: undefined }, verdict, programmed, NOW));
    const patch = toStatusPatch({ namespace: 'ai', name: 'route', uid: 'uid' }, next) as {
      status: { conditions: readonly { type: string }[] };
    };
    const written = patch.status.conditions.map(({ type }) => type);
    // nobody owns a default, so server-side apply leaves what is not written
    expect(written).toEqual(
      expect.arrayContaining(UNJUDGED_STATUS.conditions?.map(({ type }) => type) ?? []),
    );
  });
});
