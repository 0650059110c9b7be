/** Who may do what, judged by a real API server with the very files that users apply. */
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../harness/wait-for.ts';
import { applyType, type Api } from './api.ts';
import { applyRbac, readRbac, type RbacFile } from './rbac-manifests.ts';
import { rightsIn, sorted, toLines } from './subject-rules.ts';
import { useCluster } from './use-cluster.ts';

const cluster = useCluster();

const snapshot = 'turnbridge-snapshot';
/** Some milliseconds; more, for an API server that is busy. */
const KNOWN_MS = 5_000;

/** Of the operator, wherever it serves routes. */
const routeRules = [
  'turnbridge.dev/responsesroutes list watch',
  'turnbridge.dev/responsesroutes/status patch',
  '/secrets get list watch',
  '/configmaps get list watch',
  'events.k8s.io/events create patch',
];
/** Of the operator, in the namespace of its snapshot Secret. */
const releaseRules = [
  `/secrets [${snapshot}] create get patch`,
  'coordination.k8s.io/leases create',
  'coordination.k8s.io/leases [turnbridge-operator] get update',
  'discovery.k8s.io/endpointslices list watch',
  '/serviceaccounts [turnbridge-operator] get',
];
/** Of the operator, where it makes the demo route. */
const demoRules = [
  '/services [turnbridge-demo] get',
  'turnbridge.dev/responsesroutes [demo] create get patch',
];
const bridgeRules = [`/secrets [${snapshot}] get list watch`];

describe('a bridge', () => {
  let namespace = '';
  let bridge: Api;
  let admin: Api;
  const secret = (name: string, of = namespace): string => `/api/v1/namespaces/${of}/secrets/${name}`;
  const secrets = (of = namespace): string => `/api/v1/namespaces/${of}/secrets`;

  beforeAll(async () => {
    namespace = await cluster.namespace();
    admin = await cluster.adminClient();
    await applyRbac(cluster, 'bridge', { turnbridge: namespace });
    bridge = await cluster.clientOf(await cluster.token(namespace, 'turnbridge-bridge'));
    await rulesOf(bridge, namespace, bridgeRules);
    for (const name of [snapshot, 'another']) await makeSecret(admin, namespace, name);
  });

  test('may do what its Role says, in its own namespace, and no more than anybody elsewhere', async () => {
    const other = await cluster.namespace();
    expect(await rulesOf(bridge, namespace, bridgeRules)).toEqual(sorted(bridgeRules));
    expect(await rulesOf(bridge, other)).toEqual([]);
  });

  test('reads its snapshot, lists it by name and hears when it changes', async () => {
    const query = { fieldSelector: `metadata.name=${snapshot}` };
    expect((await bridge.ask({ path: secret(snapshot) })).status).toBe(200);
    const list = await bridge.request<{ items: object[]; metadata: { resourceVersion: string } }>({
      path: secrets(),
      query,
    });
    expect(list.items).toHaveLength(1);
    const { resourceVersion } = list.metadata;
    const ended = new AbortController();
    const events = bridge.watch(secrets(), { ...query, resourceVersion }, { signal: ended.signal });
    const first = events.next();
    const body = { metadata: { labels: { changed: 'yes' } } };
    const contentType = 'application/merge-patch+json';
    await admin.request({ method: 'PATCH', path: secret('another'), body, contentType });
    await admin.request({ method: 'PATCH', path: secret(snapshot), body, contentType });
    expect((await first).value).toMatchObject({ type: 'MODIFIED', object: { metadata: { name: snapshot } } });
    ended.abort();
  });

  test('reads no other Secret, by no way of asking', async () => {
    const other = await cluster.namespace();
    await makeSecret(admin, other, snapshot);
    const asked = [
      { path: secret('another') },
      { path: secret(snapshot, other) },
      { path: secrets() },
      { path: secrets(other), query: { fieldSelector: `metadata.name=${snapshot}` } },
      { path: secrets(), query: { fieldSelector: 'metadata.name=another' } },
      { path: secrets(), query: { fieldSelector: `metadata.name!=${snapshot}` } },
      { path: secrets(), query: { watch: 'true' } },
      { path: secrets(), query: { watch: 'true', fieldSelector: 'metadata.name=another' } },
      { path: '/api/v1/secrets' },
      { path: '/api/v1/secrets', query: { fieldSelector: `metadata.name=${snapshot}` } },
    ];
    expect(await statusesOf(bridge, asked)).toEqual(asked.map(() => 403));
  });

  test('writes nothing, not even its snapshot', async () => {
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: snapshot } };
    const asked = [
      { method: 'PUT', path: secret(snapshot), body },
      { method: 'PATCH', path: secret(snapshot), body, contentType: applyType, query: { fieldManager: 'x' } },
      { method: 'DELETE', path: secret(snapshot) },
      { method: 'POST', path: secrets(), body: { metadata: { name: 'new' } } },
      { method: 'DELETE', path: secrets(), query: { fieldSelector: `metadata.name=${snapshot}` } },
    ] as const;
    expect(await statusesOf(bridge, asked)).toEqual(asked.map(() => 403));
  });

  test('lists nothing of all that the API server has', async () => {
    const lists = await listPaths(admin, namespace);
    expect(lists.length).toBeGreaterThan(80); // each kind in its namespace and across all
    const allowed: string[] = [];
    for (const path of lists) {
      if ((await bridge.ask({ path, query: { limit: '1' } })).status !== 403) allowed.push(path);
    }
    expect(allowed).toEqual([]);
  });
});

