/** The flags of `turnbridge bridge`: each with its default and its sentence. */
import { constrainedMemory } from 'node:process';
import { totalmem } from 'node:os';
import { flagLines, variableOf, type Flag } from './flag-reader.ts';
import { ROUTE_FLAGS } from './route-flag-table.ts';

const MIB = 1024 * 1024;
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
export function usableMemory(): number {
  const limit = constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

const defaults = defaultBudgetsMib(usableMemory());

export const BRIDGE_FLAGS = {
  ...ROUTE_FLAGS,
  listen: {
    value: 'HOST:PORT',
    default: '127.0.0.1:8787',
    help: 'where clients are served; port 0 takes a free one',
  },
  'tls-dir': {
    value: 'PATH',
    default: '',
    help: 'folder with tls.crt and tls.key (PEM), such as a mounted Secret: clients are served over TLS, a new pair within seconds',
  },
  'ops-listen': {
    value: 'HOST:PORT',
    default: '127.0.0.1:9464',
    help: '/healthz, /readyz, /metrics, /snapshot, and the page',
  },
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
  'drain-linger': {
    value: 'SECONDS',
    default: '20',
    help: 'after turns were cut: stay until metrics tell of them; longer than a scrape takes to come',
  },
  'installation-id': {
    value: 'NAME',
    default: '',
    help: 'names this installation in x-turnbridge-via, to notice circles; random unless given',
  },
  'otlp-endpoint': {
    value: 'URL',
    default: '',
    help: 'where traces go: OTLP over HTTP, http://HOST:4318; OTEL_EXPORTER_OTLP_ENDPOINT says it too; none: no traces',
  },
  'trace-ratio': {
    value: 'SHARE',
    default: '',
    help: 'share of traces that are kept, 0 to 1; else OTEL_TRACES_SAMPLER_ARG, else 1',
  },
  'trace-propagation': {
    value: 'WHAT',
    default: 'auto',
    help: "traceparent for providers: attempt (ours), passthrough (the client's), none; auto: ours to private hosts, else passthrough",
  },
  semconv: {
    value: 'VERSION',
    default: 'latest',
    help: 'names of gen_ai attributes and metrics: latest or v1.41',
  },
  'genai-metrics': { value: 'ON', default: 'on', help: 'gen_ai_* beside our own metrics: on or off' },
  'client-address': {
    value: 'HOW',
    default: 'truncated',
    help: 'addresses of clients in traces: truncated to /24 and /48, or full',
  },
  'id-key-file': {
    value: 'PATH',
    default: '',
    help: 'key of the hash that stands for session ids; the same for all replicas; random without it',
  },
  'ops-page': {
    value: 'WHO',
    default: 'loopback',
    help: 'who sees the page on the ops port: loopback (a port-forward is), public or off',
  },
  'log-level': { value: 'LEVEL', default: 'info', help: 'debug, info, warn or error' },
  'log-format': { value: 'FORMAT', default: 'auto', help: 'json, text, or auto: text on a terminal' },
} as const satisfies Record<string, Flag>;

export type FlagName = keyof typeof BRIDGE_FLAGS;

/** How a command that takes these flags is called, what it does, and which flags it does not take. */
interface Caller {
  readonly usage: string;
  readonly what: string;
  readonly without: readonly FlagName[];
}

const BRIDGE: Caller = {
  usage: `turnbridge bridge --routes PATH [options]
       turnbridge bridge --snapshot-secret NAMESPACE/NAME [--snapshot-dir PATH] [options]`,
  what: `Serves the routes in PATH, or those that an operator writes into a Secret, and takes changes within a second,
without dropping a connection.
Stops gracefully on SIGTERM and SIGINT (after --drain-delay at the soonest); at once on a second one.`,
  without: [],
};

export function bridgeHelp({ usage, what, without }: Caller = BRIDGE): string {
  const flags = Object.entries<Flag>(BRIDGE_FLAGS).filter(([name]) => !without.some((each) => each === name));
  return `Usage: ${usage}

${what}

Options (each also as an environment variable, such as ${variableOf('ops-listen')}):
${flagLines(Object.fromEntries(flags))}
  --help                          this text

Exit codes: 0 after a drain, 2 for wrong usage, broken routes, a broken certificate or an address that cannot be had.`;
}
