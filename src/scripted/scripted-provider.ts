/**
 * A provider without a model: a real server that answers `POST …/responses`, and `response.create` on a WebSocket
 * there, by a script, the same way every time. For demonstrations, for trying faults, and as the far side of tests.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { isTurn, openAnswerSource } from './choose-answer.ts';
import type { AnswerSource, ScriptLike } from './choose-answer.ts';
import { defaultAnswer } from './default-answers.ts';
import { playOverHttp } from './http-answer.ts';
import { headerList, joinedHeaders, watchEnd } from './http-exchange.ts';
import { contextOf, isStored, refusalOfPrevious, storing } from './http-memory.ts';
import { readBody } from './read-body.ts';
import type { BodyRead } from './read-body.ts';
import type { ControlFrame, RecordedRequest, RequestBody, RequestEnd } from './recorded-request.ts';
import type { ScriptedProvider, ScriptedProviderOptions } from './provider-types.ts';
import { RequestLog, defaultMaxRequests } from './request-log.ts';
import { ResponseStore } from './response-memory.ts';
import type { ResponseFacts } from './response-object.ts';
import type { Answer, JsonObject, PreviousIds } from './script.ts';
import type { Handshake } from './upgrade-door.ts';
import { WebSocketSide } from './websocket-side.ts';
import { settingsOf } from './websocket-settings.ts';
import type { WebSocketChoice } from './websocket-settings.ts';

export type { ScriptedProvider, ScriptedProviderOptions };

/** Longer than a client's pool keeps an idle connection, so that it is never this server who closes first. */
const keepAliveTimeoutMs = 120_000;
const defaultWaitMs = 5000;
/** Codex sends its turn's metadata as a header: with many workspaces more than Node's 16 KiB. */
const maxHeaderBytes = 65_536;

/** Listens. Rejects with the system's error when the address is taken; throws RangeError for an unknown script. */
export async function openScriptedProvider(options: ScriptedProviderOptions = {}): Promise<ScriptedProvider> {
  const provider = new OneProvider(options);
  await provider.listen(options.host ?? '127.0.0.1', options.port ?? 0);
  return provider;
}

class OneProvider implements ScriptedProvider {
  private readonly server: Server;
  private readonly log: RequestLog;
  private readonly socketIds = new Map<Socket, number>();
  private readonly options: ScriptedProviderOptions;
  private readonly store = new ResponseStore();
  private readonly side: WebSocketSide;
  private chosenWebSocket: WebSocketChoice | undefined;
  private answers: AnswerSource;
  private requestCount = 0;
  private socketCount = 0;
  private host = '';

