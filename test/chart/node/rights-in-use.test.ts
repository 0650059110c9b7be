/** An operator at work with the rights that the chart gives it: the API server refuses it nothing. */
import { describe, expect, test } from '@jest/globals';
import { until } from '../../harness/wait-for.ts';
import type { Release } from '../release.ts';
import { useNode, type Pod } from '../use-node.ts';

const node = useNode();

const OPERATORS = 'app.kubernetes.io/component=operator';
const BRIDGES = 'app.kubernetes.io/component=bridge';
const OPERATOR_OPS_PORT = 9465;
/** What is waited for takes a second or two on a quiet machine. */
const patienceMs = 90_000;
const slowMs = 400_000;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly observedGeneration: number;
}

interface Route {
  readonly metadata: { readonly generation: number };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

function route(name: string, spec: object): object {
  return {
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    metadata: { name },
    spec: {
      clients: { auth: { type: 'None' } },
      providers: [{ name: 'a', url: 'https://provider.test/v1', auth: { type: 'None' } }],
      ...spec,
    },
  };
}

/** Waits until the route's condition is so, of its newest generation. */
function condition(namespace: string, name: string, type: string, status: string): Promise<unknown> {
  return until(
    async () => {
      const words = ['get', 'responsesroute', name, '-n', namespace, '-o', 'json'];
      const { code, stdout } = await node.kubectl(words);
      if (code !== 0) return false;
      const found = JSON.parse(stdout) as Route;
      return found.status?.conditions?.some(
        (each) =>
          each.type === type &&
          each.status === status &&
          each.observedGeneration === found.metadata.generation,
      );
    },
    `${type}=${status} of ${namespace}/${name}`,
    patienceMs,
  );
}

/** How a log tells that the API server refused something: `GET /api/v1/secrets: 403 Forbidden …`. */
const refusal = /forbidden|unauthorized|: 40[13]\b/i;

interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly msg: string;
}

/** Lines of the product, without what is no line of it. */
function linesOf(text: string): readonly LogLine[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

/** Requests of an operator to the API server so far, by status. */
async function answersTo(pod: Pod): Promise<ReadonlyMap<string, number>> {
  const url = `http://${pod.status.podIP ?? ''}:${String(OPERATOR_OPS_PORT)}/metrics`;
  const text = await (await fetch(url)).text();
  const counts = new Map<string, number>();
  for (const [, code = '', count] of text.matchAll(
    /^rest_client_requests_total\{[^}]*code="([^"]*)"[^}]*\} (\d+)$/gm,
  )) {
    counts.set(code, (counts.get(code) ?? 0) + Number(count));
  }
  return counts;
}

async function leaderOf(namespace: string): Promise<string> {
  const lease = await node.get<{ spec: { holderIdentity?: string } }>([
    'lease',
    'turnbridge-operator',
    '-n',
    namespace,
  ]);
  return lease.spec.holderIdentity ?? '';
}

interface Story {
  readonly release: Release;
  /** Where a route is made, changed and deleted. */
  readonly team: string;
  /** Where there are sidecars. */
  readonly sidecars: string;
}

