/** What the presets for products that are Envoy inside do to a socket, in front of a real bridge. */
import { expect, test } from '@jest/globals';
import { openEnvoy, type EnvoyTimeouts } from './envoy.ts';
import {
  ciliumTimeouts,
  gatewayTimeouts,
  istioTimeouts,
  type TrafficPolicy,
  type VirtualService,
} from './envoy-timeouts.ts';
import { defaultSeconds, outlast, outlasted, hasTrueTimeouts, testMs, type Outcome } from './outlast.ts';
import { allPassed, tryPassage } from './passage.ts';
import { openPinglessBridge } from './pingless-bridge.ts';
import { annotationsOf, renderPreset, renderRoute, specOf } from './rendered.ts';
import { useBridge } from './use-bridge.ts';

/** `stream_idle_timeout` of Envoy itself, which Envoy Gateway and Cilium leave. */
const seconds = defaultSeconds(300);
const listener = { streamIdle: `${String(seconds)}s` };
/** What Cilium's Helm value has to be set to: that is outside of what a chart of ours renders. */
const ciliumListener = { streamIdle: '3700s' };
/** Without a policy. Envoy's own limit of a request, 15 s, is left out: what is shown is silence. */
const untuned: EnvoyTimeouts = { ...listener, request: '0s' };

const theBridge = useBridge();

async function outlastUntuned(tuned: EnvoyTimeouts): Promise<Outcome> {
  const bridge = theBridge();
  await using held = await openEnvoy({ upstream: bridge, timeouts: tuned });
  await using cut = await openEnvoy({ upstream: bridge, timeouts: untuned });
  return await outlast({ held: held.way, cut: cut.way, bridge, seconds });
}

test(
  'Envoy Gateway holds silent sockets and turns past its stream idle time with what the chart renders, and cuts them without',
  async () => {
    const policy = specOf(await renderRoute('envoy-gateway'), 'BackendTrafficPolicy') as TrafficPolicy;
    expect(await outlastUntuned(gatewayTimeouts(policy.timeout.http, listener))).toEqual(outlasted);
  },
  testMs(seconds),
);

test(
  'Cilium holds them with its Helm value and what the chart renders, and cuts them without',
  async () => {
    expect(
      await outlastUntuned(
        ciliumTimeouts(annotationsOf(await renderPreset('cilium'), 'Ingress'), ciliumListener),
      ),
    ).toEqual(outlasted);
  },
  testMs(seconds),
);

test(
  'Istio has no such time: what the chart renders sets none either, and they live on where another Envoy cuts them',
  async () => {
    const objects = await renderPreset('istio', { gateways: ['istio-system/gateway'] });
    const { http } = specOf(objects, 'VirtualService') as VirtualService;
    expect(http).toHaveLength(1);
    expect(await outlastUntuned(istioTimeouts(http[0] ?? {}, { streamIdle: '0s' }))).toEqual(outlasted);
  },
  testMs(seconds),
);

test(
  'a turn over HTTP is cut by the 15 s that Envoy gives a request, a socket is not',
  async () => {
    const limit = hasTrueTimeouts ? 15 : seconds;
    const bridge = theBridge();
    await using held = await openEnvoy({ upstream: bridge, timeouts: { streamIdle: '0s', request: '0s' } });
    const timeouts = { streamIdle: '0s', ...(hasTrueTimeouts ? {} : { request: `${String(limit)}s` }) };
    await using cut = await openEnvoy({ upstream: bridge, timeouts });
    const ways = { held: held.way, cut: cut.way };
    expect(await outlast({ ...ways, bridge, seconds: limit, cuts: ['httpTurn'] })).toEqual(outlasted);
  },
  testMs(seconds),
);

test(
  'headers, messages of 16 MiB and the code 1012 pass',
  async () => {
    await using bridge = await openPinglessBridge();
    await using envoy = await openEnvoy({ upstream: bridge, timeouts: {} });
    expect(await tryPassage(envoy.way, bridge)).toEqual(allPassed);
  },
  testMs(0),
);
