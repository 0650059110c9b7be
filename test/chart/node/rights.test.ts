/** Rights of what the chart makes, as the API server lists them: docs/operator.md and docs/security.md, and nothing more. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../../harness/wait-for.ts';
import { rightsIn, sorted } from '../../cluster/subject-rules.ts';
import type { Release } from '../release.ts';
import { useNode } from '../use-node.ts';

const node = useNode();

const BRIDGE = 'turnbridge-bridge';
const OPERATOR = 'turnbridge-operator';
/** Two installations, or upgrades, on a machine that does much else. */
const slowMs = 240_000;
/** What is waited for takes a second on a quiet machine. */
const patienceMs = 60_000;

const snapshotRules = [
  '/secrets [turnbridge-snapshot] create get patch',
  `/serviceaccounts [${OPERATOR}] get`,
];
/** Of the operator, where it serves routes. */
const routeRules = sorted([
  'turnbridge.dev/responsesroutes list watch',
  'turnbridge.dev/responsesroutes/status patch',
  '/secrets get list watch',
  '/configmaps get list watch',
  'events.k8s.io/events create patch',
]);
/** Of the operator, in its own namespace. */
const releaseRules = sorted([
  ...snapshotRules,
  'coordination.k8s.io/leases create',
  `coordination.k8s.io/leases [${OPERATOR}] get update`,
  'discovery.k8s.io/endpointslices list watch',
]);
/** Of the operator, where both are one namespace. */
const operatorRules = sorted([...routeRules, ...releaseRules]);
/** Of the operator, in a namespace with sidecars. */
const sidecarRules = sorted([...routeRules, ...snapshotRules]);
const demoRules = [
  '/services [turnbridge-demo] get',
  'turnbridge.dev/responsesroutes [demo] create get patch',
];
const bridgeRules = ['/secrets [turnbridge-snapshot] get list watch'];

/** No pod: what is asked is who may do what. */
const noPods = { bridge: { replicas: 0 }, operator: { replicas: 0 } };

/** What an account of a namespace may do in another one, or in its own. */
async function rightsOf(account: string, home: string, there = home): Promise<readonly string[]> {
  const client = await node.cluster.clientOf(await node.cluster.token(home, account));
  return rightsIn(node.cluster, client, there);
}

/**
 * Asks until these are the rights: who decides learns of roles and bindings by watches, a moment after they were written.
 * @returns what was answered last, which is for the caller to judge.
 */
async function rightsSoon(
  rights: readonly string[],
  ask: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  let seen: readonly string[] = [];
  await until(async () => isDeepStrictEqual((seen = await ask()), rights), 'them', patienceMs).catch(
    () => undefined,
  );
  return seen;
}

/**
 * In place of a person: a service account that has one of the cluster's own roles in a namespace, and may use it by now.
 * @returns its name.
 */
async function personWith(role: string, namespace: string): Promise<string> {
  const account = `person-${role}`;
  await node.cluster.token(namespace, account); // makes it
  await node.apply(
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: account },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    },
    namespace,
  );
  const has = async (): Promise<boolean> => (await rightsOf(account, namespace)).length > 0;
  await until(has, `rights by the role ${role}`, patienceMs);
  return account;
}

/** Of routes alone. */
async function rightsOfPerson(
  role: string,
  namespace: string,
  there = namespace,
): Promise<readonly string[]> {
  const rights = await rightsOf(await personWith(role, namespace), namespace, there);
  return rights.filter((line) => line.includes('turnbridge.dev'));
}

async function accountsOf(namespace: string): Promise<readonly string[]> {
  const { items } = await node.get<{ items: { metadata: { name: string } }[] }>([
    'serviceaccounts',
    '-n',
    namespace,
  ]);
  return items.map(({ metadata }) => metadata.name).filter((name) => name !== 'nobody');
}

