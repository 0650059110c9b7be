/**
 * A provider without a model: a real HTTP server that answers `POST …/responses` by a script, the same way every
 * time. For demonstrations, for trying faults, and as the far side of tests.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { openAnswerSource } from './choose-answer.ts';
import type { AnswerSource, ScriptLike } from './choose-answer.ts';
import { defaultAnswer } from './default-answers.ts';
import { playOverHttp } from './http-answer.ts';
import type { HttpExchange } from './http-answer.ts';
import { readBody } from './read-body.ts';
import type { BodyRead } from './read-body.ts';
import type { RecordedRequest, RequestBody, RequestEnd } from './recorded-request.ts';
import { RequestLog, defaultMaxRequests } from './request-log.ts';
import type { Answer } from './script.ts';

export interface ScriptedProviderOptions {
  /** Left out: 127.0.0.1. */
  readonly host?: string;
  /** Left out, or 0: one that is free. */
  readonly port?: number;
  /** Left out: `hello`. */
  readonly script?: ScriptLike;
  /** Called when a request was read, before it is answered. Must not throw. */
  readonly onRequest?: (request: RecordedRequest) => void;
  /** How many requests are remembered. Left out: 1000. */
  readonly maxRequests?: number;
}

export interface ScriptedProvider extends AsyncDisposable {
  /** The base URL: `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  readonly port: number;
  /** Oldest first; the oldest are forgotten. */
  readonly requests: readonly RecordedRequest[];
  /** TCP connections so far. */
  readonly connections: number;
  readonly openConnections: number;
  /** The first request, past or future, that the predicate accepts (left out: any). Rejects after `timeoutMs` [5000]. */
  waitForRequest(
    predicate?: (request: RecordedRequest) => boolean,
    timeoutMs?: number,
  ): Promise<RecordedRequest>;
  /** Another script from the next request on. Throws RangeError for an unknown name. */
  use(script: ScriptLike): void;
  /** Ends every connection now. May be called twice. */
  close(): Promise<void>;
}

/** Longer than a client's pool keeps an idle connection, so that it is never this server who closes first. */
const keepAliveTimeoutMs = 120_000;
const defaultWaitMs = 5000;
/** Codex sends its turn's metadata as a header: with many workspaces more than Node's 16 KiB. */
const maxHeaderBytes = 65_536;

/** Listens. Rejects with the system's error when the address is taken; throws RangeError for an unknown script. */
export async function openScriptedProvider(options: ScriptedProviderOptions = {}): Promise<ScriptedProvider> {
  const provider = new HttpProvider(options);
  await provider.listen(options.host ?? '127.0.0.1', options.port ?? 0);
  return provider;
}

class HttpProvider implements ScriptedProvider {
  private readonly server: Server;
  private readonly log: RequestLog;
  private readonly socketIds = new Map<Socket, number>();
  private readonly onRequest: ((request: RecordedRequest) => void) | undefined;
  private answers: AnswerSource;
  private requestCount = 0;
  private socketCount = 0;
  private host = '';

  constructor(options: ScriptedProviderOptions) {
    this.answers = openAnswerSource(options.script ?? 'hello');
    this.log = new RequestLog(options.maxRequests ?? defaultMaxRequests);
    this.onRequest = options.onRequest;
    this.server = createServer(
      { keepAliveTimeout: keepAliveTimeoutMs, maxHeaderSize: maxHeaderBytes },
      (incoming, response) => {
        void this.answer(incoming, response);
      },
    );
    this.server.on('connection', (socket: Socket) => {
      this.socketCount += 1;
      this.socketIds.set(socket, this.socketCount);
      socket.once('close', () => this.socketIds.delete(socket));
    });
  }

  async listen(host: string, port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.server.once('error', reject);
    this.server.listen(port, host, resolve);
    await promise;
    this.server.off('error', reject);
    this.host = host.includes(':') ? `[${host}]` : host;
  }

  get port(): number {
    return (this.server.address() as AddressInfo | null)?.port ?? 0;
  }

  get url(): string {
    return `http://${this.host}:${String(this.port)}/v1`;
  }

  get requests(): readonly RecordedRequest[] {
    return this.log.requests;
  }

  get connections(): number {
    return this.socketCount;
  }

  get openConnections(): number {
    return this.socketIds.size;
  }

  waitForRequest(
    predicate: (request: RecordedRequest) => boolean = () => true,
    timeoutMs = defaultWaitMs,
  ): Promise<RecordedRequest> {
    return this.log.waitFor(predicate, timeoutMs);
  }

  use(script: ScriptLike): void {
    this.answers = openAnswerSource(script);
  }

  async close(): Promise<void> {
    this.log.close();
    if (!this.server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    this.server.closeAllConnections();
    await promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const ending = watchEnd(incoming, response);
    const read = await readBody(incoming);
    if (read.kind === 'gone') return;
    const request = this.record(incoming, read, startedAt, ending.closed);
    this.onRequest?.(request);
    const answer = await this.chosen(request, read);
    await playOverHttp(
      answer,
      {
        number: request.number,
        responseId: answer.responseId ?? `resp_${String(request.number).padStart(4, '0')}`,
        createdAt: Math.floor(Date.now() / 1000),
        body: request.body,
        requestBytes: request.rawBody.byteLength,
      },
      ending.exchange,
    );
  }

  private async chosen(request: RecordedRequest, read: BodyRead): Promise<Answer> {
    if (read.kind === 'refused') {
      const error = { message: read.message, type: 'invalid_request_error', param: null, code: null };
      return { status: { code: read.code, body: { error } } };
    }
    return (await this.answers.choose(request)) ?? defaultAnswer(request);
  }

  private record(
    incoming: IncomingMessage,
    read: BodyRead,
    startedAt: number,
    closed: Promise<RequestEnd>,
  ): RecordedRequest {
    this.requestCount += 1;
    const { rawHeaders } = incoming;
    const request: RecordedRequest = {
      number: this.requestCount,
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: joinedHeaders(incoming),
      rawHeaders: rawHeaders.flatMap((name, at) =>
        at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ''] as const] : [],
      ),
      body: read.kind === 'read' ? read.body : emptyBody,
      rawBody: read.kind === 'read' ? read.rawBody : Buffer.alloc(0),
      startedAt,
      socketId: this.socketIds.get(incoming.socket) ?? 0,
      closed,
    };
    this.log.add(request);
    return request;
  }
}

const emptyBody: RequestBody = {};

function joinedHeaders(incoming: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

/** Follows one answer to its end, whoever brings it about. */
function watchEnd(
  incoming: IncomingMessage,
  response: ServerResponse,
): { readonly exchange: HttpExchange; readonly closed: Promise<RequestEnd> } {
  const gone = new AbortController();
  const { promise: closed, resolve } = Promise.withResolvers<RequestEnd>();
  let broken: { readonly reason?: string } | undefined;
  response.once('close', () => {
    const at = performance.now();
    if (broken !== undefined) resolve({ how: 'broken', at, ...broken });
    else resolve({ how: response.writableFinished ? 'finished' : 'client-closed', at });
    gone.abort();
  });
  // A write that meets a closed connection: `close` follows and says so.
  response.on('error', () => undefined);
  const noteBroken = (): void => {
    broken = {};
  };
  const reset = (reason?: string): void => {
    broken = reason === undefined ? {} : { reason };
    incoming.socket.resetAndDestroy();
  };
  return { exchange: { response, gone: gone.signal, noteBroken, reset }, closed };
}
