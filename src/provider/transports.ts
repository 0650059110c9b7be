/** All ways to providers behind one interface: what a turn asks for says which one it takes. */
import type { HttpSseTransport } from './http-sse.ts';
import type {
  Attempt,
  AttemptListener,
  AttemptRequest,
  ProviderSockets,
  ProviderTransport,
  RelayAnswer,
  RelayRequest,
  SocketOwner,
} from './provider.ts';
import type { ProviderConnections } from './socket-facts.ts';
import type { Tunnel, TunnelRequest } from './tunnel.ts';
import type { WebSocketTransport } from './websocket.ts';

/** {@link ProviderTransport} over HTTP/SSE and WebSocket. One for the process; its owner closes it. */
export class Transports implements ProviderTransport {
  readonly #http: HttpSseTransport;
  readonly #webSocket: WebSocketTransport;

  constructor(http: HttpSseTransport, webSocket: WebSocketTransport) {
    this.#http = http;
    this.#webSocket = webSocket;
  }

  open(request: AttemptRequest, listener: AttemptListener): Attempt {
    return request.transport === 'http'
      ? this.#http.open(request, listener)
      : this.#webSocket.open(request, listener);
  }

  openSockets(owner: SocketOwner): ProviderSockets {
    return this.#webSocket.openSockets(owner);
  }

  openTunnel(request: TunnelRequest): Promise<Tunnel> {
    return this.#webSocket.openTunnel(request);
  }

  relay(request: RelayRequest): Promise<RelayAnswer> {
    return this.#http.relay(request);
  }

  /** Connections as they are now; of WebSockets only (websocket.ts says why). */
  connections(): readonly ProviderConnections[] {
    return this.#webSocket.connections();
  }

  async close(): Promise<void> {
    await Promise.all([this.#http.close(), this.#webSocket.close()]);
  }
}
