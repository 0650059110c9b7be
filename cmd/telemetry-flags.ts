/** The flags of `turnbridge bridge` that concern telemetry, and what OpenTelemetry's own variables say beside them. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { env as processEnv } from 'node:process';
import type { Semconv } from '../src/telemetry/names.ts';
import type { TracePropagation } from '../src/turn/trace-headers.ts';
import { UsageError } from './exits.ts';

export interface TelemetryFlags {
  /** Undefined: no traces, and nothing of OpenTelemetry is loaded. */
  readonly tracing: { readonly url: string; readonly ratio: number } | undefined;
  readonly propagation: TracePropagation;
  readonly semconv: Semconv;
  readonly genaiMetrics: boolean;
  /** Of the keyed hash that stands for session ids. */
  readonly idKey: Buffer;
  readonly opsPage: 'loopback' | 'public' | 'off';
}

/**
 * Where traces go: the flag, else the variables that every OpenTelemetry SDK reads. The flag and the general variable
 * name a base, to which `/v1/traces` is added.
 * @param names Under which the two were given: our own variables say the same as the flags.
 * @throws UsageError
 */
export function parseTracing(
  flag: string,
  ratioFlag: string,
  env: typeof processEnv,
  names = { endpoint: '--otlp-endpoint', ratio: '--trace-ratio' },
): TelemetryFlags['tracing'] {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none')
    return undefined;
  const ratio = parseRatioFlag(ratioFlag, names.ratio); // a wrong one is told also where nobody would read it
  const url = receiverUrl(flag, names.endpoint, env);
  return url === undefined ? undefined : { url, ratio: ratio ?? ratioOf(env) };
}

function receiverUrl(flag: string, name: string, env: typeof processEnv): string | undefined {
  if (flag !== '') return tracesUrl(flag, name);
  const own = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? '';
  if (own !== '') return checkedUrl(own, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT').href;
  const general = env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (general === '') return undefined;
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? '';
  if (protocol === 'grpc')
    throw new UsageError(
      'OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and traces are sent over HTTP only: name an OTLP/HTTP receiver with --otlp-endpoint http://HOST:4318',
    );
  return tracesUrl(general, 'OTEL_EXPORTER_OTLP_ENDPOINT');
}

function parseRatioFlag(flag: string, name: string): number | undefined {
  if (flag === '') return undefined;
  const ratio = shareOf(flag);
  if (ratio === undefined) throw new UsageError(`${name} is a share from 0 to 1, not "${flag}"`);
  return ratio;
}

/** OpenTelemetry's variables count where they name a sampler by share, or none; another's argument is not for us. */
function ratioOf(env: typeof processEnv): number {
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? '';
  const text = env['OTEL_TRACES_SAMPLER_ARG'] ?? '';
  if (sampler.endsWith('always_off')) return 0;
  if (text.trim() === '' || !(sampler === '' || sampler.endsWith('traceidratio'))) return 1;
  const share = shareOf(text);
  if (share === undefined)
    throw new UsageError(`OTEL_TRACES_SAMPLER_ARG is a share from 0 to 1, not "${text}"`);
  return share;
}

function shareOf(text: string): number | undefined {
  const share = text.trim() === '' ? NaN : Number(text);
  return share >= 0 && share <= 1 ? share : undefined;
}

function tracesUrl(base: string, name: string): string {
  const url = checkedUrl(base, name);
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith('/v1/traces') ? path : `${path}/v1/traces`;
  return url.href;
}

/** The value is not shown: it may hold a token. */
function checkedUrl(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || hasMoreThanAnAddress(url)) {
    throw new UsageError(
      `${name} is no address that traces can be sent to: write http://HOST:4318 (OTLP over HTTP; credentials belong into OTEL_EXPORTER_OTLP_HEADERS)`,
    );
  }
  return url;
}

function hasMoreThanAnAddress({ username, password, search, hash }: URL): boolean {
  return [username, password, search, hash].some((part) => part !== '');
}

/** Fewer bytes could be guessed. */
const MIN_KEY_BYTES = 16;

/**
 * What the file holds; random without one.
 * @param name Under which the path was given.
 * @throws UsageError
 */
export function readIdKey(path: string, name = '--id-key-file'): Buffer {
  if (path === '') return randomBytes(32);
  let key: Buffer;
  try {
    key = readFileSync(path);
  } catch (error) {
    throw new UsageError(
      `${name}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}); name a file with ${MIN_KEY_BYTES} random bytes or more`,
    );
  }
  if (key.length < MIN_KEY_BYTES)
    throw new UsageError(
      `${name}: ${path} has ${key.length} bytes; write ${MIN_KEY_BYTES} random ones or more into it`,
    );
  return key;
}
