/** Sidecars: the policy that injects them, what the operator may do for them, and what a person is told. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { find, render, renderFailure, renderNotes, type KubeObject, type Values } from '../render.ts';

const served = 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy';
const servedAsBeta = 'admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy';
const policyName = 'MutatingAdmissionPolicy/turnbridge-sidecar-turnbridge';
const teams: Values = { sidecar: { namespaces: ['team-b', 'team-a'] } };
const injected: Values = { sidecar: { namespaces: ['team-b', 'team-a'], injection: { enabled: true } } };

interface PolicySpec {
  readonly matchConstraints: {
    readonly namespaceSelector: object;
    readonly resourceRules: readonly object[];
  };
  readonly mutations: readonly { readonly jsonPatch: { readonly expression: string } }[];
}

async function policySpec(values: Values = injected): Promise<PolicySpec> {
  const policy = find(await render(values, { apiVersions: [served] }), policyName);
  if (policy === undefined) throw new Error('there is no policy');
  return policy['spec'] as PolicySpec;
}

/** What notes and docs print, as the fields of a pod's spec. */
async function snippet(values: Values = teams): Promise<{ readonly initContainers: readonly object[] }> {
  const notes = await renderNotes(values);
  const text = /^initContainers:\n(?: .*\n|volumes:\n)+/m.exec(notes)?.[0];
  if (text === undefined) throw new Error(`no snippet in ${notes}`);
  return parse(text);
}

const ofPolicy = ({ kind }: KubeObject): boolean => kind.startsWith('MutatingAdmission');

describe('the policy', () => {
  test('is there where it is asked for and served, in the newest version that is', async () => {
    expect((await render(teams, { apiVersions: [served] })).filter(ofPolicy)).toEqual([]);
    expect((await render(injected)).filter(ofPolicy)).toEqual([]);
    const versions = async (apiVersions: readonly string[]): Promise<string[]> =>
      (await render(injected, { apiVersions })).filter(ofPolicy).map(({ apiVersion }) => apiVersion);
    expect(await versions([servedAsBeta])).toEqual(Array(2).fill('admissionregistration.k8s.io/v1beta1'));
    expect(await versions([servedAsBeta, served])).toEqual(Array(2).fill('admissionregistration.k8s.io/v1'));
  });

  test('looks at new pods of those namespaces with the label, and at nothing else', async () => {
    const { namespaceSelector, resourceRules } = (await policySpec()).matchConstraints;
    expect(namespaceSelector).toEqual({
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['team-a', 'team-b'] },
      ],
    });
    expect(resourceRules).toEqual([
      { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
    ]);
  });

  test('is bound to pods with the label, and to those of namespaces with it that do not say otherwise', async () => {
    const bindings = async (values: Values): Promise<unknown[]> =>
      (await render(values, { apiVersions: [served] }))
        .filter(({ kind }) => kind === 'MutatingAdmissionPolicyBinding')
        .map(({ spec }) => (spec as { matchResources: unknown }).matchResources);
    const label = 'sidecar.turnbridge.dev/inject';
    const ofPods = { objectSelector: { matchLabels: { [label]: 'true' } } };
    expect(await bindings(injected)).toEqual([ofPods]);
    const byNamespaceLabel: Values = {
      sidecar: { namespaces: ['team-a'], injection: { enabled: true, byNamespaceLabel: true } },
    };
    expect(await bindings(byNamespaceLabel)).toEqual([
      ofPods,
      {
        namespaceSelector: { matchLabels: { [label]: 'true' } },
        objectSelector: { matchExpressions: [{ key: label, operator: 'NotIn', values: ['true', 'false'] }] },
      },
    ]);
  });

  test('writes exactly the container that the notes print', async () => {
    const { expression } = (await policySpec()).mutations[0]!.jsonPatch;
    const patch = /initContainers\/0", value: (\{[\s\S]*?\n\s*\})\}\]/.exec(expression)?.[1] ?? '';
    // without dyn() a literal of CEL is JSON
    const container: unknown = JSON.parse(patch.replaceAll('dyn(', '').replaceAll(/\)(?=[,\]}\s])/g, ''));
    expect(container).toEqual((await snippet()).initContainers[0]);
  });
});

