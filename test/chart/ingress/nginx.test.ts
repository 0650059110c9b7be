/** What the presets for products that are nginx inside do to a socket, in front of a real bridge. */
import { describe, expect, test } from '@jest/globals';
import { connect, UpgradeRefused } from '../../harness/connect.ts';
import { postTurn } from './http-turn.ts';
import { openNginx } from './nginx.ts';
import {
  f5Location,
  fabricLocation,
  retiredLocation,
  type FabricPolicies,
  type NginxLocation,
} from './nginx-location.ts';
import { cutMs, defaultSeconds, everything, outlast, outlasted, testMs } from './outlast.ts';
import { allPassed, tryPassage } from './passage.ts';
import { openPinglessBridge } from './pingless-bridge.ts';
import { annotationsOf, RELEASE, renderPreset, renderRoute, specOf } from './rendered.ts';
import { beginSilence } from './silence.ts';
import { useBridge } from './use-bridge.ts';
import { headersOf } from './way-in.ts';

/** `proxy_read_timeout` and `proxy_send_timeout` of all three. */
const seconds = defaultSeconds(60);
const defaults = { timeoutSeconds: seconds };

const theBridge = useBridge();

/** With what the chart renders, and with nothing but what an upgrade needs. */
interface Locations {
  readonly held: NginxLocation;
  readonly cut: NginxLocation;
}

const products: readonly (readonly [name: string, locations: () => Promise<Locations>])[] = [
  [
    'F5 NGINX',
    async () => ({
      held: f5Location(annotationsOf(await renderPreset('nginx'), 'Ingress'), RELEASE, defaults),
      cut: f5Location({ 'nginx.org/websocket-services': RELEASE }, RELEASE, defaults),
    }),
  ],
  [
    'the retired ingress-nginx',
    async () => ({
      held: retiredLocation(annotationsOf(await renderPreset('nginx-retired'), 'Ingress'), defaults),
      cut: retiredLocation({}, defaults),
    }),
  ],
  [
    'NGINX Gateway Fabric',
    async () => {
      const objects = await renderRoute('nginx-gateway-fabric');
      const policies = {
        proxy: specOf(objects, 'ProxySettingsPolicy'),
        client: specOf(objects, 'ClientSettingsPolicy'),
      } as FabricPolicies;
      return { held: fabricLocation(policies, defaults), cut: fabricLocation({}, defaults) };
    },
  ],
];

describe.each(products)('%s', (_name, locations) => {
  test(
    'holds silent sockets and turns past its read timeout with what the chart renders, and cuts them without',
    async () => {
      const bridge = theBridge();
      await using nginx = await openNginx({ upstream: bridge, locations: await locations() });
      expect(await outlast({ ...nginx.ways, bridge, seconds })).toEqual(outlasted);
    },
    testMs(seconds),
  );

  test(
    'passes headers, messages of 16 MiB and the code 1012 with what the chart renders',
    async () => {
      await using bridge = await openPinglessBridge();
      await using nginx = await openNginx({ upstream: bridge, locations: await locations() });
      expect(await tryPassage(nginx.ways.held, bridge)).toEqual(allPassed);
    },
    testMs(0),
  );

  test(
    'refuses a turn over HTTP of more than 1 MiB without',
    async () => {
      const bridge = theBridge();
      await using nginx = await openNginx({ upstream: bridge, locations: await locations() });
      const posted = await postTurn(nginx.ways.cut, { model: 'm', input: 'x'.repeat(2 * 1024 * 1024) });
      posted.abort();
      expect(posted.status).toBe(413);
    },
    testMs(0),
  );
});

test('F5 NGINX upgrades only a Service that its annotation names', async () => {
  const bridge = theBridge();
  const { 'nginx.org/websocket-services': services, ...others } = annotationsOf(
    await renderPreset('nginx'),
    'Ingress',
  );
  expect(services).toBe(RELEASE);
  await using nginx = await openNginx({
    upstream: bridge,
    locations: { unnamed: f5Location(others, RELEASE, defaults) },
  });
  const { unnamed } = nginx.ways;
  const refused = await connect(`${unnamed.url}/responses`, { headers: headersOf(unnamed) }).catch(
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(UpgradeRefused);
  expect(refused).toMatchObject({ status: 426 });
});

test(
  'a reload cuts what is open once worker_shutdown_timeout has passed, and nothing when there is none',
  async () => {
    const bridge = theBridge();
    const location = retiredLocation(annotationsOf(await renderPreset('nginx-retired'), 'Ingress'), defaults);
    const upstream = bridge;
    const limit = [`worker_shutdown_timeout ${String(seconds)}s`];
    await using patient = await openNginx({ upstream, locations: { way: location } });
    await using hasty = await openNginx({ upstream, locations: { way: location }, main: limit });
    await using held = await beginSilence(patient.ways.way, bridge);
    await using cut = await beginSilence(hasty.ways.way, bridge);
    patient.reload();
    hasty.reload();
    await cut.cut(everything, cutMs(seconds));
    // new connections go to the new workers, and those of the old ones still work
    await using fresh = await connect(`${hasty.ways.way.url}/responses`, {
      headers: headersOf(hasty.ways.way),
    });
    fresh.create({ model: 'm', input: 'hi' });
    expect((await fresh.events()).at(-1)).toMatchObject({ type: 'response.completed' });
    expect(await held.wake()).toEqual({ idleSocket: 'completed', turn: 'completed', httpTurn: 'completed' });
  },
  testMs(seconds),
);
