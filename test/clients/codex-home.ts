/** A home for one Codex: its configuration, an empty folder to work in, and the environment that keeps it to itself. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a test may want different. Everything left out is as a careful user would write it. */
export interface CodexHomeOptions {
  /** `http://127.0.0.1:PORT/v1`, of the bridge or of the provider itself. */
  readonly baseUrl: string;
  /** `gpt-5.5`: an ordinary model. `gpt-6.1-sol`: a lite one. Anything else: unknown to Codex, ordinary. */
  readonly model?: string;
  /** false = plain HTTP from the start. */
  readonly webSocket?: boolean;
  readonly requestMaxRetries?: number;
  readonly streamMaxRetries?: number;
  readonly streamIdleTimeoutMs?: number;
  /** Of a handshake and of the warm-up. Left out: Codex's own, since one given up early is one socket more. */
  readonly webSocketConnectTimeoutMs?: number;
  readonly apiKey?: string;
  readonly httpHeaders?: Readonly<Record<string, string>>;
  readonly queryParams?: Readonly<Record<string, string>>;
  /** Where Codex sends its own spans, by OTLP/HTTP: `http://HOST:PORT/v1/traces`. Without it Codex makes none. */
  readonly tracesUrl?: string;
  /** Lines at the top level of config.toml, before any table. */
  readonly topLines?: readonly string[];
  /** Lines of the provider's own table. */
  readonly providerLines?: readonly string[];
  /** Whole tables, at the end. */
  readonly endLines?: readonly string[];
}

/** Owns the folder; `await using` removes it. */
export interface CodexHome extends AsyncDisposable {
  /** CODEX_HOME. */
  readonly path: string;
  /** The empty folder that the agent works in. */
  readonly work: string;
  /** The whole environment of the process: nothing is inherited but PATH. */
  readonly env: Readonly<Record<string, string>>;
}

const keyVariable = 'BRIDGE_API_KEY';

const traceDelayMs = 200;

/** Writes a Codex home into a new temporary folder. */
export async function openCodexHome(options: CodexHomeOptions): Promise<CodexHome> {
  const root = await mkdtemp(join(tmpdir(), 'turnbridge-codex-'));
  const path = join(root, 'home');
  const work = join(root, 'work');
  await mkdir(path);
  await mkdir(work);
  await writeFile(join(path, 'config.toml'), toConfig(options));
  return {
    path,
    work,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: path,
      CODEX_HOME: path,
      [keyVariable]: options.apiKey ?? 'client-key',
      NO_COLOR: '1',
      // a proxy of the machine would be used for loopback as well
      NO_PROXY: '127.0.0.1,localhost',
      // the only place where Codex reports the first retry, which it hides from its user
      RUST_LOG: 'codex_core=warn,codex_api=info',
      // an app server sends its spans at this pace, and what it has not sent when it is killed is lost
      ...(options.tracesUrl === undefined ? {} : { OTEL_BSP_SCHEDULE_DELAY: String(traceDelayMs) }),
    },
    async [Symbol.asyncDispose]() {
      // a killed process may still be closing its files
      await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

function toConfig(options: CodexHomeOptions): string {
  const text = JSON.stringify; // a JSON string is a TOML basic string
  const table = (entries: Readonly<Record<string, string>>): string =>
    `{ ${Object.entries(entries)
      .map(([name, value]) => `${text(name)} = ${text(value)}`)
      .join(', ')} }`;
  return [
    `model = ${text(options.model ?? 'gpt-5.5')}`,
    'model_provider = "bridge"',
    'approval_policy = "never"',
    'sandbox_mode = "danger-full-access"',
    'check_for_update_on_startup = false',
    'web_search = "disabled"',
    ...(options.topLines ?? []),
    '[model_providers.bridge]',
    'name = "Bridge"',
    `base_url = ${text(options.baseUrl)}`,
    'wire_api = "responses"',
    `env_key = ${text(keyVariable)}`,
    `supports_websockets = ${String(options.webSocket ?? true)}`,
    `request_max_retries = ${options.requestMaxRetries ?? 2}`,
    `stream_max_retries = ${options.streamMaxRetries ?? 5}`,
    `stream_idle_timeout_ms = ${options.streamIdleTimeoutMs ?? 15_000}`,
    `websocket_connect_timeout_ms = ${options.webSocketConnectTimeoutMs ?? 15_000}`,
    ...(options.httpHeaders ? [`http_headers = ${table(options.httpHeaders)}`] : []),
    ...(options.queryParams ? [`query_params = ${table(options.queryParams)}`] : []),
    ...(options.providerLines ?? []),
    '[analytics]',
    'enabled = false',
    '[feedback]',
    'enabled = false',
    '[otel]',
    'exporter = "none"',
    `trace_exporter = ${traceExporter(options.tracesUrl)}`,
    'metrics_exporter = "none"',
    '[features]', // what would call other hosts, or retry without end
    'plugins = false',
    'apps = false',
    'memories = false',
    'goals = false',
    'shell_snapshot = false',
    'unbounded_connection_retries = false',
    ...(options.endLines ?? []),
    '',
  ].join('\n');
}

/** The endpoint is used as it is. */
function traceExporter(url: string | undefined): string {
  if (url === undefined) return '"none"';
  return `{ otlp-http = { endpoint = ${JSON.stringify(url)}, protocol = "binary" } }`;
}
