/** Who may speak with whom. */
import { BlockList } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { LOCAL_SUBNETS } from '../../../src/route/host-kind.ts';
import { find, render, renderFailure, type Values } from '../render.ts';
import { fullNetworkPolicy, ingressValues, routeValues, withoutLabels } from './ingress-scenes.ts';

interface Rule {
  readonly ports?: readonly { readonly port: number; readonly protocol: string }[];
  readonly to?: readonly object[];
  readonly from?: readonly object[];
}

interface PolicySpec {
  readonly policyTypes: readonly string[];
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
}

const enabled: Values = { networkPolicy: { enabled: true } };

async function policyOf(values: Values, name = 'turnbridge'): Promise<PolicySpec> {
  const policy = find(await render(values), `NetworkPolicy/${name}`);
  if (policy === undefined) throw new Error(`there is no NetworkPolicy ${name}`);
  return policy['spec'] as PolicySpec;
}

/** Rules that allow a port. */
function rulesOf(rules: readonly Rule[], port: number): readonly Rule[] {
  return rules.filter(({ ports }) => ports?.some((each) => each.port === port));
}

function podsOf(component: string, more: object = { 'app.kubernetes.io/instance': 'turnbridge' }): object {
  const own = { 'app.kubernetes.io/name': 'turnbridge', 'app.kubernetes.io/component': component };
  return { podSelector: { matchLabels: { ...own, ...more } } };
}

