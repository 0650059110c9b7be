/** The flags of `turnbridge bridge`: each with its environment variable, its default and its sentence. */
import { constrainedMemory, type env as processEnv } from 'node:process';
import { totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import type { BudgetSizes, DrainTimes, HostAndPort } from '../src/bridge.ts';
import type { ConnectionSettings } from '../src/client/connection-tools.ts';
import type { OutboundProxy } from '../src/provider/provider-pool.ts';
import { UsageError } from './exits.ts';
import { parseListen } from './listen-address.ts';

/** What the flags say, checked. */
export interface BridgeFlags {
  readonly routes: string;
  readonly listen: HostAndPort;
  readonly opsListen: HostAndPort;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'json' | 'text' | 'auto';
  readonly maxConnections: number;
  readonly installationId: string | undefined;
  readonly settings: ConnectionSettings;
  readonly budgets: BudgetSizes;
  readonly drain: DrainTimes;
  /** From the usual variables, not from flags: what every program of a machine uses. */
  readonly proxy: OutboundProxy;
}

interface Flag {
  readonly value: string;
  /** Undefined: must be given. */
  readonly default: string | undefined;
  readonly help: string;
}

const MIB = 1024 * 1024;
/** A terabyte: beyond it somebody mistook the unit. */
const MAX_MIB = 1024 * 1024;
/** A week. Timers overflow at 24.8 days, and then fire at once. */
const MAX_SECONDS = 7 * 86_400;
/** Most that is taken for transcripts without being asked: beyond it a process does better as two. */
const MAX_DEFAULT_TRANSCRIPT_BYTES = 2048 * MIB;
/** Most that is taken for each of the other budgets: eight messages of the usual limit. */
const MAX_DEFAULT_TRAFFIC_BYTES = 512 * MIB;

/**
 * The budgets of a process that may use so much memory, in MiB: a quarter for transcripts, a sixteenth for each of the
 * others. From 1 GiB on it then stays below its limit whatever fills them (docs/reliability.md, "Memory").
 */
export function defaultBudgetsMib(memoryBytes: number): { transcripts: number; traffic: number } {
  const share = (part: number, maxBytes: number): number =>
    Math.max(1, Math.floor(Math.min(memoryBytes * part, maxBytes) / MIB));
  return {
    transcripts: share(1 / 4, MAX_DEFAULT_TRANSCRIPT_BYTES),
    traffic: share(1 / 16, MAX_DEFAULT_TRAFFIC_BYTES),
  };
}

/** What this process may use: its control group's limit, or all there is. */
function usableMemory(): number {
  const limit = constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

const defaults = defaultBudgetsMib(usableMemory());

export const BRIDGE_FLAGS = {
  routes: { value: 'PATH', default: undefined, help: 'route file, or folder of route files' },
  listen: {
    value: 'HOST:PORT',
    default: '127.0.0.1:8787',
    help: 'where clients are served; port 0 takes a free one',
  },
  'ops-listen': { value: 'HOST:PORT', default: '127.0.0.1:9464', help: '/healthz, /readyz, /metrics' },
  'max-connections': {
    value: 'N',
    default: '20000',
    help: 'connections and HTTP requests at a time; more get 503',
  },
  'ping-interval': {
    value: 'SECONDS',
    default: '25',
    help: 'WebSocket pings to clients; a client of which nothing comes after two is gone; 0 = off',
  },
  'keepalive-interval': {
    value: 'SECONDS',
    default: '10',
    help: 'silence after which a waiting Codex client gets a text; 0 = off',
  },
  'client-send-buffer': {
    value: 'KIB',
    default: '1024',
    help: 'unsent bytes of one client at which its provider is paused',
  },
  'client-stall-timeout': {
    value: 'SECONDS',
    default: '30',
    help: 'a client that takes no byte for so long is closed',
  },
  'inbound-budget': {
    value: 'MIB',
    default: String(defaults.traffic),
    help: 'requests being received or waiting, all clients: a sixteenth of the memory, at most 512',
  },
  'client-send-budget': {
    value: 'MIB',
    default: String(defaults.traffic),
    help: 'unsent bytes of all clients; above it each may have 64 KiB: as above',
  },
  'transcript-budget': {
    value: 'MIB',
    default: String(defaults.transcripts),
    help: 'remembered input and output, all connections: a quarter of the memory, at most 2048',
  },
  'answer-budget': {
    value: 'MIB',
    default: String(defaults.traffic),
    help: 'provider answers held until they are whole: large events, JSON, repairs: as above',
  },
  'drain-delay': {
    value: 'SECONDS',
    default: '10',
    help: 'after SIGTERM: go on accepting while balancers notice',
  },
  'drain-spread': {
    value: 'SECONDS',
    default: '10',
    help: 'close idle connections at random moments of this time',
  },
  'drain-deadline': { value: 'SECONDS', default: '3600', help: 'after SIGTERM: cut what still runs' },
  'installation-id': {
    value: 'NAME',
    default: '',
    help: 'names this installation in x-turnbridge-via, to notice circles; random unless given',
  },
  'log-level': { value: 'LEVEL', default: 'info', help: 'debug, info, warn or error' },
  'log-format': { value: 'FORMAT', default: 'auto', help: 'json, text, or auto: text on a terminal' },
} as const satisfies Record<string, Flag>;

type FlagName = keyof typeof BRIDGE_FLAGS;

/** The environment variable of a flag: `TURNBRIDGE_OPS_LISTEN`. */
export function variableOf(flag: string): string {
  return `TURNBRIDGE_${flag.toUpperCase().replaceAll('-', '_')}`;
}

export function bridgeHelp(): string {
  const lines = Object.entries<Flag>(BRIDGE_FLAGS).map(([name, flag]) => {
    const left = `  --${name} ${flag.value}`.padEnd(34);
    const fallback = flag.default === undefined || flag.default === '' ? '' : ` [${flag.default}]`;
    return `${left}${flag.help}${fallback}`;
  });
  return `Usage: turnbridge bridge --routes PATH [options]

Serves the routes in PATH and takes changes within a second, without dropping a connection.
Stops gracefully on SIGTERM and SIGINT (after --drain-delay at the soonest); at once on a second one.

Options (each also as an environment variable, such as ${variableOf('ops-listen')}):
${lines.join('\n')}
  --help                          this text

Exit codes: 0 after a drain, 2 for wrong usage, broken routes or an address that cannot be had.`;
}

/**
 * Reads flags, then the environment, then defaults. Undefined: help was asked for.
 * @throws UsageError, or a TypeError of parseArgs, with a sentence for the person.
 */
export function parseBridgeFlags(argv: string[], env: typeof processEnv): BridgeFlags | undefined {
  const { values, positionals } = readArguments(argv);
  if (values.help === true) return undefined;
  const [stray] = positionals;
  if (stray !== undefined)
    throw new UsageError(`"${stray}" stands alone: for a route file write --routes ${stray}`);
  const text = (name: FlagName): string => {
    const given = values[name] ?? env[variableOf(name)] ?? BRIDGE_FLAGS[name].default;
    if (given === undefined)
      throw new UsageError(`--${name} is missing: write --${name} ${BRIDGE_FLAGS[name].value}`);
    return given;
  };
  const number = (name: FlagName, min: number, max = MAX_SECONDS): number => {
    const value = Number(text(name));
    if (text(name).trim() === '' || !(value >= min && value <= max)) {
      throw new UsageError(
        `--${name} is a number from ${min} to ${max}, not "${text(name)}"; the default is ${BRIDGE_FLAGS[name].default}`,
      );
    }
    return value;
  };
  const oneOf = <const T extends string>(name: FlagName, allowed: readonly T[]): T => {
    const found = allowed.find((word) => word === text(name));
    if (found === undefined)
      throw new UsageError(`--${name} is one of ${allowed.join(', ')}, not "${text(name)}"`);
    return found;
  };
  return {
    routes: text('routes'),
    listen: parseListen('listen', text('listen'), BRIDGE_FLAGS.listen.default),
    opsListen: parseListen('ops-listen', text('ops-listen'), BRIDGE_FLAGS['ops-listen'].default),
    logLevel: oneOf('log-level', ['debug', 'info', 'warn', 'error']),
    logFormat: oneOf('log-format', ['json', 'text', 'auto']),
    maxConnections: Math.floor(number('max-connections', 1, 1_000_000)),
    installationId: parseInstallationId(text('installation-id')),
    settings: {
      pingIntervalMs: number('ping-interval', 0) * 1000,
      keepaliveMs: number('keepalive-interval', 0) * 1000,
      flow: {
        maxUnsentBytes: number('client-send-buffer', 64, MAX_MIB * 1024) * 1024,
        maxStallMs: number('client-stall-timeout', 1) * 1000,
      },
    },
    budgets: {
      inboundBytes: number('inbound-budget', 1, MAX_MIB) * MIB,
      clientSendBytes: number('client-send-budget', 1, MAX_MIB) * MIB,
      transcriptBytes: number('transcript-budget', 0, MAX_MIB) * MIB,
      answerBytes: number('answer-budget', 1, MAX_MIB) * MIB,
    },
    drain: {
      delayMs: number('drain-delay', 0) * 1000,
      spreadMs: number('drain-spread', 0) * 1000,
      deadlineMs: number('drain-deadline', 0) * 1000,
    },
    proxy: {
      httpProxy: parseProxy('http_proxy', env),
      httpsProxy: parseProxy('https_proxy', env),
      noProxy: env['no_proxy'] ?? env['NO_PROXY'],
    },
  };
}

function readArguments(argv: string[]) {
  const names = Object.keys(BRIDGE_FLAGS) as FlagName[];
  const strings = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
  return parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      ...(strings as Record<FlagName, { type: 'string' }>),
      help: { type: 'boolean', short: 'h' },
    },
  });
}

/** The address of a proxy; `proxy.example:3128` is read as curl reads it. @throws UsageError */
function parseProxy(name: string, env: typeof processEnv): string | undefined {
  const text = (env[name] ?? env[name.toUpperCase()] ?? '').trim();
  if (text === '') return undefined;
  const address = text.includes('://') ? text : `http://${text}`;
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address)) {
    const variable = env[name] === undefined ? name.toUpperCase() : name;
    throw new UsageError(
      `the environment variable ${variable} is no address of an HTTP proxy: write http://HOST:PORT`,
    );
  }
  return address;
}

function parseInstallationId(text: string): string | undefined {
  if (text === '') return undefined;
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text)) {
    throw new UsageError('--installation-id is 1 to 64 characters of A-Z a-z 0-9 . _ -');
  }
  return text;
}
