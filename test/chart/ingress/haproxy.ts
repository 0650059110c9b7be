/** Debian's HAProxy in front of a bridge, set up as one of the two controllers that drive it would set it up. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOnFreePort } from '../../observers/server-process.ts';
import { ensureHaproxy } from './programs.ts';
import { accepts, startProxy, type ProxyProcess } from './proxy-process.ts';
import type { WayIn } from './way-in.ts';

export interface HaproxyWishes {
  readonly upstream: { readonly host: string; readonly port: number };
  /** `timeout NAME` of the section defaults, with a unit: `{ tunnel: '1h' }`. */
  readonly timeouts: Readonly<Record<string, string>>;
  /** `timeout NAME` of the backend, over those. */
  readonly backendTimeouts?: Readonly<Record<string, string>>;
  /** Of the process: when what is left of an old worker is cut after a reload. */
  readonly hardStopAfter?: string;
}

export interface Haproxy extends AsyncDisposable {
  readonly process: ProxyProcess;
  readonly way: WayIn;
  /** What a controller does after a change that needs it: a new worker, the old one ends with its connections. */
  reload(): void;
}

/** Starts it. @throws Error with its words when it refuses its configuration. */
export async function openHaproxy(wishes: HaproxyWishes): Promise<Haproxy> {
  const haproxy = await ensureHaproxy();
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-haproxy-'));
  return startOnFreePort(async (port) => {
    const config = join(folder, 'haproxy.cfg');
    await writeFile(config, toConfig(wishes, port));
    const process = await startProxy({
      command: haproxy,
      args: ['-W', '-db', '-f', config],
      isReady: () => accepts(port),
    });
    return {
      process,
      way: { url: `http://127.0.0.1:${String(port)}/v1` },
      reload: () => process.signal('SIGUSR2'),
      async [Symbol.asyncDispose]() {
        await process.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });
}

function toConfig(
  { upstream, timeouts, backendTimeouts = {}, hardStopAfter }: HaproxyWishes,
  port: number,
): string {
  const lines = (of: Readonly<Record<string, string>>): string[] =>
    Object.entries(of).map(([name, value]) => `  timeout ${name} ${value}`);
  return [
    'global',
    ...(hardStopAfter === undefined ? [] : [`  hard-stop-after ${hardStopAfter}`]),
    'defaults',
    '  mode http',
    ...lines(timeouts),
    'frontend clients',
    `  bind 127.0.0.1:${String(port)}`,
    '  default_backend turnbridge',
    'backend turnbridge',
    ...lines(backendTimeouts),
    '  option forwardfor',
    `  server bridge ${upstream.host}:${String(upstream.port)}`,
    '',
  ].join('\n');
}
