/** A provider's WebSocket that is passed on frame by frame ({@link Tunnel}). */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { CompiledRoute } from '../route/snapshot.ts';
import { faultOf } from './provider-fault.ts';
import { keyObstacle, toHeaderRecord, toUpgradeHeaders } from './request-headers.ts';
import { toPath } from './request-path.ts';
import { toClientHeaders } from './response-headers.ts';
import { MessageAccount } from './message-account.ts';
import { libraryCloseCode, toSendableClose } from './socket-close.ts';
import { dialWebSocket } from './socket-dial.ts';
import type { SocketCloseReason } from './socket-facts.ts';
import type { SocketTools } from './socket-tools.ts';
import { type Tunnel, type TunnelListener, type TunnelRequest, TunnelRefused } from './tunnel.ts';
import { unsentBytes } from './unsent-bytes.ts';

/** What was handed over is sent before our close frame, and a provider may take a while to read that. */
const CLOSE_MS = 5_000;

/** The process has no room for a message that is coming: the same conversation may have better luck later. */
const NO_ROOM_CODE = 1013;

/** Below this the provider is as good as even with us: more may be sent. */
const DRAINED_BYTES = 64 * 1024;

type State =
  /** Nobody listens yet; `ended`: what that one will hear. */
  | { readonly kind: 'unheard'; readonly ended: End | undefined }
  | { readonly kind: 'open'; readonly listener: TunnelListener }
  /** We have sent a close frame. */
  | { readonly kind: 'closing'; readonly listener: TunnelListener }
  | { readonly kind: 'ended' };

interface End {
  readonly code: number;
  readonly reason: string;
}

/** One tunnel. Owned by the client's side; ends by `close`, `terminate`, or by itself. */
export class SocketTunnel implements Tunnel {
  readonly protocol: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #ids: { readonly route: string; readonly provider: string };
  readonly #tools: SocketTools;
  readonly #openedAt = performance.now();
  readonly #account: MessageAccount;
  #state: State = { kind: 'unheard', ended: undefined };
  /** Why, where it was us. */
  #reason: SocketCloseReason | undefined;
  #isBehind = false;
  readonly #onSent = (): void => this.#sent();

