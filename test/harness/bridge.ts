/** A real bridge in this process, on free ports, with routes given as text. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openBridge, type Bridge, type BridgeOptions, type DrainTimes } from '../../src/bridge.ts';
import type { ConnectionSettings } from '../../src/client/connection-tools.ts';
import { openLog } from '../../src/telemetry/log/log.ts';
import { within } from './wait-for.ts';

const MIB = 1024 * 1024;

/** What has not closed by then waits for a request that nobody ends: the test fails and goes on. */
const closeMs = 5000;

export interface TestBridge extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1`; `https:` with a tlsFolder. */
  readonly url: string;
  readonly port: number;
  /** `http://127.0.0.1:PORT` of the ops port. */
  readonly opsUrl: string;
  readonly bridge: Bridge;
  /** The log's lines so far, parsed. */
  logs(): LogLine[];
  /** The value of one sample in /metrics, 0 when it is not there: `turnbridge_turns_total{outcome="completed"}`. */
  metric(selector: string): Promise<number>;
  /** Replaces the route file. */
  setRoutes(yaml: string): Promise<void>;
  drain(times?: Partial<DrainTimes>): Promise<void>;
  close(): Promise<void>;
}

export interface LogLine {
  readonly event: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

export interface StartOptions {
  /** YAML of one or more documents. */
  readonly routes: string;
  /** Instead of the routes: where else they come from. */
  readonly origin?: BridgeOptions['routes'];
  readonly port?: number;
  /** Holds tls.crt and tls.key: clients are served over TLS. */
  readonly tlsFolder?: string;
  readonly env?: Record<string, string>;
  readonly settings?: Partial<ConnectionSettings>;
  readonly budgets?: Partial<BridgeOptions['budgets']>;
  readonly telemetry?: Partial<BridgeOptions['telemetry']>;
  readonly maxConnections?: number;
  readonly installationId?: string;
  readonly proxy?: BridgeOptions['proxy'];
}

/** Starts a bridge; use it with `await using`. */
export async function startBridge(options: StartOptions): Promise<TestBridge> {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-test-'));
  const routesPath = join(folder, 'routes.yaml');
  const logPath = join(folder, 'log');
  await writeFile(routesPath, options.routes);
  const fd = openSync(logPath, 'a');
  const log = openLog({ fd, format: 'json', level: 'debug', service: 'turnbridge', version: 'test' });
  const opening = openBridge({
    routes: options.origin ?? { kind: 'files', path: routesPath, env: options.env ?? {} },
    listen: { host: '127.0.0.1', port: options.port ?? 0 },
    tlsFolder: options.tlsFolder,
    opsListen: { host: '127.0.0.1', port: 0 },
    log,
    version: 'test',
    nodeVersion: process.version,
    installationId: options.installationId ?? 'test-bridge',
    proxy: options.proxy ?? {},
    maxConnections: options.maxConnections ?? 1000,
    budgets: {
      inboundBytes: 256 * MIB,
      clientSendBytes: 64 * MIB,
      transcriptBytes: 64 * MIB,
      answerBytes: 128 * MIB,
      ...options.budgets,
    },
    telemetry: {
      tracing: undefined,
      semconv: 'latest',
      genaiMetrics: true,
      opsPage: 'loopback',
      propagation: 'auto',
      idKey: Buffer.alloc(32, 1),
      revision: undefined,
      memoryLimitBytes: undefined,
      ...options.telemetry,
    },
    settings: {
      pingIntervalMs: 25_000,
      keepaliveMs: 10_000,
      clientAddress: 'truncated',
      flow: { maxUnsentBytes: MIB, maxStallMs: 30_000 },
      ...options.settings,
    },
  });
  const dispose = async (): Promise<void> => {
    await log.close();
    closeSync(fd);
    await rm(folder, { recursive: true });
  };
  const bridge = await opening.catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      try {
        await within(bridge.close(), 'the bridge to close', closeMs, () => stillThere(bridge));
      } finally {
        await dispose();
      }
    })();
    return closed;
  };
  const opsUrl = `http://127.0.0.1:${bridge.opsPort}`;
  return {
    url: `${options.tlsFolder === undefined ? 'http' : 'https'}://127.0.0.1:${bridge.port}/v1`,
    port: bridge.port,
    opsUrl,
    bridge,
    logs: () =>
      readFileSync(logPath, 'utf8')
        .split('\n')
        .slice(0, -1) // what follows the last line's end is still being written
        .map((line) => JSON.parse(line) as LogLine),
    metric: async (selector) => sampleOf(await (await fetch(`${opsUrl}/metrics`)).text(), selector),
    setRoutes: (yaml) => replaceFile(routesPath, yaml),
    drain: (times) => bridge.drain({ delayMs: 0, spreadMs: 0, deadlineMs: 60_000, lingerMs: 0, ...times }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** At once: between the two steps of an ordinary write a file is empty, which a bridge would see on a busy machine. */
async function replaceFile(path: string, text: string): Promise<void> {
  const hidden = join(dirname(path), '.being-written');
  await writeFile(hidden, text);
  await rename(hidden, path);
}

/** Why a bridge may not have closed. */
function stillThere({ connections, usedBytes }: Bridge): string {
  const why = connections === 0 ? 'so a request to a provider is still under way' : 'which nobody ends';
  return `${connections} connections or HTTP requests, ${why}; bytes counted: ${JSON.stringify(usedBytes)}`;
}

/** Sums the samples of a metric whose labels include those of the selector. */
function sampleOf(text: string, selector: string): number {
  const match = /^([a-z_]+)(?:\{(.*)\})?$/.exec(selector);
  const name = match?.[1] ?? '';
  const wanted = (match?.[2] ?? '').split(',').filter(Boolean);
  let sum = 0;
  for (const line of text.split('\n')) {
    const sample = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample?.[1] !== name) continue;
    const labels = sample[2] ?? '';
    if (wanted.every((label) => labels.includes(label))) sum += Number(sample[3]);
  }
  return sum;
}

/** What a test says of a route: a name, fields of the provider, and any field of `spec`. */
export interface RouteWishes {
  readonly name?: string;
  readonly provider?: Record<string, unknown>;
  readonly [specField: string]: unknown;
}

/** A route (as YAML, which JSON is) to one provider, over HTTP, anonymous on both sides unless said otherwise. */
export function routeTo(providerUrl: string, wishes: RouteWishes = {}): string {
  const { name = 'test', provider, ...spec } = wishes;
  return `${JSON.stringify({
    apiVersion: 'turnbridge.dev/v1alpha1',
    kind: 'ResponsesRoute',
    metadata: { name, namespace: 'default' },
    spec: {
      clients: { auth: { type: 'None' } },
      providers: [
        { name: 'scripted', url: providerUrl, transport: 'HTTP', auth: { type: 'None' }, ...provider },
      ],
      ...spec,
    },
  })}\n`;
}
