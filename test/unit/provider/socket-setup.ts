/** Providers that speak WebSocket, real ones on loopback, and turns at them, for the tests of src/provider. */
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type {
  Dial,
  ProviderSockets,
  SocketAttemptRequest,
  SocketOwner,
} from '../../../src/provider/provider.ts';
import type { SocketFact } from '../../../src/provider/socket-facts.ts';
import { WebSocketTransport, type WebSocketOptions } from '../../../src/provider/websocket.ts';
import type { CompiledProvider } from '../../../src/route/snapshot.ts';
import { until } from '../../harness/wait-for.ts';
import { Heard, providerAt, routeTo } from './provider-setup.ts';

/** What a provider does with one message. Left out: it answers with a whole response. */
export type Answer = (socket: ServedSocket, frame: Record<string, unknown>, text: string) => void;

/** One WebSocket, as its provider sees it. */
export interface ServedSocket {
  readonly ws: WebSocket;
  readonly tcp: Socket;
  readonly request: IncomingMessage;
  /** Text messages that came. */
  readonly received: string[];
  closed: { readonly code: number } | undefined;
}

export class WebSocketProvider {
  readonly #server: ReturnType<typeof createServer> | ReturnType<typeof createHttpsServer>;
  readonly #doors = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 64 << 20,
    autoPong: true,
  });
  readonly #tcp = new Set<Socket>();
  readonly sockets: ServedSocket[] = [];
  /** What came instead of being served, if {@link refuse} says so. */
  readonly upgrades: IncomingMessage[] = [];
  origin = '';
  answer: Answer = wholeResponse;
  /** Takes the upgrade itself; true: it did. */
  refuse: (request: IncomingMessage, socket: Duplex) => boolean = () => false;
  /** Called with the 101, whose bytes it may follow at once. */
  onConnect: (socket: ServedSocket) => void = () => undefined;
  headers: readonly string[] = [];
  pongs = true;

  constructor(tls?: { readonly cert: string; readonly key: string }) {
    this.#server = tls === undefined ? createServer() : createHttpsServer(tls);
    this.#server.on('connection', (socket: Socket) => {
      this.#tcp.add(socket.on('error', () => undefined));
      socket.on('close', () => this.#tcp.delete(socket));
    });
    this.#doors.on('headers', (lines) => lines.push(...this.headers));
    this.#server.on('upgrade', (request, socket, head) => {
      this.upgrades.push(request);
      if (this.refuse(request, socket)) {
        socket.on('end', () => socket.destroy()).resume();
        return;
      }
      this.#doors.handleUpgrade(request, socket, head, (ws) => this.#serve(ws, request));
    });
  }

  static async open(tls?: { readonly cert: string; readonly key: string }): Promise<WebSocketProvider> {
    const provider = new WebSocketProvider(tls);
    const { promise, resolve } = Promise.withResolvers<void>();
    provider.#server.listen(0, '127.0.0.1', resolve);
    await promise;
    provider.origin = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${provider.port}`;
    return provider;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** TCP connections that are open now. */
  get connections(): number {
    return this.#tcp.size;
  }

  get last(): ServedSocket {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error('nobody has connected');
    return last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#tcp) socket.destroy();
    await promise;
  }

  #serve(ws: WebSocket, request: IncomingMessage): void {
    const served: ServedSocket = { ws, tcp: request.socket, request, received: [], closed: undefined };
    this.sockets.push(served);
    this.onConnect(served);
    ws.on('error', () => undefined);
    ws.on('close', (code) => (served.closed = { code }));
    ws.on('message', (data: Buffer) => {
      const text = data.toString();
      served.received.push(text);
      if (text.startsWith('{')) this.answer(served, JSON.parse(text) as Record<string, unknown>, text);
    });
  }
}

let responses = 0;

/** Created, one delta, completed; tagged with the frame's lane. */
export function wholeResponse(socket: ServedSocket, frame: Record<string, unknown>): void {
  responses += 1;
  const id = `resp_${responses}`;
  say(socket, { type: 'response.created', response: { id } }, frame);
  say(socket, { type: 'response.output_text.delta', delta: 'hello' }, frame);
  say(socket, { type: 'response.completed', response: { id, output: [] } }, frame);
}

export function say(socket: ServedSocket, event: object, frame: Record<string, unknown> = {}): void {
  const lane = frame['stream_id'];
  socket.ws.send(JSON.stringify(lane === undefined ? event : { ...event, stream_id: lane }));
}

/** An attempt that releases its socket with the terminal event, as a turn does. */
export class Turn extends Heard {
  readonly dials: Dial[] = [];
  responseId: string | undefined;
  /** Called with each event's type, before a terminal one is released. */
  onType: (type: string) => void = () => undefined;

  constructor() {
    super();
    this.onPayload = (payload) => {
      const event = JSON.parse(payload.toString()) as { type: string; response?: { id?: string } };
      this.onType(event.type);
      if (event.type === 'response.created') this.responseId = event.response?.id;
      if (/^response\.(?:completed|failed|incomplete)$/.test(event.type))
        this.attempt.release(this.responseId);
      if (event.type === 'error' && this.responseId === undefined) this.attempt.release();
    };
  }

  onDialled(dial: Dial): void {
    this.dials.push(dial);
  }

  async completed(): Promise<void> {
    await until(() => {
      if (this.ends.length > 0) throw new Error(`ended: ${JSON.stringify(this.ends)}`);
      return this.types.includes('response.completed');
    }, 'response.completed');
  }
}

/** A transport, its facts and mistakes, and what it serves. */
export class Scene {
  readonly facts: SocketFact[] = [];
  readonly mistakes: unknown[] = [];
  readonly #turns: Turn[] = [];
  readonly transport: WebSocketTransport;

  constructor(options: WebSocketOptions = {}) {
    this.transport = new WebSocketTransport({
      ...options,
      socketLimits: { beatMs: 5, ...options.socketLimits },
      facts: (fact) => this.facts.push(fact),
      onMistake: (error) => this.mistakes.push(error),
    });
  }

  owner(changes: Partial<SocketOwner> = {}): ProviderSockets {
    return this.transport.openSockets({
      entry: 'websocket',
      tenant: 'tenant',
      clientHeaders: [],
      clientQuery: '',
      via: 'bridge-1',
      ...changes,
    });
  }

  turn(
    provider: CompiledProvider,
    sockets: ProviderSockets,
    changes: Partial<SocketAttemptRequest> = {},
  ): Turn {
    const body = changes.body ?? [Buffer.from('{"type":"response.create"}')];
    const turn = new Turn();
    turn.attempt = this.transport.open(
      {
        transport: 'websocket',
        route: routeTo(provider),
        provider,
        sockets,
        lane: '',
        previousResponseId: undefined,
        bodyBytes: body.reduce((sum, view) => sum + view.length, 0),
        ...changes,
        body,
      },
      turn,
    );
    this.#turns.push(turn);
    return turn;
  }

  /** A whole turn, and the id of its response. */
  async complete(
    provider: CompiledProvider,
    sockets: ProviderSockets,
    changes: Partial<SocketAttemptRequest> = {},
  ): Promise<Turn> {
    const turn = this.turn(provider, sockets, changes);
    await turn.completed();
    return turn;
  }

  reasons(): string[] {
    return this.facts.flatMap((fact) => (fact.kind === 'provider-socket.closed' ? fact.reason : []));
  }

  /** The reason of the one socket that was closed, once it was. */
  async closed(count = 1): Promise<string[]> {
    await until(() => this.reasons().length >= count, `${count} sockets closed`);
    return this.reasons();
  }

  /** Turns that still run would be waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { attempt } of this.#turns) attempt.abort();
    await this.transport.close();
  }
}

/** A provider of the compiled kind at a server, reached over its WebSocket. */
export function at(origin: string, changes: Partial<CompiledProvider> = {}): CompiledProvider {
  return providerAt(origin, { transport: 'WebSocket', ...changes });
}