  constructor(
    opened: { readonly ws: WebSocket; readonly socket: Socket; readonly headers: IncomingHttpHeaders },
    route: CompiledRoute,
    provider: string,
    tools: SocketTools,
  ) {
    const { ws, socket, headers } = opened;
    this.protocol = ws.protocol;
    this.headers = toClientHeaders(headers, route).headers;
    this.#ws = ws;
    this.#socket = socket;
    this.#ids = { route: route.id, provider };
    this.#tools = tools;
    this.#account = new MessageAccount(tools.answers);
    tools.tunnels.add(this);
    tools.facts({ kind: 'provider-socket.opened', ...this.#ids, use: 'tunnel' });
    // before the library's own listener: what it makes of the bytes comes after this
    socket.prependListener('data', (chunk: Buffer) => this.#onRead(chunk.length));
    ws.on('message', (data, isBinary) => {
      this.#account.whole();
      this.#hear((listener) => listener.onMessage(data as Buffer, isBinary));
    });
    ws.on('ping', (data) => this.#hear((listener) => listener.onPing(data)));
    ws.on('pong', (data) => this.#hear((listener) => listener.onPong(data)));
    // the library closes by itself where frames are none; that code says more than how TCP then ends
    ws.on('error', (error) => this.#tell({ code: libraryCloseCode(error), reason: '' }));
    ws.on('close', (code, reason) => this.#onClose(code, reason.toString()));
  }

  get bufferedBytes(): number {
    return unsentBytes(this.#socket);
  }

  listen(listener: TunnelListener): void {
    if (this.#state.kind !== 'unheard') return;
    const { ended } = this.#state;
    this.#state = { kind: 'open', listener };
    if (ended === undefined) this.#ws.resume();
    else queueMicrotask(() => this.#tell(ended));
  }

  send(data: Buffer, isBinary: boolean): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    this.#ws.send(data, { binary: isBinary }, this.#onSent);
    if (this.#socket.writableLength >= DRAINED_BYTES) this.#isBehind = true;
  }

  ping(data: Buffer): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping(data);
  }

  pong(data: Buffer): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.pong(data);
  }

  pause(): void {
    if (this.#state.kind === 'open') this.#ws.pause();
  }

  resume(): void {
    if (this.#state.kind === 'open') this.#ws.resume();
  }

  close(code: number, reason: string): void {
    if (this.#state.kind === 'unheard') this.terminate();
    if (this.#state.kind !== 'open') return;
    this.#state = { kind: 'closing', listener: this.#state.listener };
    this.#reason ??= 'owner';
    const sendable = toSendableClose(code, reason);
    this.#ws.resume(); // its answer has to be read
    this.#ws.close(sendable.code, sendable.reason);
  }

  terminate(reason: SocketCloseReason = 'owner'): void {
    this.#reason ??= reason;
    this.#state = { kind: 'ended' };
    this.#ws.terminate();
  }

  /** After our close frame nothing of theirs is passed on. A mistake of the listener ends this tunnel and no more. */
  #hear(tell: (listener: TunnelListener) => void): void {
    if (this.#state.kind !== 'open') return;
    try {
      tell(this.#state.listener);
    } catch (error) {
      this.#tools.onMistake(error);
      this.#tell({ code: 1011, reason: '' });
      this.#ws.terminate();
    }
  }

  #onRead(bytes: number): void {
    if (this.#account.read(bytes)) return;
    this.#reason ??= 'protocol';
    this.#tell({ code: NO_ROOM_CODE, reason: '' });
    this.#ws.terminate();
  }

  #sent(): void {
    if (!this.#isBehind || this.#socket.writableLength >= DRAINED_BYTES) return;
    this.#isBehind = false;
    this.#hear((listener) => listener.onDrain());
  }

  #onClose(code: number, reason: string): void {
    this.#tools.tunnels.delete(this);
    this.#account.close();
    const closeCode = code === 1006 ? undefined : code;
    this.#tools.facts({
      kind: 'provider-socket.closed',
      ...this.#ids,
      use: 'tunnel',
      reason: this.#reason ?? (closeCode === undefined ? 'lost' : 'remote'),
      closeCode,
      ageMs: performance.now() - this.#openedAt,
      turns: 0,
    });
    this.#tell({ code, reason });
  }

  /** The listener hears of the first end only. */
  #tell(end: End): void {
    const state = this.#state;
    if (state.kind === 'unheard') this.#state = { kind: 'unheard', ended: state.ended ?? end };
    if (state.kind !== 'open' && state.kind !== 'closing') return;
    this.#state = { kind: 'ended' };
    state.listener.onClose(end.code, end.reason);
  }
}

/**
 * Dials, and waits for the provider's 101.
 *
 * @throws {TunnelRefused} or a ProviderFault; the signal's reason once that is aborted.
 */
export async function openSocketTunnel(request: TunnelRequest, tools: SocketTools): Promise<SocketTunnel> {
  const { provider, route, signal } = request;
  signal.throwIfAborted();
  const obstacle = keyObstacle(provider);
  if (obstacle !== undefined) throw faultOf(provider.name, 'connect_failed', undefined, obstacle);
  const { attemptLimits, ways } = tools;
  const result = await dialWebSocket(
    ways,
    {
      provider,
      path: toPath(provider, request.path, request.clientQuery),
      timeoutMs: route.timeouts.connectMs,
      headers: toHeaderRecord(toUpgradeHeaders(request, false)),
      protocols: request.protocols,
      maxMessageBytes: request.maxMessageBytes,
      answersPings: false,
      closeAnswerMs: CLOSE_MS,
      maxRefusalBytes: attemptLimits.maxRefusalBytes,
      refusalMs: attemptLimits.refusalMs,
    },
    signal,
  );
  switch (result.kind) {
    case 'open':
      return new SocketTunnel(result, route, provider.name, tools);
    case 'refused':
      throw new TunnelRefused(result.status, toClientHeaders(result.headers, route).headers, result.body);
    case 'failed':
      throw result.fault;
    case 'cancelled':
      throw signal.reason;
  }
}
