/** The ways in by an Ingress, or by the product's own kind. */
import { describe, expect, test } from '@jest/globals';
import { find, render, renderFailure, type KubeObject, type Values } from '../render.ts';
import {
  bridgeTls,
  ingressPresets,
  ingressValues,
  withoutBridgeTls,
  withoutLabels,
  type IngressPreset,
} from './ingress-scenes.ts';

/** Of these products, an Ingress would not do. */
const ownKinds: Readonly<Record<string, string>> = { contour: 'HTTPProxy', istio: 'VirtualService' };

const otherPort = { bridge: { service: { port: 8080 } } };
const renderings = new Map<string, Promise<readonly KubeObject[]>>();

/** A rendering takes a process of a third of a second, and most tests look at the same ones. */
function renderOnce(values: Values): Promise<readonly KubeObject[]> {
  const key = JSON.stringify(values);
  const rendering = renderings.get(key) ?? render(values);
  renderings.set(key, rendering);
  return rendering;
}

/** What is there because of these values. */
async function waysIn(values: Values): Promise<readonly KubeObject[]> {
  const without = new Set((await renderOnce({})).map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  return (await renderOnce(values)).filter(({ kind, metadata }) => !without.has(`${kind}/${metadata.name}`));
}

/** What products read on the Service. */
async function serviceAnnotations(values: Values): Promise<unknown> {
  return find(await renderOnce(values), 'Service/turnbridge')?.metadata.annotations;
}

/** All of both, as text. */
async function told(values: Values): Promise<string> {
  return JSON.stringify([await waysIn(values), await serviceAnnotations(values)]);
}

describe('an ingress', () => {
  test('is not there unless asked for', async () => {
    const kinds = (await renderOnce({})).map(({ kind }) => kind);
    for (const kind of ['Ingress', 'HTTPProxy', 'VirtualService', 'DestinationRule', 'HTTPRoute']) {
      expect(kinds).not.toContain(kind);
    }
  });

  test.each(ingressPresets)('of preset %s is what its snapshot says', async (preset) => {
    const values = ingressValues(preset);
    const service = await serviceAnnotations(values);
    expect({
      objects: withoutLabels(await waysIn(values)),
      ...(service === undefined ? {} : { service }),
    }).toMatchSnapshot();
  });

  test.each(ingressPresets)('of preset %s leads all hosts to the port of the Service', async (preset) => {
    const values = { ...ingressValues(preset, { timeoutSeconds: 3661 }), ...otherPort };
    const objects = (await waysIn(values)).filter(({ kind }) => kind === (ownKinds[preset] ?? 'Ingress'));
    const text = JSON.stringify(objects.map(({ spec }) => spec));
    expect(text).toContain('codex.example.com');
    expect(text).toContain('b.example.com');
    expect(text).toMatch(/"(port|number)":8080/);
  });

  test.each(ingressPresets.filter((preset) => !['none', 'traefik', 'cilium'].includes(preset)))(
    'of preset %s says somewhere how long a socket may be silent',
    async (preset) => {
      const values = { ...ingressValues(preset, { timeoutSeconds: 3661 }), ...otherPort };
      const text = await told(values);
      expect(text).toContain('3661');
      expect(text).not.toContain('3700');
    },
  );

  test.each(ingressPresets.filter((preset) => !withoutBridgeTls.includes(preset) && preset !== 'none'))(
    'of preset %s is told when the bridge itself speaks TLS',
    async (preset) => {
      const values = ingressValues(preset);
      const plain = await told(values);
      const secured = await told({ ...values, ...bridgeTls });
      expect(plain).not.toMatch(/https|HTTPS|ssl|"tls"}/);
      expect(secured).toMatch(/https|HTTPS|ssl|"protocol":"tls"/);
    },
  );

  test("has the user's annotations over those of the preset, and the class that the user names", async () => {
    const annotations = { 'nginx.org/proxy-read-timeout': '2h', 'example.com/owner': '{{ .Release.Name }}' };
    const [ingress] = await waysIn(ingressValues('nginx', { annotations, className: 'inner' }));
    expect(ingress?.metadata.annotations).toMatchObject({
      'nginx.org/proxy-read-timeout': '2h',
      'nginx.org/proxy-send-timeout': '3700s',
      'example.com/owner': 'turnbridge',
    });
    expect(ingress?.['spec']).toMatchObject({ ingressClassName: 'inner' });
  });

  test("has the Service's own annotations over those of the preset", async () => {
    const values = {
      ...ingressValues('kong'),
      bridge: { service: { annotations: { 'konghq.com/read-timeout': '5' } } },
    };
    expect(await serviceAnnotations(values)).toMatchObject({
      'konghq.com/read-timeout': '5',
      'konghq.com/write-timeout': '3700000',
    });
  });

  test('of GKE names its class by the annotation that GKE reads, and by no field', async () => {
    const [ingress] = await render(ingressValues('gke'), { showOnly: ['templates/ingress/ingress.yaml'] });
    expect(ingress?.metadata.annotations?.['kubernetes.io/ingress.class']).toBe('gce');
    expect(ingress?.['spec']).not.toHaveProperty('ingressClassName');
  });

  test('of Contour has one root for each host, with the certificate of that host', async () => {
    const proxies = await waysIn(ingressValues('contour'));
    expect(proxies.map(({ metadata }) => metadata.name)).toEqual(['turnbridge', 'turnbridge-1']);
    expect(proxies.map(({ spec }) => (spec as { virtualhost: unknown }).virtualhost)).toEqual([
      { fqdn: 'codex.example.com', tls: { secretName: 'codex-tls' } },
      { fqdn: 'b.example.com' },
    ]);
  });

  test('of Istio gives a socket no deadline, and mesh clients neither', async () => {
    const objects = await waysIn(ingressValues('istio'));
    const [virtual] = objects.filter(({ kind }) => kind === 'VirtualService');
    // Istio refuses a zero; unset is none
    expect(JSON.stringify(virtual?.['spec'])).not.toContain('timeout');
    expect(objects.map(({ kind }) => kind)).toContain('DestinationRule');
  });
});

