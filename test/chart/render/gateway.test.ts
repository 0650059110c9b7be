/** The way in by the Gateway API. */
import { describe, expect, test } from '@jest/globals';
import { find, render, renderFailure, type KubeObject, type Values } from '../render.ts';
import {
  bridgeTls,
  implementations,
  routeValues,
  withoutLabels,
  type Implementation,
} from './ingress-scenes.ts';

const policies: Readonly<Record<Implementation, readonly string[]>> = {
  none: [],
  'envoy-gateway': ['BackendTrafficPolicy'],
  'nginx-gateway-fabric': ['ClientSettingsPolicy', 'ProxySettingsPolicy'],
  gke: ['GCPBackendPolicy', 'HealthCheckPolicy'],
  istio: ['DestinationRule'],
};

async function routeAndPolicies(values: Values): Promise<readonly KubeObject[]> {
  const kinds = ['HTTPRoute', ...Object.values(policies).flat()];
  return (await render(values)).filter(({ kind }) => kinds.includes(kind));
}

describe('an HTTPRoute', () => {
  test.each(implementations)('for implementation %s is what its snapshot says', async (implementation) => {
    expect(withoutLabels(await routeAndPolicies(routeValues(implementation)))).toMatchSnapshot();
  });

  test.each(implementations)('for %s brings the policies of that product and no other', async (product) => {
    const kinds = (await routeAndPolicies(routeValues(product))).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(['HTTPRoute', ...policies[product]].toSorted());
  });

  test.each(implementations.filter((product) => product !== 'none'))(
    'for %s says how long a socket may be silent, or live',
    async (product) => {
      const objects = await routeAndPolicies(routeValues(product, { timeoutSeconds: 3661 }));
      expect(JSON.stringify(objects)).toContain('3661');
      expect(JSON.stringify(objects)).not.toContain('3700');
    },
  );

  test('has no deadline for requests, which for a socket would be its life', async () => {
    const route = find(await render(routeValues('none')), 'HTTPRoute/turnbridge');
    expect(route?.['spec']).toMatchObject({ rules: [{ timeouts: { request: '0s', backendRequest: '0s' } }] });
  });

  test("takes the user's matches and filters in place of its own", async () => {
    const matches = [{ path: { type: 'PathPrefix', value: '/v1' } }];
    const filters = [
      { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'a', value: 'b' }] } },
    ];
    const route = find(await render(routeValues('none', { matches, filters })), 'HTTPRoute/turnbridge');
    expect(route?.['spec']).toMatchObject({ rules: [{ matches, filters }] });
  });

  test.each<[string, Values, string | undefined]>([
    ['nothing without a route', {}, undefined],
    ['WebSockets', routeValues('none'), 'kubernetes.io/ws'],
    [
      'secured WebSockets, with TLS on the bridge',
      { ...routeValues('none'), ...bridgeTls },
      'kubernetes.io/wss',
    ],
    ['nothing to GKE, which has no name for them', routeValues('gke'), undefined],
    ['HTTPS to GKE, with TLS on the bridge', { ...routeValues('gke'), ...bridgeTls }, 'HTTPS'],
  ])("has the Service's port announce %s", async (_, values, protocol) => {
    const service = find(await render(values), 'Service/turnbridge')?.['spec'];
    expect((service as { ports: readonly { appProtocol?: string }[] }).ports[0]?.appProtocol).toBe(protocol);
  });

  test('and an ingress through Istio share one DestinationRule, with the longer of both limits', async () => {
    const objects = await render({
      ...routeValues('istio', { timeoutSeconds: 3900 }),
      ingress: { enabled: true, preset: 'istio', hosts: ['a.example'], gateways: ['istio-ingress/main'] },
    });
    const rules = objects.filter(({ kind }) => kind === 'DestinationRule');
    expect(rules).toHaveLength(1);
    expect(JSON.stringify(rules)).toContain('3900s');
  });

  test.each<[string, Values, RegExp]>([
    ['no Gateway', routeValues('none', { parentRefs: [] }), /httpRoute\.parentRefs is empty/],
    ['an hour on GKE', routeValues('gke', { timeoutSeconds: 3600 }), /whole life/],
    [
      'more digits than NGINX takes',
      routeValues('nginx-gateway-fabric', { timeoutSeconds: 10_000 }),
      /which is 9999/,
    ],
    ['TLS to the bridge through Istio', { ...routeValues('istio'), ...bridgeTls }, /let the mesh encrypt/],
    [
      'silence without pings',
      { ...routeValues('none', { timeoutSeconds: 60 }), bridge: { flags: { pingInterval: 0 } } },
      /httpRoute\.timeoutSeconds: 60/,
    ],
  ])('is refused with a sentence: %s', async (_, values, sentence) => {
    expect(await renderFailure(values)).toMatch(sentence);
  });
});
