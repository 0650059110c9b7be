/** The real command in a process of its own, and what the system says of that process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { routeTo, type RouteWishes } from '../harness/bridge.ts';
import { routeFile } from '../protocol/scene.ts';
import { until, within } from '../harness/wait-for.ts';

const MIB = 1024 * 1024;
const command = join(import.meta.dirname, '../../cmd/turnbridge.ts');

/** Budgets in MiB, as the flags have them. Small ones: full budgets are then reached with little traffic. */
export interface BudgetMib {
  readonly inbound: number;
  readonly clientSend: number;
  readonly transcripts: number;
  readonly answers: number;
}

export interface ProcessWishes {
  readonly providerUrl: string;
  readonly budgets: BudgetMib;
  readonly route?: RouteWishes;
  /** Secrets by name, as further documents of the first route file. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Further flags of `turnbridge bridge`. */
  readonly flags?: readonly string[];
  /** With an inspector, through which garbage can be collected: costs the process some MiB. */
  readonly inspect?: boolean;
}

export interface BridgeProcess extends AsyncDisposable {
  readonly pid: number;
  /** `ws://127.0.0.1:PORT/v1/responses` */
  readonly socketUrl: string;
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string;
  /** `http://127.0.0.1:PORT` of the ops port. */
  readonly opsUrl: string;
  /** Of the inspector; only where it was asked for. */
  readonly inspectorUrl: string | undefined;
  /** Log lines `bridge.mistake` so far, and what came on stderr: empty when all is well. */
  readonly complaints: readonly string[];
  /** Log lines of level `warn` so far, parsed. */
  readonly warnings: readonly Readonly<Record<string, unknown>>[];
  /** Resident memory now, in bytes. */
  resident(): Promise<number>;
  /** The most that was resident since the start, in bytes. */
  peak(): Promise<number>;
  /** Processor time of the process so far, in microseconds; the system counts it in steps of 10 ms. */
  processorUs(): Promise<number>;
  /** Open file descriptors. */
  descriptors(): Promise<number>;
  /** All samples of /metrics, by name and labels as they stand there. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** Replaces the route file. */
  setRoute(route: RouteWishes): Promise<void>;
  /** SIGTERM; resolves when it has drained and left with code 0. May be called twice. */
  stop(): Promise<void>;
}

/** Starts `turnbridge bridge`. Left, it must end by itself on SIGTERM, with nothing to complain of. */
export async function openBridgeProcess(wishes: ProcessWishes): Promise<BridgeProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'turnbridge-load-'));
  const routes = join(folder, 'routes.yaml');
  await writeFile(routes, routeFile(wishes.providerUrl, wishes.route, wishes.secrets));
  const child = spawn(process.execPath, argumentsFor(wishes, routes), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  const started = Promise.withResolvers<{ listen: string; ops: string }>();
  const inspector = Promise.withResolvers<string>();
  const complaints: string[] = [];
  const warnings: Record<string, unknown>[] = [];
  createInterface(child.stdout).on('line', (text) => {
    const line = JSON.parse(text) as Record<string, string>;
    if (line['event'] === 'process.start')
      started.resolve({ listen: line['listen'] ?? '', ops: line['ops_listen'] ?? '' });
    if (line['event'] === 'bridge.mistake') complaints.push(text);
    if (line['level'] === 'warn') warnings.push(line);
  });
  createInterface(child.stderr).on('line', (text) => {
    const url = /^Debugger listening on (ws:\S+)$/.exec(text)?.[1];
    if (url !== undefined) inspector.resolve(url);
    else if (wishes.inspect !== true) complaints.push(text); // an inspector talks there
  });
  child.once('exit', (code) =>
    started.reject(new Error(`the bridge ended with ${code}: ${complaints.join('\n')}`)),
  );
  const { listen, ops } = await within(started.promise, 'the bridge to start', 20_000).catch(
    (error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    },
  );
  const pid = child.pid ?? 0;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= ended(child));
  return {
    pid,
    socketUrl: `ws://${listen}/v1/responses`,
    url: `http://${listen}/v1`,
    opsUrl: `http://${ops}`,
    inspectorUrl: wishes.inspect === true ? await inspector.promise : undefined,
    complaints,
    warnings,
    resident: () => memoryOf(pid, 'VmRSS'),
    peak: () => memoryOf(pid, 'VmHWM'),
    processorUs: () => processorUsOf(pid),
    descriptors: async () => (await readdir(`/proc/${pid}/fd`)).length,
    metrics: async () => samplesOf(await (await fetch(`http://${ops}/metrics`)).text()),
    setRoute: (route) => writeFile(routes, routeTo(wishes.providerUrl, route)),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(folder, { recursive: true });
      if (complaints.length > 0) throw new Error(`the bridge complained: ${complaints.join('\n')}`);
    },
  };
}

function argumentsFor({ budgets, flags = [], inspect = false }: ProcessWishes, routes: string): string[] {
  const options = {
    routes,
    listen: '127.0.0.1:0',
    'ops-listen': '127.0.0.1:0',
    'log-format': 'json',
    'drain-delay': 0,
    'drain-spread': 0,
    'drain-deadline': 5,
    'drain-linger': 0,
    'inbound-budget': budgets.inbound,
    'client-send-budget': budgets.clientSend,
    'transcript-budget': budgets.transcripts,
    'answer-budget': budgets.answers,
  };
  const given = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  return [...(inspect ? ['--inspect=127.0.0.1:0'] : []), command, 'bridge', ...given, ...flags];
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  try {
    const code = await within(exit, 'the bridge to leave', 20_000);
    if (code !== 0) throw new Error(`the bridge ended with ${code}`);
  } finally {
    child.kill('SIGKILL');
  }
}

/** @throws Error where the system does not tell: these tests are for Linux. */
async function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch((cause: unknown) => {
    throw new Error('resident memory is read from /proc, which is not here: run these tests on Linux', {
      cause,
    });
  });
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`/proc/PID/status has no ${field}`);
  return Number(kib) * 1024;
}

/** Microseconds of one clock tick: Linux counts 100 of them in a second (`USER_HZ`) on all its platforms. */
const TICK_US = 10_000;

/** User and system time together (proc(5), /proc/PID/stat, fields 14 and 15). */
async function processorUsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from field 3 on: a name may hold spaces
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

function samplesOf(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const sample = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line);
    if (sample?.[1] !== undefined) samples.set(sample[1], Number(sample[2]));
  }
  return samples;
}

/** Every gauge of bytes that wait or are remembered, by name. */
export async function heldBytes(bridge: BridgeProcess): Promise<Record<string, number>> {
  const held: Record<string, number> = {};
  for (const [name, value] of await bridge.metrics()) {
    if (/^turnbridge_(?:queued_bytes|transcript_bytes)/.test(name)) held[name] = value;
  }
  return held;
}

/** Resolves when no connection is left and every byte was given back. */
export async function emptied(bridge: BridgeProcess): Promise<void> {
  await until(
    async () => {
      const connections = (await bridge.metrics()).get('turnbridge_client_connections');
      const held = Object.values(await heldBytes(bridge));
      return connections === 0 && held.length >= 4 && held.every((bytes) => bytes === 0);
    },
    'connections and bytes to be gone',
    30_000,
  );
}

/** For messages and measurements. */
export function toMib(bytes: number): number {
  return Math.round(bytes / MIB);
}
