/**
 * The connections to the API server, shared by everything: one set for each cluster, CA and client certificate.
 * client-node makes a new agent for each request, and with it a new TLS connection.
 */
import { createHash } from 'node:crypto';
import { Agent, ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import type { KubeCredentials } from './kube-credentials.ts';

/** Requests beyond wait in line: enough for a burst of statuses, few enough for a small API server. */
export const MAX_REQUEST_SOCKETS = 16;

/** Each watch holds one: 256 namespaces with three kinds of objects, and room for those that are being replaced. */
export const MAX_WATCH_SOCKETS = 1024;

/** To a server that does not answer we come back later. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Idle connections are kept this long: between two renewals of a Lease, and below the 90 s after which the API server ends them. */
const KEEP_ALIVE_MS = 45_000;

/** The kernel asks whether the other side still lives: load balancers forget silent connections after a minute. */
const TCP_KEEP_ALIVE_MS = 30_000;

/** Requests and watches have sockets of their own: no number of watches can keep a Lease from being renewed. */
export interface KubeDispatchers {
  readonly requests: Dispatcher;
  readonly watches: Dispatcher;
}

/** All connections of one client. Its owner closes it. */
export class KubeSockets {
  #open: { readonly key: string; readonly dispatchers: KubeDispatchers } | undefined;
  /** Of credentials that were replaced: what runs on them ends by itself. */
  readonly #retired = new Set<Dispatcher>();
  #isClosed = false;

  /** The connections for these credentials: the same ones until the server, its CA or our certificate changes. A new token changes nothing. */
  for(credentials: KubeCredentials): KubeDispatchers {
    if (this.#isClosed) throw new Error('the client of the API server is closed');
    const key = keyOf(credentials);
    if (this.#open?.key === key) return this.#open.dispatchers;
    if (this.#open !== undefined) {
      this.#retire(this.#open.dispatchers.requests);
      this.#retire(this.#open.dispatchers.watches);
    }
    const dispatchers = {
      requests: openDispatcher(credentials, MAX_REQUEST_SOCKETS),
      watches: openDispatcher(credentials, MAX_WATCH_SOCKETS),
    };
    this.#open = { key, dispatchers };
    return dispatchers;
  }

  /** Ends everything now. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const { requests, watches } = this.#open?.dispatchers ?? {};
    this.#open = undefined;
    const all = [requests, watches, ...this.#retired].filter((dispatcher) => dispatcher !== undefined);
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  #retire(dispatcher: Dispatcher): void {
    this.#retired.add(dispatcher);
    const forget = (): void => void this.#retired.delete(dispatcher);
    dispatcher.close().then(forget, forget);
  }
}

function openDispatcher({ tls, proxyUrl }: KubeCredentials, connections: number): Dispatcher {
  const secure = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
  const common = {
    connections,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // HTTP/2 would put all watches on one connection, and one half-open connection would stop them all.
    allowH2: false,
    // The client has timers of its own: they know what is being waited for, and tests can move them.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const connect = {
    ...secure,
    timeout: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    allowH2: false,
  };
  if (proxyUrl === undefined) return new Agent({ ...common, connect });
  return new ProxyAgent({ ...common, uri: proxyUrl, requestTls: connect });
}

function keyOf({ server, tls, proxyUrl }: KubeCredentials): string {
  const hash = createHash('sha256');
  for (const part of [server, proxyUrl, tls.ca, tls.cert, tls.key, tls.passphrase, tls.servername]) {
    const bytes = Buffer.from(part ?? '');
    hash.update(`${String(bytes.length)}:`).update(bytes);
  }
  return hash.update(String(tls.rejectUnauthorized)).digest('hex');
}
