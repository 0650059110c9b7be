/**
 * The one ops port: is it alive, is it ready, what does it count. For probes and Prometheus; never on the port that
 * clients use.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';

/** Whoever takes longer to send a request line and headers is no probe. */
const REQUEST_TIMEOUT_MS = 5000;
/** Probes and scrapers send a few hundred bytes. */
const MAX_HEADER_BYTES = 8 * 1024;
/** Two kubelets, a few scrapers, a person: more is a mistake or an attack. */
const MAX_OPS_CONNECTIONS = 64;

export interface OpsListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Whether new connections should come here; the reason is shown when not. */
  readonly ready: () => { readonly ready: boolean; readonly reason?: string | undefined };
  readonly metrics: { text(): Promise<string>; readonly contentType: string };
}

export interface OpsListener {
  /** `host:port` as bound, IPv6 in brackets. */
  readonly address: string;
  readonly port: number;
  /** Stops listening and drops what is connected. May be called twice. */
  close(): Promise<void>;
}

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
  const { status, type, body } = await answer(request, options);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answer(request: IncomingMessage, options: OpsListenerOptions): Promise<Answer> {
  const path = request.url?.split('?', 1)[0];
  if (path !== '/healthz' && path !== '/readyz' && path !== '/metrics') {
    return json(404, { error: 'not found', paths: ['/healthz', '/readyz', '/metrics'] });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'use GET or HEAD' });
  if (path === '/healthz') return json(200, { alive: true });
  if (path === '/readyz') {
    const { ready, reason } = options.ready();
    return json(ready ? 200 : 503, { ready, reason });
  }
  try {
    return { status: 200, type: options.metrics.contentType, body: await options.metrics.text() };
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