describe('network policies', () => {
  test('are there only when asked for, and the operator has one only with an operator', async () => {
    const names = async (values: Values): Promise<readonly string[]> =>
      (await render(values))
        .filter(({ kind }) => kind === 'NetworkPolicy')
        .map(({ metadata }) => metadata.name);
    expect(await names({})).toEqual([]);
    expect(await names(enabled)).toEqual(['turnbridge', 'turnbridge-operator']);
    expect(
      await names({ ...enabled, operator: { enabled: false }, bridge: { snapshotSecret: 'other-snapshot' } }),
    ).toEqual(['turnbridge']);
  });

  test('are what their snapshots say, with nothing and with everything', async () => {
    for (const values of [enabled, fullNetworkPolicy]) {
      const objects = await render(values, {
        showOnly: ['templates/network-policies/bridge.yaml', 'templates/network-policies/operator.yaml'],
      });
      expect(withoutLabels(objects)).toMatchSnapshot();
    }
  });

  test('let everybody open sockets by default, and nobody but the chosen ones when some are chosen', async () => {
    const [open] = rulesOf((await policyOf(enabled)).ingress, 8787);
    expect(open).not.toHaveProperty('from');
    const clients = [{ namespaceSelector: { matchLabels: { team: 'a' } } }];
    const [chosen] = rulesOf(
      (await policyOf({ networkPolicy: { enabled: true, bridge: { clients } } })).ingress,
      8787,
    );
    // the pod of `helm test` is a client, too
    expect(chosen?.from).toEqual([...clients, podsOf('test')]);
    const [untested] = rulesOf(
      (await policyOf({ networkPolicy: { enabled: true, bridge: { clients } }, tests: { enabled: false } }))
        .ingress,
      8787,
    );
    expect(untested?.from).toEqual(clients);
  });

  test('always let operators of the namespace ask what its bridges serve, whoever else may scrape', async () => {
    // of any release: one may feed the bridges of another
    for (const values of [enabled, fullNetworkPolicy]) {
      const [bridge] = rulesOf((await policyOf(values)).ingress, 9464);
      expect(bridge?.from).toContainEqual(podsOf('operator', {}));
      const [operator] = rulesOf((await policyOf(values, 'turnbridge-operator')).egress, 9464);
      expect(operator?.to).toEqual([podsOf('bridge', {})]);
    }
  });

  test('keep bridges from the addresses of cloud metadata', async () => {
    const { egress } = await policyOf({ ...enabled, bridge: { watchSnapshot: false } });
    const blocks = rulesOf(egress, 443)
      .flatMap(({ to }) => to ?? [])
      .map((peer) => (peer as { ipBlock?: { cidr: string; except: readonly string[] } }).ipBlock);
    const v4 = blocks.find((block) => block?.cidr === '0.0.0.0/0');
    const v6 = blocks.find((block) => block?.cidr === '::/0');
    const excepted = new BlockList();
    for (const block of [v4, v6]) {
      for (const subnet of block?.except ?? []) {
        const [address = '', prefix] = subnet.split('/');
        excepted.addSubnet(address, Number(prefix), address.includes(':') ? 'ipv6' : 'ipv4');
      }
    }
    // the bridge refuses the same by itself; what no network carries needs no policy
    const isCarried = ([address]: readonly [string, number]): boolean =>
      !/^(0\.|127\.|224\.|255\.|::$|fec0:|ff00:)/.test(address);
    const metadata = LOCAL_SUBNETS.filter(isCarried).map(([address]) => address);
    expect(metadata).toContain('169.254.0.0');
    const isLeftOpen = (address: string): boolean =>
      !excepted.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
    expect(metadata.filter(isLeftOpen)).toEqual([]);
    // a rule without `to` would allow what the other forbids
    for (const { to } of egress) expect(to).toBeDefined();
  });

  test('let bridges that do not watch the snapshot speak with no API server', async () => {
    expect(rulesOf((await policyOf(enabled)).egress, 6443)).toHaveLength(1);
    const { egress } = await policyOf({ ...enabled, bridge: { watchSnapshot: false } });
    expect(rulesOf(egress, 6443)).toHaveLength(0);
  });

  test.each([
    ['http://jaeger.observability:4318', 4318],
    ['https://otlp.example.com', 443],
    ['http://otlp.example.com/path', 80],
    ['http://[2001:db8::1]:4317', 4317],
  ])('let traces out to the port of %s', async (otlpEndpoint, port) => {
    const values = { ...enabled, bridge: { watchSnapshot: false, flags: { otlpEndpoint } } };
    const count = async (each: Values): Promise<number> =>
      rulesOf((await policyOf(each)).egress, port).length;
    const before = await count({ ...enabled, bridge: { watchSnapshot: false } });
    expect(await count(values)).toBe(before + 1);
  });

  test.each<[string, Values, readonly object[]]>([
    ['an ALB', ingressValues('alb'), [{ ipBlock: { cidr: '10.0.0.0/16' } }]],
    ['an Application Gateway', ingressValues('agic'), [{ ipBlock: { cidr: '10.0.0.0/16' } }]],
    ['anybody that the values name', {}, [{ ipBlock: { cidr: '10.0.0.0/16' } }]],
  ])('let the ops port be asked by %s, and no other port', async (_, way, healthChecks) => {
    const { ingress } = await policyOf({ ...way, networkPolicy: { enabled: true, healthChecks } });
    const [rule, ...others] = rulesOf(ingress, 9464);
    expect(others).toEqual([]);
    expect(rule?.from).toEqual(expect.arrayContaining([...healthChecks]));
    expect(rule?.from).toHaveLength(4);
  });

  test.each([ingressValues('gke'), routeValues('gke')])(
    'let the ops port be asked by Google’s load balancers without being told, unless told of others',
    async (way) => {
      const google = ['35.191.0.0/16', '130.211.0.0/22'].map((cidr) => ({ ipBlock: { cidr } }));
      const [known] = rulesOf((await policyOf({ ...way, ...enabled })).ingress, 9464);
      expect(known?.from).toEqual(expect.arrayContaining(google));
      const healthChecks = [{ ipBlock: { cidr: '10.0.0.0/16' } }];
      const [told] = rulesOf(
        (await policyOf({ ...way, networkPolicy: { enabled: true, healthChecks } })).ingress,
        9464,
      );
      expect(told?.from).toEqual(expect.arrayContaining(healthChecks));
      expect(told?.from).toHaveLength(4);
      const [nobody] = rulesOf((await policyOf(enabled)).ingress, 9464);
      expect(nobody?.from).toHaveLength(3);
    },
  );

  test.each(['alb', 'agic'] as const)('are refused with preset %s and nobody who may ask', async (preset) => {
    const sentence = await renderFailure({ ...ingressValues(preset), ...enabled });
    expect(sentence).toContain('networkPolicy.healthChecks is empty');
    expect(sentence).toContain(preset);
  });

  test('let bridges reach the demo where there is one', async () => {
    expect(rulesOf((await policyOf(enabled)).egress, 8788)).toHaveLength(0);
    const { egress } = await policyOf({ ...enabled, demo: { enabled: true } });
    expect(rulesOf(egress, 8788)).toEqual([
      { ports: [{ port: 8788, protocol: 'TCP' }], to: [podsOf('demo')] },
    ]);
  });

  test('allow nothing in or out that is not said', async () => {
    for (const name of ['turnbridge', 'turnbridge-operator']) {
      const { policyTypes, ingress, egress } = await policyOf(enabled, name);
      expect(policyTypes).toEqual(['Ingress', 'Egress']);
      for (const { ports } of [...ingress, ...egress]) expect(ports).not.toHaveLength(0);
    }
  });

  test.each<[string, Values, RegExp]>([
    [
      'providers that the API server rule lets out anyway',
      { bridge: { providers: [{ ipBlock: { cidr: '192.0.2.0/24' } }] } },
      /networkPolicy\.bridge\.providers limits nothing/,
    ],
    [
      'providers on no port',
      { bridge: { providers: [{ ipBlock: { cidr: '192.0.2.0/24' } }], providerPorts: [] } },
      /providerPorts is empty/,
    ],
    ['no port of the API server', { apiServerPorts: [] }, /networkPolicy\.apiServerPorts is empty/],
    ['an address that is no text', { apiServer: [{ cidr: '192.0.2.1/32' }] }, /apiServer/],
  ])('are refused with a sentence: %s', async (_, networkPolicy, sentence) => {
    expect(await renderFailure({ networkPolicy: { enabled: true, ...networkPolicy } })).toMatch(sentence);
  });
});