describe('values that contradict each other', () => {
  const silence = { bridge: { flags: { pingInterval: 0 } } };
  test.each<[string, Values, RegExp]>([
    ['an ingress without hosts', { ingress: { enabled: true } }, /ingress\.hosts is empty: list the hosts/],
    [
      'an Ingress for Envoy Gateway',
      { ingress: { enabled: true, preset: 'envoy-gateway', hosts: ['a.example'] } },
      /Set httpRoute\.enabled with httpRoute\.implementation: envoy-gateway/,
    ],
    ['Istio without a gateway', ingressValues('istio', { gateways: [] }), /ingress\.gateways is empty/],
    ['gateways without Istio', ingressValues('nginx', { gateways: ['a/b'] }), /preset istio only/],
    [
      'certificates for a VirtualService',
      ingressValues('istio', { tls: [{ secretName: 'a' }] }),
      /certificates are the Gateway's/,
    ],
    [
      'a certificate for no host of Contour',
      ingressValues('contour', { tls: [{ secretName: 'a' }] }),
      /each entry needs secretName and hosts/,
    ],
    ['TLS to the bridge through Istio', { ...ingressValues('istio'), ...bridgeTls }, /bridge\.tls\.enabled/],
    [
      'TLS to the bridge through Cilium',
      { ...ingressValues('cilium'), ...bridgeTls },
      /bridge\.tls\.enabled/,
    ],
    [
      'a path type that an HTTPProxy does not know',
      ingressValues('contour', { pathType: 'ImplementationSpecific' }),
      /ingress\.pathType/,
    ],
    ['more than an ALB takes', ingressValues('alb', { timeoutSeconds: 4001 }), /which is 4000/],
    ['an hour where life is counted', ingressValues('gke', { timeoutSeconds: 3600 }), /whole life/],
    [
      'an hour of silence without pings',
      { ...ingressValues('nginx', { timeoutSeconds: 3600 }), ...silence },
      /with bridge\.flags\.pingInterval 0 nothing breaks the silence/,
    ],
    [
      'less silence than between two pings',
      ingressValues('nginx', { timeoutSeconds: 25 }),
      /not more than bridge\.flags\.pingInterval \(25\)/,
    ],
    ['more than a day', ingressValues('nginx', { timeoutSeconds: 86401 }), /timeoutSeconds/],
    ['an unknown preset', { ingress: { enabled: true, preset: 'apache', hosts: ['a'] } }, /preset/],
    ['a host that is no text', ingressValues('nginx', { hosts: [{ host: 'a.example' }] }), /hosts/],
  ])('are refused with a sentence: %s', async (_, values, sentence) => {
    expect(await renderFailure(values)).toMatch(sentence);
  });

  test.each<[IngressPreset, number]>([
    ['alb', 4000],
    ['nginx', 26],
    ['gke', 3601],
  ])('begin one step further: %s takes %i', async (preset, timeoutSeconds) => {
    await expect(render(ingressValues(preset, { timeoutSeconds }))).resolves.not.toHaveLength(0);
  });
});