describe('with the routes of all namespaces, a demo and sidecars', () => {
  let release: Release;
  let home = '';
  let sidecars = '';
  let other = '';
  const values = (demo: boolean): object => ({
    ...noPods,
    demo: { enabled: demo },
    sidecar: { namespaces: [sidecars] },
  });

  beforeAll(async () => {
    [home, sidecars, other] = [await node.namespace(), await node.namespace(), await node.namespace()];
    release = await node.install({ namespace: home, values: values(true), wait: false });
  }, slowMs);

  test('a bridge reads one Secret of its own namespace, and nothing elsewhere', async () => {
    expect(await rightsSoon(bridgeRules, () => rightsOf(BRIDGE, home))).toEqual(bridgeRules);
    expect(await rightsOf(BRIDGE, home, sidecars)).toEqual([]);
    expect(await rightsOf(BRIDGE, home, other)).toEqual([]);
  });

  test('the command of docs/security.md shows it', async () => {
    const text = await readFile(join(import.meta.dirname, '../../../docs/security.md'), 'utf8');
    const words = /^kubectl (auth can-i --list .*)$/m.exec(text)?.[1]?.split(' ') ?? [];
    const here = words.map((word) => word.replace(/(^|:)turnbridge(?=$|:)/g, `$1${home}`));
    expect(here.filter((word) => word.includes(home))).toHaveLength(2);
    const lines = (await node.mustKubectl(here)).split('\n').map((line) => line.split(/\s+/).join(' '));
    expect(lines.filter((line) => /secrets|turnbridge/.test(line))).toEqual([
      'secrets [] [turnbridge-snapshot] [get list watch]',
    ]);
  });

  test('an operator has what docs/operator.md says, in each place', async () => {
    const all = sorted([...operatorRules, ...demoRules]);
    expect(await rightsSoon(all, () => rightsOf(OPERATOR, home))).toEqual(all);
    expect(await rightsSoon(sidecarRules, () => rightsOf(OPERATOR, home, sidecars))).toEqual(sidecarRules);
    expect(await rightsSoon(routeRules, () => rightsOf(OPERATOR, home, other))).toEqual(routeRules);
  });

  test('there are no other accounts: that in a namespace with sidecars may do nothing, and neither may the default one', async () => {
    expect(await accountsOf(home)).toEqual(['default', BRIDGE, OPERATOR]);
    expect(await accountsOf(sidecars)).toEqual(['default', OPERATOR]);
    expect(await accountsOf(other)).toEqual(['default']);
    expect(await rightsOf(OPERATOR, sidecars)).toEqual([]);
    for (const namespace of [home, sidecars]) expect(await rightsOf('default', namespace)).toEqual([]);
  });

  test(
    'people have with routes the rights that they have with all else, and none over the status',
    async () => {
      const reads = ['responsesroutes get list watch', 'responsesroutes/status get'];
      const writes = ['responsesroutes create delete deletecollection patch update'];
      const routes = (lines: readonly string[]): readonly string[] =>
        sorted(lines.map((line) => `turnbridge.dev/${line}`));
      // the controller that aggregates roles needs a moment
      for (const role of ['view', 'edit', 'admin']) {
        await until(
          async () =>
            (await node.mustKubectl(['get', 'clusterrole', role, '-o', 'json'])).includes('turnbridge.dev'),
          `routes in the role ${role}`,
          patienceMs,
        );
      }
      const [viewing, writing] = [routes(reads), routes([...reads, ...writes])];
      expect(await rightsSoon(viewing, () => rightsOfPerson('view', other))).toEqual(viewing);
      expect(await rightsSoon(writing, () => rightsOfPerson('edit', other))).toEqual(writing);
      expect(await rightsSoon(writing, () => rightsOfPerson('admin', other))).toEqual(writing);
      expect(await rightsOfPerson('admin', other, home)).toEqual([]);
    },
    slowMs,
  );

  test('who may write routes by these roles may read the Secrets beside them; who may only view may not', async () => {
    const maySee = async (role: string): Promise<string> => {
      const as = `--as=system:serviceaccount:${other}:${await personWith(role, other)}`;
      const { stdout } = await node.kubectl(['auth', 'can-i', 'get', 'secrets', '-n', other, as]);
      return stdout.trim();
    };
    expect([await maySee('view'), await maySee('edit'), await maySee('admin')]).toEqual(['no', 'yes', 'yes']);
  });

  test(
    'the rights of the demo go with it',
    async () => {
      await release.upgrade(values(false));
      expect(await rightsSoon(operatorRules, () => rightsOf(OPERATOR, home))).toEqual(operatorRules);
    },
    slowMs,
  );
});

describe('with the routes of some namespaces', () => {
  test(
    'an operator has no right in others, and nothing counts in the whole cluster',
    async () => {
      const [home, team, sidecars, other] = [
        await node.namespace(),
        await node.namespace(),
        await node.namespace(),
        await node.namespace(),
      ];
      const values = {
        ...noPods,
        operator: { replicas: 0, watchNamespaces: [team] },
        sidecar: { namespaces: [sidecars] },
      };
      await node.install({ namespace: home, values, wait: false });
      expect(await rightsSoon(releaseRules, () => rightsOf(OPERATOR, home))).toEqual(releaseRules);
      expect(await rightsSoon(routeRules, () => rightsOf(OPERATOR, home, team))).toEqual(routeRules);
      expect(await rightsSoon(sidecarRules, () => rightsOf(OPERATOR, home, sidecars))).toEqual(sidecarRules);
      expect(await rightsOf(OPERATOR, home, other)).toEqual([]);
      expect(await rightsSoon(bridgeRules, () => rightsOf(BRIDGE, home))).toEqual(bridgeRules);
      expect(await rightsOf(BRIDGE, home, team)).toEqual([]);
      const roles = await node.mustKubectl(['get', 'clusterroles,clusterrolebindings', '-o', 'name']);
      expect(roles.split('\n').filter((name) => name.includes(home))).toEqual([]);
    },
    slowMs,
  );
});

describe('nobody has a right', () => {
  test(
    'where somebody else makes the roles',
    async () => {
      const [home, sidecars] = [await node.namespace(), await node.namespace()];
      const values = {
        ...noPods,
        rbac: { create: false },
        demo: { enabled: true },
        sidecar: { namespaces: [sidecars] },
      };
      await node.install({ namespace: home, values, wait: false });
      for (const namespace of [home, sidecars]) {
        expect(await rightsOf(OPERATOR, home, namespace)).toEqual([]);
        expect(await rightsOf(BRIDGE, home, namespace)).toEqual([]);
      }
    },
    slowMs,
  );

  test(
    'of the bridges, where these only mount their snapshot',
    async () => {
      const home = await node.namespace();
      const values = { ...noPods, bridge: { replicas: 0, watchSnapshot: false } };
      await node.install({ namespace: home, values, wait: false });
      // first: then all that the installation brought is known
      expect(await rightsSoon(operatorRules, () => rightsOf(OPERATOR, home))).toEqual(operatorRules);
      expect(await rightsOf(BRIDGE, home)).toEqual([]);
    },
    slowMs,
  );
});
