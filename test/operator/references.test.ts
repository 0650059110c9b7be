/** What is kept open for the routes of many namespaces. */
import { expect, test } from '@jest/globals';
import { MAX_NAMESPACES, References } from '../../src/operator/references.ts';
import type { ObservedRoute } from '../../src/reconcile/observed-route.ts';
import { openFakeKube } from '../harness/fake-kube.ts';
import { kubeClientOf } from '../harness/kube-client.ts';

/** With one Secret in its namespace. */
function route(index: number, createdAt: number): ObservedRoute {
  const namespace = `team-${String(index).padStart(3, '0')}`;
  const references = {
    secrets: ['openai'],
    configMaps: [],
    secretEntries: new Map([['openai', new Set(['apiKey'])]]),
    configMapEntries: new Map(),
  };
  return { key: `${namespace}/a`, namespace, createdAt, references } as unknown as ObservedRoute;
}

test('of more namespaces than there is room for, those with the oldest routes have it, in whatever order they are listed', async () => {
  await using kube = await openFakeKube();
  await using client = kubeClientOf(kube);
  const references = new References({
    client,
    kubeFacts: () => undefined,
    facts: () => undefined,
    onChange: () => undefined,
  });
  try {
    const count = MAX_NAMESPACES + 20;
    // the last by name are the oldest
    const routes = Array.from({ length: count }, (_, index) => route(index, count - index));
    for (const listed of [routes, routes.toReversed()]) {
      references.follow(listed);
      const kinds = routes.map((each) => references.readabilityOf(each).kind);
      expect(new Set(kinds.slice(0, 20))).toEqual(new Set(['unreadable']));
      expect(kinds.slice(20)).not.toContain('unreadable');
      expect(references.unreadableNamespaces).toBe(20);
    }
    expect(references.readabilityOf(routes[0]!)).toMatchObject({
      sentence: expect.stringMatching(/at most 256 namespaces.*team-000 is one more: run a second operator/),
    });
  } finally {
    await references.close();
  }
});
