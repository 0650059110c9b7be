/** A real Jaeger, all of it in one process and in memory, and what it answers when asked for traces. */
import { until } from '../harness/wait-for.ts';
import { ensureJaeger } from './jaeger-build.ts';
import { toTrace, type JaegerTrace, type ObservedTrace } from './jaeger-trace.ts';
import { startOnFreePort, startServerProcess } from './server-process.ts';

/** Owns the process; `await using` ends it, and with it every trace. */
export interface Jaeger extends AsyncDisposable {
  /** Base URL of its OTLP/HTTP receiver: `http://ADDRESS:PORT`, without `/v1/traces`. */
  readonly otlpUrl: string;
  /** Base URL of its query API: `http://127.0.0.1:PORT`. */
  readonly queryUrl: string;
  /** The trace as far as it has arrived; undefined while no span of it has. */
  trace(traceId: string): Promise<ObservedTrace | undefined>;
  /** Waits until enough of a trace has arrived: spans come in batches, each service its own. */
  waitForTrace(
    traceId: string,
    isEnough: (trace: ObservedTrace) => boolean,
    timeoutMs?: number,
  ): Promise<ObservedTrace>;
  /** Traces of a service, newest first, at most {@link maxFound}. */
  findTraces(search: TraceSearch): Promise<readonly ObservedTrace[]>;
  close(): Promise<void>;
}

export interface TraceSearch {
  readonly service: string;
  /** A span's name. */
  readonly operation?: string;
  /** All on one span of that service. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** More than any test makes of one kind; Jaeger's own default is 100. */
const maxFound = 1_000;

/** Exporters send every few seconds; this is for a loaded machine. */
const waitMs = 20_000;

export interface JaegerPlace {
  /** IPv4 where it takes spans: loopback, unless pods of a cluster send them. */
  readonly address?: string;
}

/** Starts Jaeger on free ports. Builds it first where it is missing: see {@link ensureJaeger}. */
export async function openJaeger({ address = '127.0.0.1' }: JaegerPlace = {}): Promise<Jaeger> {
  const binary = await ensureJaeger();
  return startOnFreePort((port) => start(binary, `${address}:${String(port)}`));
}

/** It prints which port it got for queries, but not for OTLP: that one is chosen for it. */
async function start(binary: string, otlpAddress: string): Promise<Jaeger> {
  let queryUrl = '';
  const otlpUrl = `http://${otlpAddress}`;
  const server = await startServerProcess({
    command: binary,
    args: toFlags(otlpAddress),
    async isReady(log) {
      const address = /"http_addr":"([^"]+)"/.exec(log)?.[1];
      if (address === undefined) return false;
      queryUrl = `http://${address}`;
      const answers = await Promise.all([
        fetch(`${queryUrl}/api/services`),
        fetch(`${otlpUrl}/v1/traces`, { method: 'POST', headers: json, body: '{}' }),
      ]);
      return answers.every(({ ok }) => ok);
    },
  });
  const trace = async (traceId: string): Promise<ObservedTrace | undefined> =>
    (await read(`${queryUrl}/api/traces/${traceId}`))[0];
  return {
    otlpUrl,
    queryUrl,
    trace,
    async waitForTrace(traceId, isEnough, timeoutMs = waitMs) {
      let last: ObservedTrace | undefined;
      try {
        return await until(
          async () => {
            last = await trace(traceId);
            return last !== undefined && isEnough(last) && last;
          },
          `trace ${traceId}`,
          timeoutMs,
        );
      } catch (cause) {
        const names = last?.spans.map(({ service, name }) => `${service} ${name}`);
        throw new Error(
          `trace ${traceId} did not become complete; it has: ${names?.join(', ') ?? 'nothing'}`,
          {
            cause,
          },
        );
      }
    },
    findTraces: ({ service, operation, tags }) => {
      const query = new URLSearchParams({ service, limit: String(maxFound), lookback: '1h' });
      if (operation !== undefined) query.set('operation', operation);
      if (tags !== undefined) query.set('tags', JSON.stringify(tags));
      return read(`${queryUrl}/api/traces?${query.toString()}`);
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

const json = { 'content-type': 'application/json' };

function toFlags(otlpAddress: string): readonly string[] {
  const anyPort = '127.0.0.1:0';
  const addresses = {
    'collector.otlp.http.host-port': otlpAddress,
    'query.http-server.host-port': anyPort,
    // nobody talks to the others, but it opens them all, and its own defaults are the same for every Jaeger
    'collector.otlp.grpc.host-port': anyPort,
    'collector.http-server.host-port': anyPort,
    'collector.grpc-server.host-port': anyPort,
    'query.grpc-server.host-port': anyPort,
    'admin.http.host-port': anyPort,
    'http-server.host-port': anyPort,
    'processor.jaeger-binary.server-host-port': anyPort,
    'processor.jaeger-compact.server-host-port': anyPort,
    'processor.zipkin-compact.server-host-port': anyPort,
  };
  return [
    '--collector.otlp.enabled=true',
    '--memory.max-traces=50000', // else unbounded; a test under load sends thousands
    ...Object.entries(addresses).map(([name, value]) => `--${name}=${value}`),
  ];
}

/** @throws Error when Jaeger answers anything but traces; none of them is 404, and no error. */
async function read(url: string): Promise<readonly ObservedTrace[]> {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status === 404) return [];
  if (!response.ok) throw new Error(`Jaeger answered ${response.status} to ${url}: ${text.slice(0, 500)}`);
  const { data } = JSON.parse(text) as { data: readonly JaegerTrace[] | null };
  return (data ?? []).map(toTrace);
}