describe('the container', () => {
  test('is a native sidecar that Pod Security restricted takes, without a token and without preStop', async () => {
    const [container] = (await snippet()).initContainers;
    expect(container).toMatchObject({
      restartPolicy: 'Always',
      startupProbe: { httpGet: { path: '/readyz', port: 'turnbridge-ops' } },
      securityContext: {
        runAsNonRoot: true,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
      volumeMounts: [
        { mountPath: '/turnbridge/snapshot', readOnly: true },
        { mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
      ],
    });
    expect(container).not.toHaveProperty('lifecycle');
    expect(container).not.toHaveProperty('readinessProbe');
    expect((container as { args: string[] }).args).toContain('--listen=127.0.0.1:8787');
  });

  test('has no uid of ours on OpenShift, which chooses one', async () => {
    const [container] = (await snippet({ ...teams, compatibility: { openshift: 'Enabled' } })).initContainers;
    expect(container).not.toHaveProperty('securityContext.runAsUser');
  });

  test('is in docs/sidecar.md as the default values make it', async () => {
    const page = await readFile(join(import.meta.dirname, '../../../docs/sidecar.md'), 'utf8');
    const block = /<!-- snippet -->\n\n```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    expect(parse(block)).toEqual(await snippet());
  });
});

test('the operator may write one Secret in each namespace, and the account that owns it is there', async () => {
  const objects = await render(teams);
  for (const namespace of ['team-a', 'team-b']) {
    expect(find(objects, `ServiceAccount/turnbridge-operator@${namespace}`)).toMatchObject({
      automountServiceAccountToken: false,
    });
    const role = find(objects, `Role/turnbridge-operator-sidecars-turnbridge@${namespace}`);
    expect(role).toMatchObject({
      rules: [
        { resources: ['secrets'], resourceNames: ['turnbridge-snapshot'], verbs: ['get', 'create', 'patch'] },
        { resources: ['serviceaccounts'], resourceNames: ['turnbridge-operator'], verbs: ['get'] },
      ],
    });
    const binding = find(objects, `RoleBinding/turnbridge-operator-sidecars-turnbridge@${namespace}`);
    expect(binding).toMatchObject({
      subjects: [{ kind: 'ServiceAccount', name: 'turnbridge-operator', namespace: 'turnbridge' }],
    });
  }
});

test('notes say how a pod gets its sidecar; they print it where the cluster cannot inject', async () => {
  expect(await renderNotes({})).not.toContain('SIDECARS');
  expect(await renderNotes(teams)).toMatch(/Routes of team-b, team-a with `bridgeName: sidecar`/);
  expect(await renderNotes(injected)).toMatch(/no MutatingAdmissionPolicy[\s\S]*\ninitContainers:\n/);
});

test.each<[string, Values, RegExp]>([
  [
    'injection without namespaces',
    { sidecar: { injection: { enabled: true } } },
    /sidecar\.namespaces is empty: write/,
  ],
  [
    'the namespace of the release',
    { sidecar: { namespaces: ['turnbridge'] } },
    /names turnbridge, the namespace of this release/,
  ],
  [
    'kube-system',
    { sidecar: { namespaces: ['kube-system'] } },
    /names kube-system: .*Name namespaces of applications/,
  ],
  [
    'namespaces without an operator',
    { ...teams, operator: { enabled: false }, bridge: { snapshotSecret: 'x' } },
    /operator\.enabled is false, so nobody writes/,
  ],
  ['one port twice', { sidecar: { port: 9464 } }, /sidecar\.port and sidecar\.opsPort are both 9464/],
  [
    'one name for both bridges',
    { ...teams, bridge: { bridgeName: 'sidecar' } },
    /sidecar\.bridgeName and bridge\.bridgeName are both sidecar/,
  ],
])('%s is refused, with what to write instead', async (_, values, sentence) => {
  expect(await renderFailure(values)).toMatch(sentence);
});
