/** What Contour itself makes of the chart's objects, with its Envoy in front of a real bridge. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { freePorts } from '../../cluster/free-ports.ts';
import { useCluster } from '../../cluster/use-cluster.ts';
import { connect, UpgradeRefused } from '../../harness/connect.ts';
import type { KubeObject } from '../render.ts';
import { withEndpoints, type ServiceObject } from './bridge-endpoints.ts';
import { openContour } from './contour.ts';
import { applyAll, serveContourKinds, untilServed } from './contour-objects.ts';
import { defaultSeconds, outlast, outlasted, testMs } from './outlast.ts';
import { allPassed, tryPassage } from './passage.ts';
import { openPinglessBridge, type PinglessBridge } from './pingless-bridge.ts';
import { rendered, renderPreset, renderRoute } from './rendered.ts';
import { useBridge } from './use-bridge.ts';
import { headersOf, type WayIn } from './way-in.ts';

/** `timeouts.stream-idle-timeout` of Contour's configuration: for all that it serves, unless an HTTPProxy says otherwise. */
const seconds = defaultSeconds(300);
const idle = { timeouts: { 'stream-idle-timeout': `${String(seconds)}s` } };
const startMs = 120_000;
const gatewayApi = 'gateway.networking.k8s.io/v1';

const cluster = useCluster();
/** An endpoint that an API server takes: loopback it does not. */
const address = cluster.addresses.at(-1) ?? '';

const theBridge = useBridge(address);
beforeAll(() => serveContourKinds(cluster), startMs);

function serviceOf(objects: readonly KubeObject[], bridge: PinglessBridge): readonly object[] {
  return withEndpoints(rendered(objects, 'Service') as unknown as ServiceObject, bridge);
}

describe('an HTTPProxy of the preset', () => {
  test(
    'holds silent sockets and turns past the stream idle time, and without its idle time they are cut',
    async () => {
      const namespace = await cluster.namespace();
      const objects = await renderPreset('contour', {}, namespace);
      const bridge = theBridge();
      const held = rendered(objects, 'HTTPProxy');
      // a whole answer by HTTP would be cut by 15 s before: what is shown is silence
      const quiet = variant(held, 'cut.test', { timeoutPolicy: { response: 'infinity' } });
      await applyAll(cluster, [...serviceOf(objects, bridge), held, quiet]);
      await using contour = await openContour({ ...cluster, namespace, config: idle });
      const ways = { held: at(contour.url, 'held.test'), cut: at(contour.url, 'cut.test') };
      await untilServed(ways.held, contour);
      await untilServed(ways.cut, contour);
      expect(await outlast({ ...ways, bridge, seconds })).toEqual(outlasted);
    },
    testMs(seconds) + startMs,
  );

  test(
    'passes headers, messages of 16 MiB and the code 1012, and without enableWebsockets upgrades nothing',
    async () => {
      const namespace = await cluster.namespace();
      const objects = await renderPreset('contour', {}, namespace);
      await using bridge = await openPinglessBridge(address);
      const proxy = rendered(objects, 'HTTPProxy');
      const refusing = variant(proxy, 'refusing.test', { enableWebsockets: false });
      await applyAll(cluster, [...serviceOf(objects, bridge), proxy, refusing]);
      await using contour = await openContour({ ...cluster, namespace });
      const way = at(contour.url, 'held.test');
      const elsewhere = at(contour.url, 'refusing.test');
      await untilServed(way, contour);
      await untilServed(elsewhere, contour);
      const headers = headersOf(elsewhere);
      const refused = await connect(`${elsewhere.url}/responses`, { headers }).catch(
        (error: unknown) => error,
      );
      expect(refused).toBeInstanceOf(UpgradeRefused);
      expect(refused).toMatchObject({ status: 403 });
      expect(await tryPassage(way, bridge)).toEqual(allPassed);
    },
    testMs(0) + startMs,
  );
});