describe('an operator of all namespaces', () => {
  let release = '';
  let team = '';
  let operator: Api;
  let admin: Api;

  beforeAll(async () => {
    release = await cluster.namespace();
    team = await cluster.namespace();
    admin = await cluster.adminClient();
    await applyRbac(cluster, 'operator', { turnbridge: release });
    operator = await cluster.clientOf(await cluster.token(release, 'turnbridge-operator'));
    await rulesOf(operator, release, [...routeRules, ...releaseRules]);
  });

  test('may do what its two roles say, and nothing else', async () => {
    const rules = [...routeRules, ...releaseRules];
    expect(await rulesOf(operator, release, rules)).toEqual(sorted(rules));
    expect(await rulesOf(operator, team, routeRules)).toEqual(sorted(routeRules));
  });

  test('lists routes, Secrets and ConfigMaps of every namespace, and events may be made there', async () => {
    const group = '/apis/turnbridge.dev/v1alpha1';
    const asked = [
      { path: `${group}/responsesroutes`, query: { fieldSelector: 'spec.bridgeName=default' } },
      { path: `${group}/namespaces/${team}/responsesroutes` },
      { path: `/api/v1/namespaces/${team}/secrets` },
      { path: `/api/v1/namespaces/${team}/configmaps` },
    ];
    expect(await statusesOf(operator, asked)).toEqual(asked.map(() => 200));
    expect(await makeEvent(operator, team)).toBe(201);
  });

  test('writes the status of a route, and cannot touch the route', async () => {
    const path = `/apis/turnbridge.dev/v1alpha1/namespaces/${team}/responsesroutes/one`;
    await admin.request({
      method: 'PATCH',
      path,
      query: { fieldManager: 'test' },
      body: route,
      contentType: applyType,
    });
    const { spec: _, ...identity } = route;
    const body = { ...identity, status: { observedGeneration: 1 } };
    const query = { fieldManager: 'turnbridge-operator-status', force: 'true' };
    const apply = { method: 'PATCH', query, contentType: applyType } as const;
    expect((await operator.ask({ ...apply, path: `${path}/status`, body })).status).toBe(200);
    const asked = [
      { ...apply, path, body: route },
      { method: 'PUT', path, body: route },
      { method: 'DELETE', path },
    ] as const;
    expect(await statusesOf(operator, asked)).toEqual([403, 403, 403]);
  });

  test('makes its snapshot by server-side apply and applies it again, and no other Secret', async () => {
    expect(await applySecret(operator, release, snapshot)).toBe(201);
    expect(await applySecret(operator, release, snapshot)).toBe(200);
    expect(await applySecret(operator, release, 'another')).toBe(403);
    expect(await applySecret(operator, team, snapshot)).toBe(403);
    const path = `/api/v1/namespaces/${release}/secrets/${snapshot}`;
    expect((await operator.ask({ method: 'DELETE', path })).status).toBe(403);
  });

  test('holds its Lease, and no other', async () => {
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${release}/leases`;
    const make = (name: string) =>
      operator.ask({ method: 'POST', path: leases, body: { metadata: { name } } });
    expect((await make('turnbridge-operator')).status).toBe(201);
    const path = `${leases}/turnbridge-operator`;
    const { body } = await operator.ask({ path });
    expect((await operator.ask({ method: 'PUT', path, body })).status).toBe(200);
    await admin.request({ method: 'POST', path: leases, body: { metadata: { name: 'foreign' } } });
    const asked = [
      { path: `${leases}/foreign` },
      { method: 'PUT', path: `${leases}/foreign`, body: { metadata: { name: 'foreign' } } },
      { path: leases },
      { method: 'DELETE', path },
    ] as const;
    expect(await statusesOf(operator, asked)).toEqual([403, 403, 403, 403]);
  });

  test('finds the bridge’s pods through EndpointSlices of its own namespace only', async () => {
    const slices = (of: string): string => `/apis/discovery.k8s.io/v1/namespaces/${of}/endpointslices`;
    const query = { labelSelector: 'turnbridge.dev/bridge=default' };
    const asked = [{ path: slices(release), query }, { path: slices(team), query }, { path: '/api/v1/pods' }];
    expect(await statusesOf(operator, asked)).toEqual([200, 403, 403]);
  });
});

describe('an operator of some namespaces', () => {
  test('has no right in the others, and none across all', async () => {
    const [release, team, stranger] = [
      await cluster.namespace(),
      await cluster.namespace(),
      await cluster.namespace(),
    ];
    await applyRbac(cluster, 'operator-namespaced', { turnbridge: release, teamA: team });
    const operator = await cluster.clientOf(await cluster.token(release, 'turnbridge-operator'));
    expect(await rulesOf(operator, release, releaseRules)).toEqual(sorted(releaseRules));
    expect(await rulesOf(operator, team, routeRules)).toEqual(sorted(routeRules));
    expect(await rulesOf(operator, stranger)).toEqual([]);
    const group = '/apis/turnbridge.dev/v1alpha1';
    const asked = [
      { path: `${group}/namespaces/${team}/responsesroutes` },
      { path: `/api/v1/namespaces/${team}/secrets` },
      { path: `${group}/responsesroutes` },
      { path: '/api/v1/secrets' },
      { path: `${group}/namespaces/${stranger}/responsesroutes` },
    ];
    expect(await statusesOf(operator, asked)).toEqual([200, 200, 403, 403, 403]);
    expect(await makeEvent(operator, team)).toBe(201);
    expect(await applySecret(operator, release, snapshot)).toBe(201);
  });

  test('with sidecars also writes the snapshot of their namespace, and no other Secret there', async () => {
    const [release, team] = [await cluster.namespace(), await cluster.namespace()];
    await applyRbac(cluster, 'operator-namespaced', { turnbridge: release, teamA: team });
    await applyRbac(cluster, 'operator-sidecars', { turnbridge: release, teamA: team });
    const operator = await cluster.clientOf(await cluster.token(release, 'turnbridge-operator'));
    const sidecarRules = releaseRules.filter((rule) => /^\/(secrets|serviceaccounts)/.test(rule));
    const rules = [...routeRules, ...sidecarRules];
    expect(await rulesOf(operator, team, rules)).toEqual(sorted(rules));
    expect(await applySecret(operator, team, snapshot)).toBe(201);
    expect(await applySecret(operator, team, 'another')).toBe(403);
  });

  test('with the demo makes that one route, and no other', async () => {
    const release = await cluster.namespace();
    await applyRbac(cluster, 'operator-namespaced', { turnbridge: release });
    await applyRbac(cluster, 'operator-demo', { turnbridge: release });
    const operator = await cluster.clientOf(await cluster.token(release, 'turnbridge-operator'));
    const rules = [...routeRules, ...releaseRules, ...demoRules];
    expect(await rulesOf(operator, release, rules)).toEqual(sorted(rules));
    const path = `/apis/turnbridge.dev/v1alpha1/namespaces/${release}/responsesroutes`;
    const make = { method: 'PATCH', query: { fieldManager: 'x' }, contentType: applyType } as const;
    const named = (name: string) => ({ ...route, metadata: { name } });
    const asked = [
      { ...make, path: `${path}/demo`, body: named('demo') },
      { ...make, path: `${path}/one`, body: named('one') },
      { method: 'POST', path, body: named('two') },
      { method: 'DELETE', path: `${path}/demo` },
      { path: `/api/v1/namespaces/${release}/services` },
    ] as const;
    expect(await statusesOf(operator, asked)).toEqual([201, 403, 403, 403, 403]);
  });

  test('has the same rules as one of all namespaces, in other places', async () => {
    const rulesIn = async (file: RbacFile): Promise<readonly string[]> =>
      sorted((await readRbac(file)).flatMap(({ rules = [] }) => rules.flatMap(toLines)));
    const wide = await rulesIn('operator');
    expect(await rulesIn('operator-namespaced')).toEqual(wide);
    expect(wide).toEqual(sorted([...routeRules, ...releaseRules]));
    const kinds = (await readRbac('operator-namespaced')).map(({ kind }) => kind);
    expect(kinds).not.toContain('ClusterRole');
    expect(kinds).not.toContain('ClusterRoleBinding');
  });
});

describe('people', () => {
  const routes = (namespace: string): string =>
    `/apis/turnbridge.dev/v1alpha1/namespaces/${namespace}/responsesroutes`;
  let namespace = '';

  beforeAll(async () => {
    namespace = await cluster.namespace();
    await applyRbac(cluster, 'users', { turnbridge: namespace });
    // the controller that aggregates roles needs a moment
    const admin = await cluster.adminClient();
    for (const name of ['view', 'edit', 'admin']) {
      const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`;
      await until(
        async () => JSON.stringify(await admin.request({ path })).includes('turnbridge.dev'),
        `routes in the role ${name}`,
        30_000,
      );
    }
  });

  /** What somebody with a role in the namespace is answered: list, create, patch, delete, status; elsewhere. */
  async function answersTo(role: 'view' | 'edit' | 'admin'): Promise<readonly number[]> {
    const admin = await cluster.adminClient();
    const account = `person-${role}`;
    await bind(admin, namespace, role, account);
    const person = await cluster.clientOf(await cluster.token(namespace, account));
    const isKnown = async () => (await person.ask({ path: routes(namespace) })).status !== 403;
    await until(isKnown, `the role ${role} to count`, KNOWN_MS);
    const path = `${routes(namespace)}/${role}`;
    const named = { ...route, metadata: { name: role } };
    const query = { fieldManager: 'person' };
    const { spec: _, ...identity } = named;
    return statusesOf(person, [
      { path: routes(namespace) },
      { method: 'PATCH', path, query, body: named, contentType: applyType },
      {
        method: 'PATCH',
        path: `${path}/status`,
        query,
        body: { ...identity, status: {} },
        contentType: applyType,
      },
      { method: 'DELETE', path },
      { path: routes('default') },
    ]);
  }

  test('who may view a namespace may view its routes, and not change them', async () => {
    expect(await answersTo('view')).toEqual([200, 403, 403, 403, 403]);
  });

  test('who may edit or administer a namespace may change its routes, but not their status', async () => {
    expect(await answersTo('edit')).toEqual([200, 201, 403, 200, 403]);
    expect(await answersTo('admin')).toEqual([200, 201, 403, 200, 403]);
  });
});