  constructor(options: ScriptedProviderOptions) {
    this.options = options;
    this.chosenWebSocket = options.webSocket;
    this.answers = openAnswerSource(options.script ?? 'hello');
    this.log = new RequestLog(options.maxRequests ?? defaultMaxRequests);
    this.side = this.openSide();
    this.server = createServer(
      {
        keepAliveTimeout: keepAliveTimeoutMs,
        maxHeaderSize: maxHeaderBytes,
        // HTTP/1.1 clients that would rather speak HTTP/2 ask for an upgrade, too; they get an answer in HTTP/1.1.
        shouldUpgradeCallback: (incoming) => incoming.headers.upgrade?.toLowerCase() === 'websocket',
      },
      (incoming, response) => {
        void this.answer(incoming, response);
      },
    );
    this.server.on('upgrade', (incoming, tcp, head) => {
      // Typed as any stream, but a server without TLS has nothing but TCP connections.
      void this.side.take(incoming, tcp as Socket, head);
    });
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

  get upgrades(): number {
    return this.side.upgrades;
  }

  get handshakes(): readonly Handshake[] {
    return this.side.handshakes;
  }

  get sockets(): number {
    return this.side.sockets;
  }

  get openSockets(): number {
    return this.side.openSockets;
  }

  get controlFrames(): readonly ControlFrame[] {
    return this.side.controlFrames;
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

  useWebSocket(choice: WebSocketChoice): void {
    this.chosenWebSocket = choice;
  }

  closeSockets(code = 1001, reason = ''): void {
    this.side.each((wire) => wire.close(code, reason));
  }

  resetSockets(): void {
    this.side.each((wire) => wire.reset());
  }

  muteSockets(): void {
    this.side.each((wire) => wire.mute());
  }

  async close(): Promise<void> {
    this.log.close();
    if (!this.server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    this.server.closeAllConnections();
    this.side.close();
    await promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private openSide(): WebSocketSide {
    return new WebSocketSide({
      store: this.store,
      settings: () => settingsOf(this.chosenWebSocket ?? this.answers.script.webSocket ?? 'off'),
      socketId: (tcp) => this.socketIds.get(tcp) ?? 0,
      answered: (handshake) => this.options.onUpgrade?.(handshake),
      nextNumber: () => this.nextNumber(),
      isStored: (body) => isStored(body, this.previousIds),
      sent: (request, text) => this.noteSent(request, text),
      answerTo: async (request) => (await this.answers.choose(request)) ?? defaultAnswer(request),
      factsOf,
      record: ({ context, ...frame }, { path, headers, rawHeaders }) => {
        const request = {
          number: this.nextNumber(),
          method: 'WS',
          via: 'websocket',
          path,
          headers,
          rawHeaders,
          startedAt: performance.now(),
          sent: [],
          ...frame,
          get context() {
            return context();
          },
        } as const;
        this.log.add(request);
        this.options.onRequest?.(request);
        return request;
      },
    });
  }

  private nextNumber(): number {
    this.requestCount += 1;
    return this.requestCount;
  }

  private async answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const ending = watchEnd(incoming, response);
    const read = await readBody(incoming);
    if (read.kind === 'gone') return;
    const request = this.record(incoming, read, startedAt, ending.closed);
    this.options.onRequest?.(request);
    const answer = await this.chosen(request, read);
    const facts = factsOf(request, answer);
    const store = storing(request, facts.responseId, this.store, this.previousIds);
    await playOverHttp(answer, facts, ending.exchange, (event) => {
      this.noteSent(request, event);
      store(event);
    });
  }

  private get previousIds(): PreviousIds {
    return this.options.previousIds ?? this.answers.script.previousIds ?? 'ignored';
  }

  private async chosen(request: RecordedRequest, read: BodyRead): Promise<Answer> {
    if (read.kind === 'refused') {
      const error = { message: read.message, type: 'invalid_request_error', param: null, code: null };
      return { status: { code: read.code, body: { error } } };
    }
    const refusal = isTurn(request) && refusalOfPrevious(request.body, this.store, this.previousIds);
    if (refusal) return refusal;
    return (await this.answers.choose(request)) ?? defaultAnswer(request);
  }

  private record(
    incoming: IncomingMessage,
    read: BodyRead,
    startedAt: number,
    closed: Promise<RequestEnd>,
  ): RecordedRequest {
    const body = read.kind === 'read' ? read.body : emptyBody;
    const request: RecordedRequest = {
      number: this.nextNumber(),
      method: incoming.method ?? '',
      via: 'http',
      path: incoming.url ?? '',
      headers: joinedHeaders(incoming),
      rawHeaders: headerList(incoming),
      body,
      context: contextOf(body, this.store, this.previousIds),
      streamId: undefined,
      rawBody: read.kind === 'read' ? read.rawBody : Buffer.alloc(0),
      startedAt,
      socketId: this.socketIds.get(incoming.socket) ?? 0,
      sent: [],
      closed,
    };
    this.log.add(request);
    return request;
  }

  /** @param sent An event, or its JSON where that was needed anyway: it may have many MiB, and mostly nobody keeps it. */
  private noteSent(request: RecordedRequest, sent: string | JsonObject): void {
    if (this.options.keepsSent !== true) return;
    const text = typeof sent === 'string' ? sent : JSON.stringify(sent);
    // Mutable here only: to everybody else it is a list that grows.
    (request.sent as string[]).push(text);
  }
}

const emptyBody: RequestBody = {};

function factsOf(request: RecordedRequest, answer: Answer): ResponseFacts {
  return {
    number: request.number,
    responseId: answer.responseId ?? `resp_${String(request.number).padStart(4, '0')}`,
    createdAt: Math.floor(Date.now() / 1000),
    body: request.body,
    context: request.context,
    requestBytes: request.rawBody.byteLength,
  };
}
