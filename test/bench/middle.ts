/** The process in the middle: a relay, a bridge, or none. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Judges } from './build-judges.ts';
import { Child } from './child.ts';
import type { Cores } from './cores.ts';
import { fetched } from './fetched.ts';

/** What a run needs of the machine. */
export interface Stage {
  readonly judges: Judges;
  readonly cores: Cores;
  /** For route files, bodies and compile caches; its owner removes it. */
  readonly folder: string;
  readonly providerPort: number;
}

/** Where the clients go, how they speak there, and whose CPU counts. */
export interface Middle extends AsyncDisposable {
  readonly mode: 'ws' | 'sse';
  readonly port: number;
  /** Undefined: nobody's. */
  readonly pid: number | undefined;
}

/** The command of this checkout's bridge, as the image runs it. */
export const THIS_BRIDGE: readonly string[] = [
  process.execPath,
  '--max-semi-space-size=8',
  fileURLToPath(new URL('../../cmd/turnbridge.ts', import.meta.url)),
];

/** How the bridge reaches the provider. Whoever is not translated to speaks that as well. */
export type ProviderTransport = 'HTTP' | 'WebSocket';

/** Nothing in the middle: clients go to the provider. */
export function noMiddle({ providerPort }: Stage, transport: ProviderTransport): Middle {
  return {
    mode: modeOf(transport),
    port: providerPort,
    pid: undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The provider, on a port of its own choice. */
export async function openProvider(judges: Judges, cores: Cores): Promise<{ child: Child; port: number }> {
  const child = new Child({
    name: 'the provider',
    pin: judges.pin,
    core: cores.judges,
    priority: cores.priority,
    argv: [judges.provider],
  });
  return { child, port: await portOf(child) };
}

export async function openRelay(
  { judges, cores, providerPort }: Stage,
  transport: ProviderTransport,
): Promise<Middle> {
  const child = new Child({
    name: 'the relay',
    pin: judges.pin,
    core: cores.middle,
    priority: cores.priority,
    argv: [judges.relay, String(providerPort)],
  });
  const port = await portOf(child);
  const mode = modeOf(transport);
  return { mode, port, pid: child.pid, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

/** A receiver of traces that takes everything and keeps nothing, on the judges' core. */
export async function openReceiver({ judges, cores }: Stage): Promise<{ child: Child; port: number }> {
  const child = new Child({
    name: 'the receiver of traces',
    pin: judges.pin,
    core: cores.judges,
    priority: cores.priority,
    argv: [process.execPath, fileURLToPath(new URL('trace-receiver.ts', import.meta.url))],
  });
  return { child, port: await portOf(child) };
}

/** A bridge with its own ops port; `terminate` ends it as an orchestrator would. */
export interface BridgeProcess extends Middle {
  readonly opsPort: number;
  terminate(): Promise<void>;
}

/** Left out: HTTP, no further flags. */
export interface BridgeWishes {
  readonly transport?: ProviderTransport;
  readonly flags?: readonly string[];
}

/**
 * The real command with a route to the provider: anonymous clients, no key, everything else as it comes. Its log (JSON,
 * a line per turn) goes into a pipe that is read and thrown away, as a container's does.
 */
export async function openBridge(
  stage: Stage,
  command: readonly string[],
  { transport = 'HTTP', flags = [] }: BridgeWishes = {},
): Promise<BridgeProcess> {
  const routes = join(stage.folder, `route-${transport}.yaml`);
  await writeFile(routes, routeTo(stage.providerPort, transport));
  const child = new Child({
    name: 'the bridge',
    pin: stage.judges.pin,
    core: stage.cores.middle,
    priority: stage.cores.priority,
    argv: [
      ...command,
      'bridge',
      `--routes=${routes}`,
      '--listen=127.0.0.1:0',
      '--ops-listen=127.0.0.1:0',
      '--drain-delay=0',
      '--drain-spread=0',
      ...flags,
    ],
    env: { NODE_COMPILE_CACHE: join(stage.folder, 'compile-cache') },
  });
  try {
    const [line] = await child.printed(/^.*"event":"process\.start".*$/m);
    await child.printed(/"event":"process\.ready"/);
    child.ignoreOutput();
    const start = JSON.parse(line) as { readonly listen: string; readonly ops_listen: string };
    return {
      mode: 'ws',
      port: portIn(start.listen),
      opsPort: portIn(start.ops_listen),
      pid: child.pid,
      terminate: () => child.terminate(),
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

async function portOf(child: Child): Promise<number> {
  const [, port] = await child.printed(/^(\d+)\n/);
  return Number(port);
}

function portIn(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

function modeOf(transport: ProviderTransport): Middle['mode'] {
  return transport === 'HTTP' ? 'sse' : 'ws';
}

/** WebSockets that were opened to the provider so far, by whomever. */
export async function dialsSoFar({ providerPort }: Stage): Promise<number> {
  return Number((await fetched(`http://127.0.0.1:${providerPort}/dials`)).text);
}

function routeTo(port: number, transport: ProviderTransport): string {
  return `apiVersion: turnbridge.dev/v1alpha1
kind: ResponsesRoute
metadata: { name: bench }
spec:
  clients: { auth: { type: None } }
  providers:
    - { name: bench, url: 'http://127.0.0.1:${port}/v1', transport: ${transport}, auth: { type: None } }
`;
}