/** From the first route to another leader. */
async function liveThrough({ release, team, sidecars }: Story): Promise<void> {
  const home = release.namespace;
  const bridgeName = home; // as installed
  await node.apply(route('one', { bridgeName, hostnames: [`${team}.test`] }), team);
  await condition(team, 'one', 'Programmed', 'True');
  const auth = { type: 'APIKey', secretRef: { name: 'keys', key: 'apiKey' } };
  const providers = [{ name: 'a', url: 'https://provider.test/v1', auth }];
  const changed = route('one', { bridgeName, hostnames: [`${team}.test`], providers });
  await node.apply(changed, team);
  await condition(team, 'one', 'ResolvedRefs', 'False');
  const keys = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' } };
  await node.apply({ ...keys, stringData: { apiKey: 'of-the-test' } }, team);
  await condition(team, 'one', 'ResolvedRefs', 'True');
  await condition(team, 'one', 'Programmed', 'True');
  await node.apply(route('beside', { bridgeName: 'sidecar' }), sidecars);
  await node.mustKubectl(
    ['wait', '-n', sidecars, '--for=create', 'secret/turnbridge-snapshot', '--timeout=60s'],
    { timeoutMs: 70_000 },
  );
  const leader = await leaderOf(home);
  const [pod] = (await node.pods(home, OPERATORS)).filter(({ metadata }) => leader.startsWith(metadata.name));
  expect(pod).toBeDefined();
  await node.mustKubectl(['delete', 'pod', pod!.metadata.name, '-n', home, '--wait=false']);
  await until(
    async () => {
      const holder = await leaderOf(home);
      return holder !== '' && holder !== leader;
    },
    'another operator to lead',
    patienceMs,
  );
  await node.apply(route('two', { bridgeName, hostnames: [`two.${team}.test`] }), team);
  await condition(team, 'two', 'Programmed', 'True');
  const version = (): Promise<string> =>
    node.mustKubectl(
      `get secret turnbridge-snapshot -n ${home} -o jsonpath={.metadata.resourceVersion}`.split(' '),
    );
  const before = await version();
  await node.mustKubectl(['delete', 'responsesroute', 'one', '-n', team]);
  await until(async () => (await version()) !== before, 'a snapshot without the route', patienceMs);
}

describe.each([
  ['of all namespaces', (): object => ({})],
  ['of some namespaces', (home: string, team: string): object => ({ watchNamespaces: [home, team] })],
])('an operator %s', (_, operatorValues) => {
  test(
    'makes, changes and deletes all it has to, and leaves, without being refused once',
    async () => {
      const [home, team, sidecars] = [
        await node.namespace({ enforce: 'restricted' }),
        await node.namespace(),
        await node.namespace(),
      ];
      const release = await node.install({
        namespace: home,
        values: {
          bridge: { bridgeName: home, replicas: 1, resources: { requests: { cpu: '100m' } } },
          operator: operatorValues(home, team),
          sidecar: { namespaces: [sidecars] },
          demo: { enabled: true },
        },
      });
      await condition(home, 'demo', 'Programmed', 'True');
      const first = await node.pods(home, OPERATORS);
      expect(first).toHaveLength(2);
      const logs = first.map(({ metadata }) => follow(home, metadata.name));
      await liveThrough({ release, team, sidecars });

      const pods = await node.readyPods(home, OPERATORS, 2);
      for (const pod of pods) {
        const answers = await answersTo(pod);
        expect(answers.get('200')).toBeGreaterThan(0);
        expect([...answers.keys()].filter((code) => code === '401' || code === '403')).toEqual([]);
      }
      // events are made after everything else, and their right is a part of the story
      await until(
        async () => (await node.mustKubectl(['get', 'events', '-n', team])).includes('responsesroute/one'),
        'an event of the route',
        patienceMs,
      );
      const seen = new Set(first.map(({ metadata }) => metadata.name));
      const late = pods.filter(({ metadata }) => !seen.has(metadata.name));
      logs.push(...late.map(({ metadata }) => follow(home, metadata.name)));
      const bridges = await node.readyPods(home, BRIDGES, 1);
      for (const pod of [...pods, ...bridges]) {
        const text = await node.podLog(home, pod.metadata.name);
        expect(linesOf(text).length).toBeGreaterThan(0);
        expect(text).not.toMatch(refusal);
      }
      await release.uninstall();
      // rights and pods go at once: an operator may be refused in its last second, and leaves all the same
      const [gone, ...others] = await Promise.all(logs.map(async (text) => linesOf(await text)));
      expect(others).toHaveLength(2);
      for (const lines of [gone!, ...others]) {
        expect(lines.find(({ event }) => event === 'process.exit')).toMatchObject({ closed: true });
        expect(lines.filter(isMistake)).toEqual([]);
      }
    },
    slowMs,
  );
});

/** A leader that a machine let stand still for ten seconds leads no more, and begins again: rights have no part in that. */
function isMistake({ level, event, msg }: LogLine): boolean {
  return level === 'error' && !(event === 'operator.lease' && msg.startsWith('lease lost'));
}

/** The log of a pod, up to its end. */
function follow(namespace: string, pod: string): Promise<string> {
  return node.mustKubectl(['logs', '-n', namespace, pod, '-f'], { timeoutMs: slowMs });
}
