/** Envoy in front of a bridge, set up as a product that is Envoy inside would set it up. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOnFreePort } from '../../observers/server-process.ts';
import { ensureEnvoy } from './programs.ts';
import { accepts, startProxy, type ProxyProcess } from './proxy-process.ts';
import type { WayIn } from './way-in.ts';

/** What decides over long requests. Durations as Envoy writes them: `3700s`, `0s` for none. */
export interface EnvoyTimeouts {
  /** Of the listener's connection manager: a stream in which nothing moves. Left out: Envoy's own, 5 minutes. */
  readonly streamIdle?: string;
  /** Of the route: from the end of the request to the end of the answer. Left out: Envoy's own, 15 s. */
  readonly request?: string;
  /** Of the route, over `streamIdle`. */
  readonly routeIdle?: string;
}

export interface EnvoyWishes {
  readonly upstream: { readonly host: string; readonly port: number };
  readonly timeouts: EnvoyTimeouts;
}

export interface Envoy extends AsyncDisposable {
  readonly process: ProxyProcess;
  readonly way: WayIn;
}

/** Starts it. @throws Error with its words when it refuses its configuration. */
export async function openEnvoy(wishes: EnvoyWishes): Promise<Envoy> {
  const envoy = await ensureEnvoy();
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-envoy-'));
  return startOnFreePort(async (port) => {
    const config = join(folder, 'envoy.json');
    await writeFile(config, JSON.stringify(toConfig(wishes, port)));
    const process = await startProxy({
      command: envoy,
      args: [...envoyArgs, '-c', config],
      isReady: () => accepts(port),
    });
    return {
      process,
      way: { url: `http://127.0.0.1:${String(port)}/v1` },
      async [Symbol.asyncDispose]() {
        await process.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });
}

/** One thread, as every further one costs memory; no hot restart, which several on one machine would dispute. */
export const envoyArgs: readonly string[] = ['--concurrency', '1', '--disable-hot-restart', '-l', 'warn'];

function toConfig({ upstream, timeouts }: EnvoyWishes, port: number): object {
  const { streamIdle, request, routeIdle } = timeouts;
  const route = {
    match: { prefix: '/' },
    route: {
      cluster: 'turnbridge',
      ...(request !== undefined && { timeout: request }),
      ...(routeIdle !== undefined && { idle_timeout: routeIdle }),
    },
  };
  const connectionManager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'clients',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    ...(streamIdle !== undefined && { stream_idle_timeout: streamIdle }),
    route_config: { virtual_hosts: [{ name: 'turnbridge', domains: ['*'], routes: [route] }] },
    http_filters: [
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
  const endpoint = { endpoint: { address: addressOf(upstream.host, upstream.port) } };
  return {
    static_resources: {
      listeners: [
        {
          name: 'clients',
          address: addressOf('127.0.0.1', port),
          filter_chains: [{ filters: [{ name: 'http', typed_config: connectionManager }] }],
        },
      ],
      clusters: [
        {
          name: 'turnbridge',
          load_assignment: { cluster_name: 'turnbridge', endpoints: [{ lb_endpoints: [endpoint] }] },
        },
      ],
    },
  };
}

function addressOf(host: string, port: number): object {
  return { socket_address: { address: host, port_value: port } };
}
