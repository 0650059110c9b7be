/** The operator's Deployment, and the bridges of a release that has none. */
import { describe, expect, test } from '@jest/globals';
import { find, render, type Values } from '../render.ts';
import { podOf } from './rendered-pods.ts';

const lean = { crds: { enabled: false } };

async function argsOf(
  values: Values,
  deployment = 'Deployment/turnbridge-operator',
): Promise<readonly string[]> {
  return podOf(await render({ ...lean, ...values }), deployment).spec.containers[0]?.args ?? [];
}

test('operator and bridge name the same Secret, in the namespace of the release', async () => {
  const values = { fullnameOverride: 'codex', namespaceOverride: 'ai' };
  const secret = '--snapshot-secret=ai/codex-snapshot';
  const objects = await render({ ...lean, ...values });
  expect(podOf(objects, 'Deployment/codex-operator').spec.containers[0]?.args).toContain(secret);
  expect(podOf(objects, 'Deployment/codex').spec.containers[0]?.args).toContain(secret);
});

test('it owns what it writes by its account, which goes with the release', async () => {
  const args = await argsOf({});
  expect(args).toContain('--owner-service-account=turnbridge-operator');
  expect(args).toContain('--lease=turnbridge-operator');
});

test('it says which namespaces have sidecars, and of which bridge name', async () => {
  const args = await argsOf({ sidecar: { namespaces: ['app', 'jobs'], bridgeName: 'sidecar-ci' } });
  expect(args).toContain('--sidecar-namespaces=app,jobs');
  expect(args).toContain('--sidecar-bridge-name=sidecar-ci');
  expect((await argsOf({})).filter((arg) => arg.includes('sidecar'))).toEqual([]);
});

describe('without an operator', () => {
  const second: Values = { operator: { enabled: false }, bridge: { snapshotSecret: 'turnbridge-snapshot' } };

  test('bridges take the routes of another release in this namespace', async () => {
    const objects = await render({ ...lean, ...second }, { release: 'more' });
    const { spec } = podOf(objects, 'Deployment/more-turnbridge');
    expect(spec.containers[0]?.args).toContain('--snapshot-secret=turnbridge/turnbridge-snapshot');
    expect(find(objects, 'Role/more-turnbridge-bridge')?.['rules']).toMatchObject([
      { resourceNames: ['turnbridge-snapshot'] },
    ]);
  });

  test('nothing of it is installed', async () => {
    const objects = await render({ ...lean, ...second });
    const components = objects.map(({ metadata }) => metadata.labels?.['app.kubernetes.io/component']);
    expect(components).not.toContain('operator');
  });
});
