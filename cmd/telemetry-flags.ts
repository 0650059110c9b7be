/** The flags of `turnbridge bridge` that concern telemetry, and what OpenTelemetry's own variables say beside them. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { env as processEnv } from 'node:process';
import type { Semconv } from '../src/telemetry/spans/attribute-names.ts';
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
 * @throws UsageError
 */
export function parseTracing(
  flag: string,
  ratioFlag: string,
  env: typeof processEnv,
): TelemetryFlags['tracing'] {
  const ratio = parseRatio(ratioFlag, env);
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none')
    return undefined;
  const own = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? '';
  const general = env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (flag !== '') return { url: tracesUrl(flag, '--otlp-endpoint'), ratio };
  if (own !== '') return { url: checkedUrl(own, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT').href, ratio };
  return general === '' ? undefined : { url: tracesUrl(general, 'OTEL_EXPORTER_OTLP_ENDPOINT'), ratio };
}

function parseRatio(flag: string, env: typeof processEnv): number {
  const text = flag !== '' ? flag : (env['OTEL_TRACES_SAMPLER_ARG'] ?? '');
  const ratio = text.trim() === '' ? 1 : Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  const name = flag !== '' ? '--trace-ratio' : 'OTEL_TRACES_SAMPLER_ARG';
  throw new UsageError(`${name} is a share from 0 to 1, not "${text}"`);
}

function tracesUrl(base: string, name: string): string {
  const url = checkedUrl(base, name);
  if (!url.pathname.endsWith('/v1/traces')) url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`;
  return url.href;
}

/** The value is not shown: it may hold a token. */
function checkedUrl(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new UsageError(
      `${name} is no address that traces can be sent to: write http://HOST:4318 (OTLP over HTTP; credentials belong into OTEL_EXPORTER_OTLP_HEADERS)`,
    );
  }
  return url;
}

/** Fewer bytes could be guessed. */
const MIN_KEY_BYTES = 16;

/** @throws UsageError */
export function readIdKey(path: string): Buffer {
  if (path === '') return randomBytes(32);
  let key: Buffer;
  try {
    key = readFileSync(path);
  } catch (error) {
    throw new UsageError(
      `--id-key-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}); name a file with ${MIN_KEY_BYTES} random bytes or more`,
    );
  }
  if (key.length < MIN_KEY_BYTES)
    throw new UsageError(
      `--id-key-file: ${path} has ${key.length} bytes; write ${MIN_KEY_BYTES} random ones or more into it`,
    );
  return key;
}
