/** The demo of the chart: a provider that answers by a script, and what the operator needs to make its route. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { builtInScripts } from '../../../src/scripted/scripts.ts';
import { render, renderFailure } from '../render.ts';

/** Reading it takes most of the time. */
const crds = { enabled: false };

interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
}

interface Deployment {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly nodeSelector?: object;
        readonly tolerations?: readonly object[];
        readonly containers: readonly [Container];
      };
    };
  };
}

interface Service {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: Readonly<Record<string, string>>;
    readonly ports: readonly [{ readonly port: number; readonly targetPort: string }];
  };
}

interface Role {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly rules: readonly { readonly resources: readonly string[]; readonly [field: string]: unknown }[];
}

interface Demo {
  readonly deployment: Deployment;
  readonly service: Service;
  readonly operator: readonly string[];
  readonly roles: readonly Role[];
}

async function demoOf(values: object = {}): Promise<Demo> {
  const objects = await render(
    { crds, demo: { enabled: true }, ...values },
    { release: 'codex', namespace: 'ai' },
  );
  const named = (kind: string, name: string): unknown => {
    const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
    if (found === undefined) throw new Error(`no ${kind} ${name} was rendered`);
    return found;
  };
  const operator = named('Deployment', 'codex-turnbridge-operator') as Deployment;
  return {
    deployment: named('Deployment', 'codex-turnbridge-demo') as Deployment,
    service: named('Service', 'codex-turnbridge-demo') as Service,
    operator: operator.spec.template.spec.containers[0].args,
    roles: objects.filter(({ kind }) => kind === 'Role') as unknown as Role[],
  };
}

test('the Service leads to the port on which the provider listens', async () => {
  const { deployment, service } = await demoOf();
  const { metadata, spec } = deployment.spec.template;
  const [{ args, ports }] = spec.containers;
  expect(metadata.labels).toMatchObject(service.spec.selector);
  expect(service.spec.ports).toMatchObject([{ targetPort: ports[0]?.name, port: ports[0]?.containerPort }]);
  expect(args).toEqual(['provider', `--listen=0.0.0.0:${String(ports[0]?.containerPort)}`, '--script=hello']);
});

test('the operator is told which Service to make a route to, and may do that and no more', async () => {
  const { operator, roles, service } = await demoOf();
  expect(operator).toContain(`--demo-provider=${service.metadata.name}`);
  const rules = roles.filter(({ metadata }) => metadata.namespace === 'ai').flatMap((role) => role.rules);
  expect(rules).toContainEqual({
    apiGroups: ['turnbridge.dev'],
    resources: ['responsesroutes'],
    resourceNames: ['demo'],
    verbs: ['get', 'create', 'patch'],
  });
  expect(rules).toContainEqual({
    apiGroups: [''],
    resources: ['services'],
    resourceNames: [service.metadata.name],
    verbs: ['get'],
  });
});

test('without the demo there is no provider, no flag and no right for it', async () => {
  const objects = await render({ crds }, { release: 'codex' });
  expect(objects.filter(({ metadata }) => metadata.name.includes('demo'))).toEqual([]);
  expect(JSON.stringify(objects)).not.toContain('demo');
});

test('a name that is too long gives way, but never its end', async () => {
  const objects = await render({ crds, demo: { enabled: true } }, { release: 'r'.repeat(53) });
  const names = objects.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
  const [demo = ''] = names.filter((name) => name.endsWith('-demo'));
  expect(demo.length).toBe(63);
});

test('the provider runs where bridges run: it is their image', async () => {
  const where = { nodeSelector: { disk: 'ssd' }, tolerations: [{ operator: 'Exists' }] };
  const { deployment } = await demoOf({ bridge: where });
  expect(deployment.spec.template.spec).toMatchObject(where);
});

test('a chart upgrade that changes nothing of the provider does not replace it', async () => {
  const { deployment } = await demoOf();
  const labels = Object.keys(deployment.spec.template.metadata.labels);
  expect(labels).not.toContain('helm.sh/chart');
  expect(labels).not.toContain('app.kubernetes.io/version');
});

test('with network policies, bridges reach the provider and it reaches nobody', async () => {
  const objects = await render(
    { crds, demo: { enabled: true }, networkPolicy: { enabled: true } },
    { release: 'codex' },
  );
  const policy = objects.find(
    ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'codex-turnbridge-demo',
  );
  expect(policy).toMatchObject({
    spec: {
      podSelector: { matchLabels: { 'app.kubernetes.io/component': 'demo' } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/component': 'bridge' } } }],
          ports: [{ port: 8788 }],
        },
      ],
    },
  });
  expect(policy).not.toHaveProperty('spec.egress');
});

describe('what cannot work is refused:', () => {
  test('a demo without an operator, which makes its route', async () => {
    const sentence = await renderFailure({
      demo: { enabled: true },
      operator: { enabled: false },
      bridge: { snapshotSecret: 'other-snapshot' },
    });
    expect(sentence).toMatch(/demo\.enabled: .*operator\.enabled is false\. Turn the operator on/);
  });

  test('a demo in a namespace whose routes the operator does not read', async () => {
    const values = { demo: { enabled: true }, operator: { watchNamespaces: ['other'] } };
    expect(await renderFailure(values)).toMatch(/operator\.watchNamespaces does not have it\. Add \S+ there/);
  });

  test('a script that is not built in, by the schema', async () => {
    const sentence = await renderFailure({ demo: { enabled: true, script: 'hallo' } });
    expect(sentence).toContain('script');
  });
});

test('the schema knows the built-in scripts, and no others', () => {
  const path = join(import.meta.dirname, '../../../charts/turnbridge/values.schema.json');
  const schema = JSON.parse(readFileSync(path, 'utf8')) as {
    properties: { demo: { properties: { script: { enum: string[] } } } };
  };
  expect(schema.properties.demo.properties.script.enum.toSorted()).toEqual(
    [...builtInScripts.keys()].toSorted(),
  );
});
