/**
 * The connections to one provider, on undici. What is added to its Pool: connections that are still being opened
 * end when nobody waits for them any more (undici would finish them), forbidden addresses are not dialled, and
 * connections that are dead without a word are given up.
 */
import type { LookupFunction, Socket } from 'node:net';
import { buildConnector, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import type { CompiledProvider } from '../route/snapshot.ts';
import { watchDial } from './dial.ts';
import type { Dial, HttpVersion } from './provider.ts';
import { AddressRefused, guardedLookup, isForbiddenHost } from './address-guard.ts';
import { SESSION_PING_MS, watchSession } from './session-liveness.ts';

/** The way out of the cluster, in the usual three values. Without an HTTPS proxy the HTTP one serves both. */
export interface OutboundProxy {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  /** Hosts to be reached directly, separated by commas. */
  readonly noProxy?: string | undefined;
}

/**
 * 64 KiB: rate-limit and cookie headers of some backends exceed Node's 16 KiB; what is above this is no answer.
 */
const MAX_RESPONSE_HEADER_BYTES = 64 * 1024;

/**
 * 30 s without a hint of the server's own: below the 60 s after which common load balancers drop idle connections,
 * long enough for the pause between two turns of an agent. A `Keep-Alive` header of the server wins.
 */
const KEEP_ALIVE_MS = 30_000;

/** Fails a connection that nobody waits for. Its code is none of undici's, which would make it dial again. */
class Abandoned extends Error {
  readonly code = 'TURNBRIDGE_ABANDONED';

  constructor() {
    super('nobody waits for this connection');
    this.name = 'Abandoned';
  }
}

/** A request, as its pool knows it. */
export interface Waiter {
  /** The connection that it waited for could not be opened. */
  connectFailed(error: Error): void;
  /** A connection was dialled for it, and this is how that went. Before it is used. */
  dialled?(dial: Dial): void;
}

/** One provider's connections. {@link ProviderPool.close} is the one way out. */
export class ProviderPool {
  /** The provider's host may not be reached at all: a literal address, or a name that is known to be local. */
  readonly forbidden: boolean;
  /** What was agreed upon with the provider when a connection was opened last; undefined before. */
  httpVersion: HttpVersion | undefined;

  readonly #provider: CompiledProvider;
  readonly #connectMs: number;
  readonly #proxy: OutboundProxy | undefined;
  readonly #pingMs: number;
  readonly #connector: buildConnector.connector;
  #dispatcher: Dispatcher;

  /** Requests that no connection has taken yet. */
  readonly #waiting = new Set<Waiter>();
  /** Requests that are on a connection. */
  readonly #running = new Set<Waiter>();
  /** Sockets being opened, with the request that undici opened each for, where that is known. */
  readonly #opening = new Map<Socket, Waiter | undefined>();
  /** The request being handed to undici at this moment: a connection it opens synchronously is for that request. */
  #dispatching: Waiter | undefined;

  constructor(
    provider: CompiledProvider,
    connectMs: number,
    proxy: OutboundProxy | undefined,
    lookup: LookupFunction | undefined,
    pingMs: number = SESSION_PING_MS,
  ) {
    this.#provider = provider;
    this.#pingMs = pingMs;
    this.#connectMs = connectMs;
    this.#proxy = proxy?.httpProxy || proxy?.httpsProxy ? proxy : undefined;
    this.forbidden = !provider.loopbackAllowed && isForbiddenHost(new URL(provider.origin).hostname);
    this.#connector = this.#makeConnector(lookup);
    this.#dispatcher = this.#makeDispatcher();
  }

  /**
   * Hands a request to undici. `waiter` stands for it: call {@link started} when a connection takes it and
   * {@link ended} when it is over, however that comes.
   */
  dispatch(waiter: Waiter, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#waiting.add(waiter);
    this.#dispatching = waiter;
    try {
      this.#dispatcher.dispatch(options, handler);
    } finally {
      this.#dispatching = undefined;
    }
  }

  /** As {@link dispatch}, for a request whose answer is read as a stream; reports itself when it has started. */
  request(waiter: Waiter, options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    this.#waiting.add(waiter);
    this.#dispatching = waiter;
    try {
      return this.#dispatcher
        .compose(
          (dispatch) => (given, handler) =>
            dispatch(
              given,
              tellingStart(handler, () => this.#startedIfWanted(waiter)),
            ),
        )
        .request(options);
    } finally {
      this.#dispatching = undefined;
    }
  }

  #startedIfWanted(waiter: Waiter): void {
    if (!this.#waiting.has(waiter)) {
      throw new Abandoned(); // Given up while undici had it queued: it must not be sent now.
    }
    this.started(waiter);
  }

  /** A connection has taken the request. */
  started(waiter: Waiter): void {
    if (this.#waiting.delete(waiter)) {
      this.#running.add(waiter);
    }
  }

  /** The request is over, or is not wanted any more. Connections being opened only for it are given up at once. */
  ended(waiter: Waiter): void {
    this.#running.delete(waiter);
    if (!this.#waiting.delete(waiter)) {
      return;
    }
    const nobodyWaits = this.#waiting.size === 0;
    for (const [socket, owner] of this.#opening) {
      // Over HTTP/2 others may be waiting for this very connection, so it stays until nobody is.
      if (nobodyWaits || (owner === waiter && !this.#mayMultiplex)) {
        socket.destroy(new Abandoned());
      }
    }
    if (this.#proxy !== undefined && nobodyWaits && this.#running.size === 0) {
      // A tunnel that is being negotiated is undici's own request, out of reach: all goes with it, which is idle.
      const abandoned = this.#dispatcher;
      this.#dispatcher = this.#makeDispatcher();
      void abandoned.destroy(new Abandoned());
    }
  }

  /** Lets running requests finish, then closes the connections. May be called twice. */
  async close(): Promise<void> {
    await this.#dispatcher.close();
  }

  get #mayMultiplex(): boolean {
    return this.#speaksH2c || (this.#isTls && this.#provider.http !== 'HTTP1');
  }

  get #isTls(): boolean {
    return this.#provider.origin.startsWith('https:');
  }

  /** HTTP/2 without TLS cannot be negotiated: only where it is asked for by name. */
  get #speaksH2c(): boolean {
    return !this.#isTls && this.#provider.http === 'HTTP2';
  }

  #makeDispatcher(): Dispatcher {
    const options: Pool.Options = {
      // Without a limit: a turn must not queue behind others of its provider; clients and routes have the limits.
      connections: null,
      pipelining: 1,
      allowH2: this.#mayMultiplex,
      h2Options: { pingInterval: this.#pingMs },
      headersTimeout: 0, // The turn has its own clocks.
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    };
    const makePool = (origin: string | URL, connect: buildConnector.connector) =>
      new Pool(origin, {
        ...options,
        connect: this.#tending(connect),
        ...(this.#speaksH2c && connect === this.#connector ? { useH2c: true } : {}),
      });
    const proxy = this.#proxy;
    if (proxy === undefined) {
      return makePool(this.#provider.origin, this.#connector);
    }
    return new EnvHttpProxyAgent({
      ...options,
      connect: this.#connector,
      connectTimeout: this.#connectMs,
      // Empty and not left out: undici would look into the environment instead.
      httpProxy: proxy.httpProxy ?? '',
      httpsProxy: proxy.httpsProxy ?? '',
      noProxy: proxy.noProxy ?? '',
      requestTls: { ...this.#tlsOptions(), timeout: this.#connectMs },
      factory: (origin, given) => makePool(origin, (given as { connect: buildConnector.connector }).connect),
      // The CONNECT request is part of connecting.
      clientFactory: (origin, given) =>
        new Pool(origin, { ...(given as Pool.Options), headersTimeout: this.#connectMs }),
    });
  }

  #tlsOptions(): { ca?: string; servername?: string } {
    const { ca, serverName } = this.#provider.tls;
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    };
  }

  /** What is added to each connection, however it is opened: see the two that follow. */
  #tending(connect: buildConnector.connector): buildConnector.connector {
    return (options, callback) => {
      connect(options, (...result) => {
        const [error, socket] = result;
        if (error === null) {
          this.#tend(socket);
        } else if (this.#mayMultiplex && !(error instanceof Abandoned)) {
          this.#shareFailure(error);
        }
        callback(...result);
      });
    };
  }

  #tend(socket: Socket): void {
    // A record that does not decrypt is an 'error' of a TLS socket without a 'close', for which undici would wait.
    socket.on('error', () => socket.destroy());
    const isHttp2 = this.#speaksH2c || ('alpnProtocol' in socket && socket.alpnProtocol === 'h2');
    this.httpVersion = isHttp2 ? '2' : '1.1';
    if (isHttp2) watchSession(socket, this.#pingMs);
  }

  /**
   * Where HTTP/2 is possible, undici opens one connection and lets all requests wait for it; if it fails, the first
   * of them fails, and the next one dials. Behind a host that swallows packets the tenth would hear of it after ten
   * times the limit. So all who wait for a connection share its failure.
   */
  #shareFailure(error: Error): void {
    const dialling = new Set(this.#opening.values());
    for (const waiter of this.#waiting) {
      if (!dialling.has(waiter)) {
        waiter.connectFailed(error);
      }
    }
  }

  /** Opens connections without a proxy; sets TCP_NODELAY (undici's connector does). */
  #makeConnector(lookup: LookupFunction | undefined): buildConnector.connector {
    const guarded = !this.#provider.loopbackAllowed;
    const dial = buildConnector({
      ...this.#tlsOptions(),
      ...(guarded ? { lookup: guardedLookup(lookup) } : lookup === undefined ? {} : { lookup }),
      allowH2: this.#mayMultiplex,
      preferH2: this.#provider.http === 'HTTP2',
      ...(this.#speaksH2c ? { useH2c: true } : {}),
      timeout: this.#connectMs,
    }) as SocketConnector;
    return (options, callback) => {
      if (this.#waiting.size === 0) {
        queueMicrotask(() => callback(new Abandoned(), null));
        return;
      }
      if (guarded && isForbiddenHost(options.hostname)) {
        queueMicrotask(() => callback(new AddressRefused(), null));
        return;
      }
      const socket = dial(options, (...result) => {
        const waiter = this.#opening.get(socket);
        this.#opening.delete(socket);
        if (waiter !== undefined && this.#waiting.has(waiter)) waiter.dialled?.(times.end(result[0]));
        callback(...result);
      });
      const times = watchDial(socket, this.#provider.name);
      this.#opening.set(socket, this.#dispatching);
    };
  }
}

/** undici's connectors return the socket they open; their types leave it out. */
type SocketConnector = (options: buildConnector.Options, callback: buildConnector.Callback) => Socket;

function tellingStart(handler: Dispatcher.DispatchHandler, onStart: () => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller, context) => {
      onStart();
      handler.onRequestStart?.(controller, context);
    },
    onResponseStart: (...args) => handler.onResponseStart?.(...args),
    onResponseData: (...args) => handler.onResponseData?.(...args),
    onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
    onResponseError: (...args) => handler.onResponseError?.(...args),
  };
}