const route = {
  apiVersion: 'turnbridge.dev/v1alpha1',
  kind: 'ResponsesRoute',
  metadata: { name: 'one' },
  spec: {
    clients: { auth: { type: 'None' } },
    providers: [{ name: 'a', url: 'https://provider.test/v1', auth: { type: 'None' } }],
  },
};

/**
 * What a client may do in a namespace beyond what everybody may: as soon as it is what was granted, or at last whatever it
 * is. The API server judges by what it has read of roles and bindings, a moment after they were written.
 */
async function rulesOf(
  client: Api,
  namespace: string,
  granted: readonly string[] = [],
): Promise<readonly string[]> {
  const expected = sorted(granted);
  const deadline = performance.now() + KNOWN_MS;
  for (;;) {
    const rules = await rightsIn(cluster, client, namespace);
    if (isDeepStrictEqual(rules, expected) || performance.now() > deadline) return rules;
  }
}

async function statusesOf(
  client: Api,
  requests: readonly Parameters<Api['ask']>[0][],
): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (const request of requests) statuses.push((await client.ask(request)).status);
  return statuses;
}

async function makeSecret(admin: Api, namespace: string, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  await admin.request({ method: 'POST', path, body: { metadata: { name } } });
}

/** The status of a server-side apply, as the operator does it. */
async function applySecret(client: Api, namespace: string, name: string): Promise<number> {
  const answer = await client.ask({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/secrets/${name}`,
    query: { fieldManager: 'turnbridge-operator', force: 'true' },
    contentType: applyType,
    body: { apiVersion: 'v1', kind: 'Secret', type: 'turnbridge.dev/snapshot', metadata: { name } },
  });
  return answer.status;
}

async function makeEvent(client: Api, namespace: string): Promise<number> {
  const answer = await client.ask({
    method: 'POST',
    path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
    body: {
      metadata: { generateName: 'one-', namespace },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'turnbridge.dev/operator',
      reportingInstance: 'test',
      action: 'Accept',
      reason: 'Accepted',
      type: 'Normal',
      regarding: { apiVersion: route.apiVersion, kind: route.kind, namespace, name: 'one' },
    },
  });

  return answer.status;
}

/** Gives a service account, in place of a person, one of the cluster's own roles in a namespace. */
async function bind(admin: Api, namespace: string, role: string, account: string): Promise<void> {
  await admin.request({
    method: 'POST',
    path: `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`,
    body: {
      metadata: { name: account },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    },
  });
}

/** Where each kind of the API server is listed: across all namespaces, and in this one. */
async function listPaths(admin: Api, namespace: string): Promise<readonly string[]> {
  const { groups } = await admin.request<{ groups: { preferredVersion: { groupVersion: string } }[] }>({
    path: '/apis',
  });
  const versions = ['/api/v1', ...groups.map((group) => `/apis/${group.preferredVersion.groupVersion}`)];
  const paths: string[] = [];
  for (const version of versions) {
    const { resources } = await admin.request<{
      resources: { name: string; namespaced: boolean; verbs: string[] }[];
    }>({ path: version });
    for (const { name, namespaced, verbs } of resources) {
      if (!verbs.includes('list') || name.includes('/')) continue;
      paths.push(`${version}/${name}`);
      if (namespaced) paths.push(`${version}/namespaces/${namespace}/${name}`);
    }
  }
  return paths;
}
