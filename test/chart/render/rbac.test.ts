/** Rights: those of manifests/rbac, which the tests of the cluster try out, and no other. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { find, objectsOf, render, type KubeObject, type Values } from '../render.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const lean = { crds: { enabled: false } };
const FOLDER = join(import.meta.dirname, '../../../manifests/rbac');
const manifests = readdirSync(FOLDER).flatMap((file) => objectsOf(readFileSync(join(FOLDER, file), 'utf8')));

/** Each right by itself: `patch turnbridge.dev/responsesroutes/status demo`, sorted. */
function rightsOf(object: KubeObject | undefined): string[] {
  const rules = (object?.['rules'] ?? []) as readonly Rule[];
  return rules
    .flatMap(({ apiGroups, resources, resourceNames = ['*'], verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          resourceNames.flatMap((name) => verbs.map((verb) => `${verb} ${group}/${resource} ${name}`)),
        ),
      ),
    )
    .sort();
}

function manifest(name: string): KubeObject | undefined {
  return find(manifests, name) ?? manifests.find(({ kind, metadata }) => `${kind}/${metadata.name}` === name);
}

function boundTo(objects: readonly KubeObject[]): [binding: string, account: string][] {
  return objects
    .filter(({ kind }) => /^(?:Cluster)?RoleBinding$/.test(kind))
    .map(({ kind, metadata, ...binding }) => {
      const [subject, ...others] = binding['subjects'] as { kind: string; name: string; namespace: string }[];
      expect(others).toEqual([]);
      return [`${kind}/${metadata.name}`, `${subject?.kind} ${subject?.namespace}/${subject?.name}`];
    });
}

describe('rights are those of manifests/rbac', () => {
  test('for all namespaces', async () => {
    const objects = await render(lean);
    expect(rightsOf(find(objects, 'ClusterRole/turnbridge-operator-turnbridge'))).toEqual(
      rightsOf(manifest('ClusterRole/turnbridge-operator')),
    );
    expect(rightsOf(find(objects, 'Role/turnbridge-operator'))).toEqual(
      rightsOf(manifest('Role/turnbridge-operator')),
    );
    expect(rightsOf(find(objects, 'Role/turnbridge-bridge'))).toEqual(
      rightsOf(manifest('Role/turnbridge-bridge')),
    );
  });

  test('for some: the same in each, and nothing that counts in the whole cluster', async () => {
    const values = {
      ...lean,
      operator: { watchNamespaces: ['team-b', 'team-a'] },
      sidecar: { namespaces: ['team-a', 'jobs'] },
    };
    const objects = await render(values);
    const rights = rightsOf(manifest('Role/turnbridge-operator-routes'));
    expect(rights).not.toEqual([]);
    for (const namespace of ['team-a', 'team-b', 'jobs']) {
      expect(rightsOf(find(objects, `Role/turnbridge-operator-routes-turnbridge@${namespace}`))).toEqual(
        rights,
      );
    }
    expect(objects.filter(({ kind }) => kind.startsWith('ClusterRole'))).toEqual([]);
  });

  test('for people', async () => {
    const objects = await render(lean);
    for (const role of ['view', 'edit']) {
      const rendered = find(objects, `ClusterRole/turnbridge-${role}-turnbridge`);
      const written = manifest(`ClusterRole/turnbridge-${role}`);
      expect(rightsOf(rendered)).toEqual(rightsOf(written));
      expect(rendered?.metadata.labels).toMatchObject(written?.metadata.labels ?? {});
    }
  });
});

test('every right is bound to the account of its own component, and to nobody else', async () => {
  const bindings = new Map(boundTo(await render(lean)));
  expect(Object.fromEntries(bindings)).toEqual({
    'ClusterRoleBinding/turnbridge-operator-turnbridge': 'ServiceAccount turnbridge/turnbridge-operator',
    'RoleBinding/turnbridge-operator': 'ServiceAccount turnbridge/turnbridge-operator',
    'RoleBinding/turnbridge-bridge': 'ServiceAccount turnbridge/turnbridge-bridge',
  });
});

test('an account that somebody else made is bound in place of ours', async () => {
  const serviceAccount = { create: false, name: 'theirs' };
  const objects = await render({ ...lean, operator: { serviceAccount } });
  expect(new Map(boundTo(objects)).get('RoleBinding/turnbridge-operator')).toBe(
    'ServiceAccount turnbridge/theirs',
  );
  expect(find(objects, 'ServiceAccount/turnbridge-operator')).toBeUndefined();
});

test('accounts never hand out their token by themselves', async () => {
  const objects = await render({ ...lean, demo: { enabled: true } });
  const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount');
  expect(accounts.length).toBeGreaterThan(1);
  for (const account of accounts) expect(account['automountServiceAccountToken']).toBe(false);
});

test('without rbac.create no right is given by this chart', async () => {
  const values: Values = {
    ...lean,
    rbac: { create: false },
    sidecar: { namespaces: ['app'] },
    demo: { enabled: true },
  };
  for (const watchNamespaces of [[], ['turnbridge']]) {
    const objects = await render({ ...values, operator: { watchNamespaces } });
    expect(objects.map(({ kind }) => kind).filter((kind) => kind.includes('Role'))).toEqual([]);
  }
});

test('no rule has a wildcard, and none may write a Secret but the snapshot', async () => {
  const scenes: readonly Values[] = [
    { demo: { enabled: true } },
    { sidecar: { namespaces: ['app'] } },
    { operator: { watchNamespaces: ['a'] } },
  ];
  for (const values of scenes) {
    const rights = (await render({ ...lean, ...values })).flatMap(rightsOf);
    expect(rights.filter((right) => /^\* | \*\/|\/\* /.test(right))).toEqual([]);
    const writes = rights.filter((right) => /^(?:create|update|patch|delete)\S* \/secrets /.test(right));
    expect(writes.filter((right) => !right.endsWith(' turnbridge-snapshot'))).toEqual([]);
    expect(writes).not.toEqual([]);
  }
});
