/** A key that is left empty in a values file is null, by which Helm takes the default away. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { leavesOf } from '../../../charts/generate/values-table.ts';
import { readValues, type ValueNode } from '../../../charts/generate/values-tree.ts';
import { CHART_FOLDER, nameOf, render, renderFailure, renderText, type Values } from '../render.ts';

const nodes = readValues(readFileSync(join(CHART_FOLDER, 'values.yaml'), 'utf8'));
const apiVersions = ['ServiceMonitor', 'PrometheusRule'].map((kind) => `monitoring.coreos.com/v1/${kind}`);

/** Every section at work, so that every value is read. */
const everything: Values = {
  crds: { enabled: false },
  networkPolicy: { enabled: true },
  ingress: { enabled: true, hosts: ['codex.example.com'] },
  httpRoute: { enabled: true, parentRefs: [{ name: 'main' }] },
  monitoring: {
    serviceMonitor: { enabled: true },
    prometheusRule: { enabled: true },
    dashboards: { enabled: true },
  },
  demo: { enabled: true },
  bridge: { autoscaling: { type: 'HPA', targetCPUUtilizationPercentage: '', targetTurnsInFlight: 5 } },
};

/** Leaves whose default is this, and that are not needed by a section that is on. */
function leavesThat(are: (value: unknown) => boolean): readonly ValueNode[] {
  const needed = [
    'ingress.hosts',
    'httpRoute.parentRefs',
    'networkPolicy.apiServerPorts',
    'bridge.autoscaling.targetTurnsInFlight',
  ];
  return nodes.flatMap(leavesOf).filter(({ path, value }) => are(value) && !needed.includes(path.join('.')));
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? Object.keys(value).length === 0 : value === '';
}

function withNulls(values: Values, leaves: readonly ValueNode[]): Values {
  const copy = structuredClone(values) as Record<string, unknown>;
  for (const { path } of leaves) setAt(copy, path, null);
  return copy;
}

function setAt(map: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key = '', ...below] = path;
  if (below.length === 0) map[key] = value;
  else setAt((map[key] ??= {}) as Record<string, unknown>, below, value);
}

/** Places of null in an object. */
function nullsIn(value: unknown, at: string): readonly string[] {
  if (value === null) return [at];
  if (typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, below]) => nullsIn(below, `${at}.${key}`));
}

describe.each(['helm4', 'helm3'] as const)('left empty in a values file (%s),', (helm) => {
  test('what is empty by default changes nothing', async () => {
    const leaves = leavesThat(isEmpty);
    expect(leaves.length).toBeGreaterThan(80);
    const options = { apiVersions, helm };
    expect(await renderText(withNulls(everything, leaves), options)).toBe(
      await renderText(everything, options),
    );
  });

  test('a list or a map of Kubernetes is one without entries', async () => {
    const leaves = leavesThat((value) => typeof value === 'object' && !isEmpty(value));
    expect(leaves.length).toBeGreaterThan(15);
    const objects = await render(withNulls(everything, leaves), { apiVersions, helm });
    expect(objects.flatMap((object) => nullsIn(object, nameOf(object)))).toEqual([]);
  });

  test.each(['bridge.replicas', 'crds.keep', 'image.repository', 'bridge.flags', 'image', 'ingress.preset'])(
    '%s, which has to be something, is refused with its name',
    async (path) => {
      const values = {};
      setAt(values, path.split('.'), null);
      expect(await renderFailure(values, { helm })).toContain(`missing property '${path.split('.').at(-1)}'`);
    },
  );
});
