/** What is said of routes when an operator starts anew: statuses that are true already are not written again. */
import { describe, expect, test } from '@jest/globals';
import { RouteFindings } from '../../../src/operator/route-findings.ts';
import type { Condition } from '../../../src/reconcile/conditions.ts';
import type { Verdict } from '../../../src/reconcile/decide.ts';
import type { ObservedRoute } from '../../../src/reconcile/observed-route.ts';
import type { PodReport } from '../../../src/reconcile/programmed.ts';
import type { ServedRoute } from '../../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';

const GENERATION = 40;
const VERDICT = { accepted: { status: 'True' } } as unknown as Verdict;

function served(id: string, origin = 'https://provider.test'): ServedRoute {
  const compiled = aRoute({ id, providers: [aProvider({ origin })] });
  return { hostnames: ['*'], paths: ['/v1'], compiled };
}

function route(key: string, programmed: Partial<Condition> = {}): ObservedRoute {
  const condition = {
    type: 'Programmed',
    status: 'True',
    reason: 'Programmed',
    message: 'everywhere',
    observedGeneration: 3,
    ...programmed,
  };
  const status = { observedGeneration: 3, conditions: [condition], providers: '1/1' };
  return { key, uid: `uid of ${key}`, generation: 3, isDeleting: false, status } as unknown as ObservedRoute;
}

/** As after a start: what is stored was read, decided on and found to be right but for `changed`. */
function afterStart(routes: readonly ObservedRoute[], changed: readonly string[] = []): RouteFindings {
  const findings = new RouteFindings('Bridges');
  findings.recall(
    routes.map(({ key }) => served(key)),
    GENERATION,
  );
  const packed = routes.map(({ key }) =>
    served(key, changed.includes(key) ? 'https://other.test' : undefined),
  );
  const generation = changed.length === 0 ? GENERATION : GENERATION + 1;
  const verdicts = new Map(routes.map(({ key }) => [key, VERDICT]));
  findings.decide({ routes, verdicts, packed, leftOut: [], generation });
  findings.wrote({ version: 'v', generation });
  return findings;
}

function serving(pod: string, generation: number): PodReport {
  return { kind: 'Serving', pod, version: String(generation), generation };
}

function hear(findings: RouteFindings, pods: readonly PodReport[], askingMs: number, isAsking = true): void {
  findings.hear({ pods, isAsking, isRepeated: false, askingMs });
}

const SILENT: PodReport = { kind: 'Silent', pod: 'b' };

describe('after a start', () => {
  test('a silent pod changes nothing of what the statuses say', () => {
    const known = route('ai/a');
    const findings = afterStart([known]);
    for (const ms of [0, 600, 4000]) {
      hear(findings, [serving('a', GENERATION), SILENT], ms);
      expect(findings.wishFor(known)?.programmed.status ?? 'True').toBe('True');
    }
    hear(findings, [serving('a', GENERATION), SILENT], 5000, false);
    expect(findings.wishFor(known)?.programmed).toMatchObject({ status: 'True' });
  });

  test('pods that were behind are behind until they say otherwise', () => {
    const behind = {
      status: 'False',
      reason: 'PartiallyProgrammed',
      message: '1 of 2 are behind',
    } as const;
    const known = route('ai/a', behind);
    const findings = afterStart([known]);
    hear(findings, [serving('a', GENERATION), serving('b', 1)], 600);
    expect(findings.wishFor(known)?.programmed).toEqual(behind);
    hear(findings, [serving('a', GENERATION), serving('b', GENERATION)], 700, false);
    expect(findings.wishFor(known)?.programmed).toMatchObject({ status: 'True' });
  });

  test('a route that changed meanwhile is asked for anew, and the others are not', () => {
    const [same, changed] = [route('ai/a'), route('ai/b')];
    const findings = afterStart([same, changed], ['ai/b']);
    hear(findings, [serving('a', GENERATION), SILENT], 600);
    expect(findings.wishFor(same)?.programmed.status ?? 'True').toBe('True');
    expect(findings.wishFor(changed)?.programmed).toMatchObject({ status: 'Unknown', reason: 'Pending' });
  });

  test.each([
    ['an earlier form of the route', { observedGeneration: 2 }],
    ['nothing yet', { status: 'Unknown', reason: 'Pending' }],
    [
      'something that does not go with a route in the snapshot',
      { status: 'False', reason: 'SnapshotTooLarge' },
    ],
  ] as const)('a status that is about %s is not believed', (_, programmed) => {
    const known = route('ai/a', programmed);
    const findings = afterStart([known]);
    hear(findings, [serving('a', GENERATION), SILENT], 600);
    expect(findings.wishFor(known)?.programmed).toMatchObject({ status: 'Unknown', reason: 'Pending' });
  });
});

test('what was written in this process is not overruled by what was there before', () => {
  const known = route('ai/a');
  const findings = afterStart([known], ['ai/a']);
  findings.recall([served('ai/a', 'https://other.test')], GENERATION + 7);
  hear(findings, [serving('a', GENERATION + 1)], 100);
  expect(findings.wishFor(known)?.programmed).toMatchObject({ status: 'True' });
});
