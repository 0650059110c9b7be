/** Reads the flags of `turnbridge bridge`: what each says, checked. */
import type { env as processEnv } from 'node:process';
import type { BudgetSizes, DrainTimes, HostAndPort, RouteOrigin } from '../src/bridge.ts';
import type { ConnectionSettings } from '../src/client/connection-tools.ts';
import type { OutboundProxy } from '../src/provider/provider-pool.ts';
import { BRIDGE_FLAGS } from './bridge-flag-table.ts';
import { UsageError } from './exits.ts';
import { readFlags } from './flag-reader.ts';
import { parseRouteOrigin } from './route-flags.ts';
import { parseTracing, readIdKey, type TelemetryFlags } from './telemetry-flags.ts';

/** What the flags say, checked. */
export interface BridgeFlags {
  readonly routes: RouteOrigin;
  readonly listen: HostAndPort;
  /** Holds the certificate and the key of the listener; undefined: plain HTTP. */
  readonly tlsFolder: string | undefined;
  readonly opsListen: HostAndPort;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'json' | 'text' | 'auto';
  readonly maxConnections: number;
  readonly installationId: string | undefined;
  readonly settings: ConnectionSettings;
  readonly budgets: BudgetSizes;
  readonly drain: DrainTimes;
  readonly telemetry: TelemetryFlags;
  /** From the usual variables, not from flags: what every program of a machine uses. */
  readonly proxy: OutboundProxy;
}

const MIB = 1024 * 1024;
/** A terabyte: beyond it somebody mistook the unit. */
const MAX_MIB = 1024 * 1024;

/**
 * Reads flags, then the environment, then defaults. Undefined: help was asked for.
 * @throws UsageError with a sentence for the person.
 */
export function parseBridgeFlags(argv: string[], env: typeof processEnv): BridgeFlags | undefined {
  const flags = readFlags(BRIDGE_FLAGS, argv, env, (word) => `for a route file write --routes ${word}`);
  if (flags === undefined) return undefined;
  const { text, named, number, oneOf, address } = flags;
  return {
    routes: parseRouteOrigin({ text, named }, env),
    listen: address('listen'),
    tlsFolder: text('tls-dir') || undefined,
    opsListen: address('ops-listen'),
    logLevel: oneOf('log-level', ['debug', 'info', 'warn', 'error']),
    logFormat: oneOf('log-format', ['json', 'text', 'auto']),
    maxConnections: Math.floor(number('max-connections', 1, 1_000_000)),
    installationId: parseInstallationId(text('installation-id'), named('installation-id')),
    settings: {
      pingIntervalMs: number('ping-interval', 0) * 1000,
      keepaliveMs: number('keepalive-interval', 0) * 1000,
      clientAddress: oneOf('client-address', ['truncated', 'full']),
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
      lingerMs: number('drain-linger', 0) * 1000,
    },
    telemetry: {
      tracing: parseTracing(text('otlp-endpoint'), text('trace-ratio'), env, {
        endpoint: named('otlp-endpoint'),
        ratio: named('trace-ratio'),
      }),
      propagation: oneOf('trace-propagation', ['auto', 'attempt', 'passthrough', 'none']),
      semconv: oneOf('semconv', ['latest', 'v1.41']),
      genaiMetrics: oneOf('genai-metrics', ['on', 'off']) === 'on',
      idKey: readIdKey(text('id-key-file'), named('id-key-file')),
      opsPage: oneOf('ops-page', ['loopback', 'public', 'off']),
    },
    proxy: {
      httpProxy: parseProxy('http_proxy', env),
      httpsProxy: parseProxy('https_proxy', env),
      noProxy: env['no_proxy'] ?? env['NO_PROXY'],
    },
  };
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

function parseInstallationId(text: string, name: string): string | undefined {
  if (text === '') return undefined;
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text)) {
    throw new UsageError(`${name} is 1 to 64 characters of A-Z a-z 0-9 . _ -`);
  }
  return text;
}
