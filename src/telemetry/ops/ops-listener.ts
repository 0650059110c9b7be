/**
 * The one ops port: is it alive, is it ready, what does it count, and a page for people. For probes, Prometheus and
 * operators; never on the port that clients use.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';

/** Whoever takes longer to send a request line and headers is no probe. */
const REQUEST_TIMEOUT_MS = 5000;
/** Probes send a few hundred bytes, a browser the cookies of all that was ever opened under localhost. */
const MAX_HEADER_BYTES = 16 * 1024;
/** Two kubelets, a few scrapers, a few people who watch the page: more is a mistake or an attack. */
const MAX_OPS_CONNECTIONS = 64;

export interface OpsListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Whether new connections should come here; the reason is shown when not. */
  readonly ready: () => { readonly ready: boolean; readonly reason?: string | undefined };
  /** In the format that the scraper accepts. */
  readonly metrics: {
    text(accept: string | undefined): Promise<{ readonly type: string; readonly body: string }>;
  };
  /** What `/snapshot` says, undefined: nothing is in effect yet. Left out: the path is not there. */
  readonly snapshot?: () => object | undefined;
  /** Undefined: there is none. Its owner closes it. */
  readonly page?: PageDoor | undefined;
}

/** What the listener needs of the page (page/ops-page.ts). */
export interface PageDoor {
  /** What a person may ask for, to be named to whoever asks for something else. */
  readonly paths: readonly string[];
  has(path: string): boolean;
  /** Answers by itself, also who may not see it. */
  respond(request: IncomingMessage, response: ServerResponse, path: string): void;
}

export interface OpsListener {
  /** `host:port` as bound, IPv6 in brackets. */
  readonly address: string;
  readonly port: number;
  /** Stops listening and drops what is connected. May be called twice. */
  close(): Promise<void>;
}

const PATHS = ['/healthz', '/readyz', '/metrics'];
/** Which routes are in effect: an operator asks each bridge. */
const SNAPSHOT_PATH = '/snapshot';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Listens. Rejects with a sentence when the address cannot be had. The caller closes it. */
export async function openOpsListener(options: OpsListenerOptions): Promise<OpsListener> {
  const server = createServer(
    {
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: REQUEST_TIMEOUT_MS / 5,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => {
      void respond(request, response, options);
    },
  );
  server.maxConnections = MAX_OPS_CONNECTIONS;
  const { address, port } = await listen(server, options.host, options.port);
  let closing: Promise<void> | undefined;
  return {
    address: `${isIPv6(address) ? `[${address}]` : address}:${port}`,
    port,
    close: () => (closing ??= closeServer(server)),
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: OpsListenerOptions,
): Promise<void> {
  request.resume();
  const path = request.url?.split('?', 1)[0] ?? '';
  if (options.page?.has(path) === true) return options.page.respond(request, response, path);
  const { status, type, body } = await answer(request, path, options);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    vary: 'accept',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answer(request: IncomingMessage, path: string, options: OpsListenerOptions): Promise<Answer> {
  const paths = options.snapshot === undefined ? PATHS : [...PATHS, SNAPSHOT_PATH];
  if (!paths.includes(path)) {
    return json(404, { error: 'not found', paths: [...paths, ...(options.page?.paths ?? [])] });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'use GET or HEAD' });
  if (path === '/healthz') return json(200, { alive: true });
  if (path === '/readyz') {
    const { ready, reason } = options.ready();
    return json(ready ? 200 : 503, { ready, reason });
  }
  if (path === SNAPSHOT_PATH) {
    const snapshot = options.snapshot?.();
    return snapshot === undefined ? json(503, { version: null }) : json(200, snapshot);
  }
  try {
    return { status: 200, ...(await options.metrics.text(request.headers.accept)) };
  } catch {
    // A gauge threw: our bug. The scrape fails visibly (up == 0) and the process goes on.
    return json(500, { error: 'metrics could not be read' });
  }
}

function json(status: number, body: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          `the ops listener cannot listen on ${host}:${port} (${error.code}): choose another address or port`,
          {
            cause: error,
          },
        ),
      );
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
