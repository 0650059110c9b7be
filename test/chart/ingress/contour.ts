/** Contour and its Envoy as they run in a cluster, but as processes beside its API server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../cluster/free-ports.ts';
import { mustRun } from '../../harness/run-command.ts';
import { envoyArgs } from './envoy.ts';
import { toFlags } from './flags.ts';
import { ensureContour, ensureEnvoy } from './programs.ts';
import { startProxy, type ProxyProcess } from './proxy-process.ts';

export interface ContourWishes {
  /** Of somebody who may read and write all of it. */
  readonly kubeconfigPath: string;
  /** The only namespace that it looks at. */
  readonly namespace: string;
  /** Contour's configuration file: `{ timeouts: { 'stream-idle-timeout': '2s' } }`. */
  readonly config?: object;
}

export interface Contour extends AsyncDisposable {
  readonly contour: ProxyProcess;
  readonly envoy: ProxyProcess;
  /** `http://127.0.0.1:PORT/v1`: where Envoy takes clients, once an object asks it to. */
  readonly url: string;
}

const loopback = '127.0.0.1';

/**
 * Starts both. @throws Error with Contour's words when it refuses its configuration, or a resource that it watches is
 * not served.
 */
export async function openContour({
  kubeconfigPath,
  namespace,
  config = {},
}: ContourWishes): Promise<Contour> {
  const { contour: program } = await ensureContour();
  const envoyProgram = await ensureEnvoy();
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-contour-'));
  const [xds = 0, health = 0, metrics = 0, debug = 0, http = 0, https = 0, stats = 0] = await freePorts(7);
  const configPath = join(folder, 'contour.yaml');
  await writeFile(configPath, JSON.stringify(config)); // which is YAML
  const xdsFlags = toFlags({ 'xds-address': loopback, 'xds-port': xds });
  const ports = toFlags({
    'health-address': loopback,
    'health-port': health,
    'http-address': loopback,
    'http-port': metrics,
    'debug-http-address': loopback,
    'debug-http-port': debug,
    'stats-address': loopback,
    'stats-port': stats,
    'envoy-service-http-address': loopback,
    'envoy-service-http-port': http,
    'envoy-service-https-address': loopback,
    'envoy-service-https-port': https,
  });
  const others = toFlags({
    kubeconfig: kubeconfigPath,
    'config-path': configPath,
    'watch-namespaces': namespace,
    'ingress-class-name': 'contour',
    // its own choice, /dev/stdout, cannot be opened where that is a socket, as the pipes of Node's children are
    'envoy-http-access-log': '/dev/null',
    'envoy-https-access-log': '/dev/null',
  });
  const contour = await startProxy({
    command: program,
    args: ['serve', '--insecure', '--disable-leader-election', ...xdsFlags, ...ports, ...others],
    isReady: () =>
      fetch(`http://127.0.0.1:${String(health)}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      ),
  });
  const bootstrap = join(folder, 'envoy.json');
  const close = async (): Promise<void> => {
    await contour.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await mustRun(program, [
      'bootstrap',
      ...xdsFlags,
      `--admin-address=${join(folder, 'admin.sock')}`,
      bootstrap,
    ]);
    const envoy = await startProxy({
      command: envoyProgram,
      args: ['-c', bootstrap, '--service-cluster', 'contour', '--service-node', 'test', ...envoyArgs],
      isReady: async () => true, // it listens when Contour says so, which is when an object does
    });
    return {
      contour,
      envoy,
      url: `http://127.0.0.1:${String(http)}/v1`,
      async [Symbol.asyncDispose]() {
        await envoy.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
