/** manifests/workloads.yaml, and the sentences that lead to it: what is copied from there has to fit together. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { readRbac } from './rbac-manifests.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();
const file = join(import.meta.dirname, '../../manifests/workloads.yaml');

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly selector: Readonly<Record<string, unknown>>;
    readonly ports: readonly { readonly name: string }[];
    readonly template: {
      readonly metadata: { readonly labels: unknown };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly { readonly args: readonly string[] }[];
      };
    };
  };
}

let text = '';
let workloads: readonly Workload[] = [];
beforeAll(async () => {
  text = await readFile(file, 'utf8');
  workloads = parseAllDocuments(text).map((document) => document.toJS() as Workload);
});

function find(kind: string, name: string): Workload {
  const found = workloads.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

test('the API server takes every object of it, and knows every field', async () => {
  const namespace = await cluster.namespace();
  const placed = text.replaceAll('namespace: turnbridge\n', `namespace: ${namespace}\n`);
  const { code, stderr } = await cluster.kubectl(
    ['apply', '--dry-run=server', '--validate=strict', '-f', '-'],
    { stdin: placed },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

describe('operator, bridge and Services name the same things', () => {
  const argsOf = (name: string) => find('Deployment', name).spec.template.spec.containers[0]?.args ?? [];

  test('one Secret, and the accounts that manifests/rbac has', async () => {
    const secret = '--snapshot-secret=turnbridge/turnbridge-snapshot';
    expect(argsOf('turnbridge-operator')).toContain(secret);
    expect(argsOf('turnbridge')).toContain(secret);
    const accounts = [...(await readRbac('operator')), ...(await readRbac('bridge'))]
      .filter(({ kind }) => kind === 'ServiceAccount')
      .map(({ metadata }) => metadata.name);
    const used = ['turnbridge-operator', 'turnbridge'].map(
      (name) => find('Deployment', name).spec.template.spec.serviceAccountName,
    );
    expect(used).toEqual(accounts);
  });

  test('the Service by which the operator finds the pods of the bridge', () => {
    const { metadata, spec } = find('Service', 'turnbridge-ops');
    const bridgeName = argsOf('turnbridge-operator')
      .find((word) => word.startsWith('--bridge-name='))
      ?.slice('--bridge-name='.length);
    expect(metadata.labels['turnbridge.dev/bridge']).toBe(bridgeName);
    expect(spec.ports.map(({ name }) => name)).toEqual(['ops']);
    expect(spec.selector).toEqual(find('Deployment', 'turnbridge').spec.template.metadata.labels);
  });
});
