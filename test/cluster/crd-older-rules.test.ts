/** A rule of the CRD that came after a route was stored (KEP-4008): what did not change is not judged again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { CRD_NAME } from '../../src/route/crd.ts';
import { until } from '../harness/wait-for.ts';
import { applyType, mergeType } from './api.ts';
import type { Api } from './api.ts';
import { crdFolder } from './crd.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();
let api: Api;
let namespace = '';

type Json = Readonly<Record<string, unknown>>;

const provider = (name: string, fields: Json = {}) => ({
  name,
  url: `https://${name}.example.com/v1`,
  ...fields,
});

/** The CRD in a group of its own, so that no other test sees its older form. */
const group = 'older.turnbridge.dev';
const crdPath = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/responsesroutes.${group}`;

const mistaken = {
  bridgeName: 'before',
  hostnames: ['a.example.com', 'A.example.com'],
  match: { models: ['g*t'] },
  providers: [
    provider('a', { modelMapping: [{ from: 'a', to: 'b-*' }], url: 'https://a.example.com/v1?x=1' }),
    provider('b', { auth: { type: 'None' }, headers: { set: [{ name: 'upgrade', value: 'x' }] } }),
  ],
};

const openRelay = {
  providers: [provider('a', { auth: { type: 'APIKey', secretRef: { name: 'key' } } })],
};

async function install(schema: Json): Promise<void> {
  const text = readFileSync(join(crdFolder, `${CRD_NAME}.yaml`), 'utf8');
  const current = parse(text) as { spec: { versions: readonly [Json]; names: Json } };
  const { shortNames: _short, categories: _categories, ...names } = current.spec.names;
  await api.request({
    method: 'PATCH',
    path: crdPath,
    query: { fieldManager: 'test', force: 'true' },
    contentType: applyType,
    body: {
      ...current,
      metadata: { name: `responsesroutes.${group}` },
      spec: { ...current.spec, group, names, versions: [{ ...current.spec.versions[0], schema }] },
    },
  });
}

function currentSchema(): Json {
  const text = readFileSync(join(crdFolder, `${CRD_NAME}.yaml`), 'utf8');
  return (parse(text) as { spec: { versions: readonly [{ schema: Json }] } }).spec.versions[0].schema;
}

function withoutRules(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRules);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([name]) => name !== 'x-kubernetes-validations' && name !== 'pattern',
  );
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutRules(inner)]));
}

async function create(
  name: string,
  spec: Json,
  query: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { status } = await api.ask({
    method: 'POST',
    path: `/apis/${group}/v1alpha1/namespaces/${namespace}/responsesroutes`,
    query,
    body: { apiVersion: `${group}/v1alpha1`, kind: 'ResponsesRoute', metadata: { name }, spec },
  });
  return status;
}

async function change(name: string, body: Json): Promise<{ status: number; message: string }> {
  const path = `/apis/${group}/v1alpha1/namespaces/${namespace}/responsesroutes/${name}`;
  const answer = await api.ask({ method: 'PATCH', path, contentType: mergeType, body });
  return { status: answer.status, message: (answer.body as { message?: string }).message ?? '' };
}

beforeAll(async () => {
  api = await cluster.adminClient();
  namespace = await cluster.namespace();
  await install(withoutRules(currentSchema()) as Json);
  const isThere = async (name: string, spec: Json) => [201, 409].includes(await create(name, spec));
  await until(() => isThere('old', mistaken), 'the older CRD takes the route', 20_000);
  await until(() => isThere('relay', openRelay), 'and the other one', 20_000);
  await install(currentSchema());
  const isRefused = async () => (await create('new', mistaken, { dryRun: 'All' })) === 422;
  await until(isRefused, 'the rules are in force', 20_000);
});
afterAll(async () => {
  // with its routes; the cluster's own client is closed by now
  await cluster.kubectl(['delete', 'crd', `responsesroutes.${group}`, '--wait=false']);
});

test('a rule that came after a route was stored does not block a change elsewhere', async () => {
  expect(await change('old', { metadata: { labels: { seen: 'yes' } } })).toMatchObject({ status: 200 });
  const spec = { bridgeName: 'after', timeouts: { idleSeconds: 7 } };
  expect(await change('old', { spec })).toMatchObject({ status: 200 });
});

test('it finds the entries of a list again by their names, and judges those that changed', async () => {
  const [first, second] = mistaken.providers;
  const more = { spec: { providers: [provider('c'), second, first] } };
  expect(await change('old', more)).toMatchObject({ status: 200 });
  const worse = {
    spec: { providers: [provider('c'), { ...first, modelMapping: [{ from: 'a', to: 'c-*' }] }, second] },
  };
  expect(await change('old', worse)).toMatchObject({
    status: 422,
    message: expect.stringContaining('the * of c-* stands for what the * of from matched, and from has none'),
  });
});

test('it judges the spec at every change of it where it ties sections together: whose key is spent', async () => {
  expect(await change('relay', { metadata: { labels: { seen: 'yes' } } })).toMatchObject({ status: 200 });
  expect(await change('relay', { spec: { timeouts: { idleSeconds: 7 } } })).toMatchObject({
    status: 422,
    message: expect.stringContaining('provider a holds its own key, so clients must be checked'),
  });
});
