/** Routes, providers and listeners for the tests of src/provider. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Server as TcpServer } from 'node:net';
import type { EventType } from '../../../src/events/event-type.ts';
import type {
  Attempt,
  AttemptEnd,
  AttemptListener,
  HttpAttemptRequest,
  ProviderAnswer,
  ProviderFault,
} from '../../../src/provider/provider.ts';
import type { HttpSseTransport } from '../../../src/provider/http-sse.ts';
import type { CompiledProvider, CompiledRoute, HeaderField } from '../../../src/route/snapshot.ts';
import { aProvider, aRoute } from '../../harness/compiled-route.ts';
import { until } from '../../harness/wait-for.ts';

/** Pools are told apart by what makes connections different, as compiled routes do. */
export function providerAt(origin: string, changes: Partial<CompiledProvider> = {}): CompiledProvider {
  const poolKey = `pool of ${origin} ${JSON.stringify([changes.http, changes.tls])}`;
  return aProvider({ poolKey, origin, ...changes });
}

interface PassthroughNames {
  readonly request?: { allow?: readonly string[]; deny?: readonly string[] };
  readonly response?: { allow?: readonly string[]; deny?: readonly string[] };
}

export function routeTo(
  provider: CompiledProvider,
  names: PassthroughNames = {},
  connectMs = 5_000,
): CompiledRoute {
  const rules = (given: { allow?: readonly string[]; deny?: readonly string[] } = {}) => ({
    allow: new Set(given.allow),
    deny: new Set(given.deny),
  });
  return aRoute({
    clients: { ...aRoute().clients, auth: { type: 'Passthrough' } },
    providers: [provider],
    headerPassthrough: { request: rules(names.request), response: rules(names.response) },
    timeouts: { connectMs, firstEventMs: 5_000, idleMs: 5_000, turnDeadlineMs: 60_000 },
  });
}

export function fields(record: Record<string, string>): HeaderField[] {
  return Object.entries(record).map(([name, value]) => ({ name, value }));
}

export function requestTo(
  provider: CompiledProvider,
  changes: Partial<HttpAttemptRequest> = {},
): HttpAttemptRequest {
  const body = changes.body ?? [Buffer.from('{"model":"m","stream":true}')];
  return {
    transport: 'http',
    route: routeTo(provider),
    provider,
    clientHeaders: [],
    clientQuery: '',
    via: 'bridge-1',
    trace: undefined,
    bodyBytes: body.reduce((sum, view) => sum + view.length, 0),
    ...changes,
    body,
  };
}

/** An attempt and all it was told, in order. */
export class Heard implements AttemptListener {
  readonly answers: ProviderAnswer[] = [];
  readonly payloads: string[] = [];
  readonly types: string[] = [];
  readonly ends: AttemptEnd[] = [];
  bytes = 0;
  /** Called with each event, after it was noted. */
  onPayload: (payload: Buffer) => void = () => undefined;
  attempt!: Attempt;

  onAnswer(answer: ProviderAnswer): void {
    this.answers.push(answer);
  }

  onEvent(payload: Buffer, type: EventType): void {
    this.payloads.push(payload.toString());
    this.types.push(type.name);
    this.bytes += payload.length;
    this.onPayload(payload);
  }

  onEnd(end: AttemptEnd): void {
    this.ends.push(end);
  }

  /** The end, once it has come. */
  async end(): Promise<AttemptEnd> {
    await until(() => this.ends.length > 0, 'the end of the attempt');
    return this.ends[0] as AttemptEnd;
  }

  /** The fault of an attempt that was lost. */
  async fault(): Promise<ProviderFault> {
    const end = await this.end();
    if (end.kind !== 'lost') {
      throw new Error(`the attempt was ${end.kind}, not lost`);
    }
    return end.fault;
  }

  async events(count: number): Promise<void> {
    await until(() => this.payloads.length >= count, `${count} events`);
  }
}

export function open(transport: Pick<HttpSseTransport, 'open'>, request: HttpAttemptRequest): Heard {
  const heard = new Heard();
  heard.attempt = transport.open(request, heard);
  return heard;
}

export function event(n: number): string {
  return `{"type":"response.output_text.delta","sequence_number":${n}}`;
}

export function sse(...payloads: readonly string[]): string {
  return payloads.map((payload) => `event: x\ndata: ${payload}\n\n`).join('');
}

export const SSE_HEADERS = { 'content-type': 'text/event-stream' };

/** Listens on loopback; the origin to reach it. */
export async function listen(server: TcpServer, scheme: 'http' | 'https' = 'http'): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What a server does with a request. */
type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Servers opened by a test file, to be closed after each test. */
export class Servers {
  readonly #closers: (() => Promise<void>)[] = [];

  async http(listener: Listener): Promise<{ origin: string; server: Server }> {
    const server = createServer((request, response) => {
      void listener(request, response);
    });
    this.#closers.push(async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    });
    return { origin: await listen(server), server };
  }

  /** Any other server; `end` ends its connections. */
  async tcp(
    server: TcpServer,
    end: () => void = () => undefined,
    scheme?: 'http' | 'https',
  ): Promise<string> {
    this.#closers.push(async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      end();
      await closed.promise;
    });
    return listen(server, scheme);
  }

  async close(): Promise<void> {
    await Promise.all(this.#closers.splice(0).map((close) => close()));
  }
}
