/**
 * The ways to a provider on which a WebSocket is opened: TCP, through the outbound proxy where there is one, and TLS.
 * With the same settings, guards and faults as the pools for HTTP (provider-pool.ts).
 */
import { request } from 'node:http';
import type { LookupFunction, Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { CompiledProvider } from '../route/snapshot.ts';
import { AddressRefused, guardedLookup, isForbiddenHost } from './address-guard.ts';
import type { SocketDialTimes } from './socket-dial-times.ts';
import { proxyAuthorization, proxyFor } from './outbound-proxy.ts';
import type { OutboundProxy } from './provider-pool.ts';

/** The outbound proxy did not open the way. */
export class ProxyRefused extends Error {
  /** @param what It did, as the end of a sentence that begins with the proxy. */
  constructor(what: string) {
    super(`the outbound proxy ${what}`);
    this.name = 'ProxyRefused';
  }
}

/** undici's connectors return the socket they open; their types leave it out. */
type Connector = (options: buildConnector.Options, callback: buildConnector.Callback) => Socket;

/** Opens connections. Holds none: whoever asks for one owns it. */
export class SocketWays {
  readonly #proxy: OutboundProxy | undefined;
  readonly #lookup: LookupFunction | undefined;
  /** A connector remembers TLS sessions, so that the next socket to the same provider is opened sooner. */
  readonly #connectors = new WeakMap<CompiledProvider, Connector>();

  constructor(proxy: OutboundProxy | undefined, lookup: LookupFunction | undefined) {
    this.#proxy = proxy;
    this.#lookup = lookup;
  }

  /**
   * A connection on which the provider can be asked for a WebSocket.
   *
   * @param times Is told how far it is.
   * @param signal Ends the attempt; what is open of it by then is destroyed. Also afterwards, so it is for this
   *   connection alone.
   * @throws Whatever stopped it: an error of the system, of TLS, {@link AddressRefused}, {@link ProxyRefused}.
   */
  async connect(provider: CompiledProvider, times: SocketDialTimes, signal: AbortSignal): Promise<Socket> {
    const target = new URL(provider.origin);
    if (!provider.loopbackAllowed && isForbiddenHost(target.hostname)) throw new AddressRefused();
    const connector = this.#connectorOf(provider);
    const proxy = proxyFor(target, this.#proxy);
    if (proxy === undefined) {
      return opened(connector, toOptions(target), signal, (socket) => times.watch(socket));
    }
    if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
      throw new ProxyRefused('speaks no HTTP, which WebSockets need of it (transport: HTTP does without)');
    }
    const toProxy = buildConnector({ allowH2: false, timeout: 0 }) as Connector;
    const socket = await opened(toProxy, toOptions(proxy), signal, (begun) => times.watch(begun));
    await askForTunnel(proxy, target, socket);
    if (target.protocol !== 'https:') return socket;
    times.beginTls();
    return opened(connector, { ...toOptions(target), httpSocket: socket }, signal);
  }

  #connectorOf(provider: CompiledProvider): Connector {
    const known = this.#connectors.get(provider);
    if (known !== undefined) return known;
    const { ca, serverName } = provider.tls;
    const lookup = provider.loopbackAllowed ? this.#lookup : guardedLookup(this.#lookup);
    const connector = buildConnector({
      ...(ca === undefined ? {} : { ca }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(lookup === undefined ? {} : { lookup }),
      allowH2: false, // no provider speaks WebSockets over HTTP/2 (RFC 8441)
      timeout: 0, // one deadline is for all of the dial
    }) as Connector;
    this.#connectors.set(provider, connector);
    return connector;
  }
}

function toOptions({ protocol, hostname, host, port }: URL): buildConnector.Options {
  return { protocol, hostname: hostname.replace(/^\[(.+)\]$/, '$1'), host, port };
}

/** One step of the way. The socket it opens is destroyed when the signal says so, also later. */
function opened(
  connector: Connector,
  options: buildConnector.Options,
  signal: AbortSignal,
  onBegun: (socket: Socket) => void = () => undefined,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  signal.throwIfAborted();
  const begun = connector(options, (error, socket) => {
    if (error === null) resolve(socket);
    else reject(error);
  });
  // A record that does not decrypt is an 'error' of a TLS socket without a 'close', for which everybody would wait.
  begun.on('error', () => begun.destroy());
  signal.addEventListener(
    'abort',
    () => {
      reject(signal.reason);
      begun.destroy();
    },
    { once: true },
  );
  onBegun(begun);
  return promise;
}

/** CONNECT, for `ws:` too: a proxy that forwards requests seldom forwards upgrades. */
async function askForTunnel(proxy: URL, target: URL, socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const authority = `${target.hostname}:${target.port || (target.protocol === 'https:' ? '443' : '80')}`;
  const authorization = proxyAuthorization(proxy);
  const asking = request({
    method: 'CONNECT',
    path: authority,
    headers: {
      host: authority,
      ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
    },
    createConnection: () => socket,
  });
  asking.once('connect', ({ statusCode = 0 }, _socket, head) => {
    if (statusCode < 200 || statusCode > 299) {
      socket.destroy();
      reject(new ProxyRefused(`answered CONNECT with ${statusCode}`));
      return;
    }
    if (head.length > 0) socket.unshift(head);
    resolve();
  });
  asking.once('error', reject);
  socket.once('close', () => reject(new ProxyRefused('closed the connection')));
  asking.end();
  return promise;
}