describe('an HTTPRoute', () => {
  test(
    'holds them when Contour’s own configuration has a longer time, which no HTTPRoute can say; else they are cut',
    async () => {
      const namespace = await cluster.namespace();
      const bridge = theBridge();
      await applyClass(namespace);
      const [heldPort = 0, cutPort = 0] = await freePorts(2);
      const gateways = ['held', 'cut'].map((name) => ({ name }));
      const objects = await renderRoute('none', { parentRefs: gateways }, namespace);
      await applyAll(cluster, [
        ...serviceOf(objects, bridge),
        gateway('held', heldPort, namespace),
        gateway('cut', cutPort, namespace),
        rendered(objects, 'HTTPRoute'),
      ]);
      const longer = { timeouts: { 'stream-idle-timeout': '3700s' } };
      await using patient = await openContour({
        ...cluster,
        namespace,
        config: { ...ofGateway('held', namespace), ...longer },
      });
      await using hasty = await openContour({
        ...cluster,
        namespace,
        config: { ...ofGateway('cut', namespace), ...idle },
      });
      const ways = { held: atPort(heldPort), cut: atPort(cutPort) };
      await untilServed(ways.held, patient);
      await untilServed(ways.cut, hasty);
      expect(await outlast({ ...ways, bridge, seconds })).toEqual(outlasted);
    },
    testMs(seconds) + startMs,
  );

  test(
    'passes headers, messages of 16 MiB and the code 1012, with a Service that does not say kubernetes.io/ws as well',
    async () => {
      const namespace = await cluster.namespace();
      await using bridge = await openPinglessBridge(address);
      await applyClass(namespace);
      const [port = 0] = await freePorts(1);
      const objects = await renderRoute('none', {}, namespace);
      const [service, endpoints] = serviceOf(objects, bridge) as [ServiceObject, object];
      expect(service.spec.ports[0]).toMatchObject({ appProtocol: 'kubernetes.io/ws' });
      const ports = service.spec.ports.map(({ appProtocol: _not, ...others }) => others);
      await applyAll(cluster, [
        { ...service, spec: { ...service.spec, ports } },
        endpoints,
        gateway('gateway', port, namespace),
        rendered(objects, 'HTTPRoute'),
      ]);
      await using contour = await openContour({
        ...cluster,
        namespace,
        config: ofGateway('gateway', namespace),
      });
      await untilServed(atPort(port), contour);
      expect(await tryPassage(atPort(port), bridge)).toEqual(allPassed);
    },
    testMs(0) + startMs,
  );
});

function at(url: string, host: string): WayIn {
  return { url, host };
}

function atPort(port: number): WayIn {
  return { url: `http://127.0.0.1:${String(port)}/v1`, host: 'held.test' };
}

/** The same proxy for another host, with other fields in its routes. */
function variant(proxy: KubeObject, fqdn: string, fields: object): object {
  const spec = proxy['spec'] as { readonly routes: readonly object[] };
  const routes = spec.routes.map((route) => ({ ...route, ...fields }));
  const metadata = { ...proxy.metadata, name: fqdn };
  return { ...proxy, metadata, spec: { ...spec, virtualhost: { fqdn }, routes } };
}

/** A class of all clusters is the one thing here that is in no namespace. */
async function applyClass(name: string): Promise<void> {
  const spec = { controllerName: 'projectcontour.io/gateway-controller' };
  cluster.atEnd(() => cluster.kubectl(['delete', 'gatewayclass', name]));
  await applyAll(cluster, [{ apiVersion: gatewayApi, kind: 'GatewayClass', metadata: { name }, spec }]);
}

/** Contour's Envoy listens so far above the port of a Gateway's listener (`internal/gatewayapi/listeners.go`). */
const envoyOffset = 8_000;

/** Of the class that has the namespace's name. Clients get in by `port` of loopback. */
function gateway(name: string, port: number, namespace: string): object {
  return {
    apiVersion: gatewayApi,
    kind: 'Gateway',
    metadata: { name, namespace },
    spec: {
      gatewayClassName: namespace,
      listeners: [{ name: 'http', protocol: 'HTTP', port: port - envoyOffset }],
    },
  };
}

/** Contour's configuration that makes it serve one Gateway, whatever its class. */
function ofGateway(name: string, namespace: string): object {
  return { gateway: { gatewayRef: { name, namespace } } };
}
