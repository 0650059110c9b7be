/** A provider that answers with any bytes at all: for answers that no HTTP server would write. */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** What a request asks for, as far as a test needs it. */
export interface ByteRequest {
  readonly model: string;
  readonly socket: Socket;
}

export interface ByteProvider extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string;
  readonly port: number;
  /** Connections so far. */
  readonly connections: number;
  readonly openConnections: number;
  close(): Promise<void>;
}

/**
 * Listens on loopback, reads requests and has each one answered; requests of one connection come one after the other.
 * Half-closed connections stay: who answers decides when to close. Its owner closes it.
 */
export async function openByteProvider(answer: (request: ByteRequest) => unknown): Promise<ByteProvider> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined); // `close` follows
    readRequests(socket, (model) => answer({ model, socket }));
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', resolve);
  await listening;
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const { promise, resolve: closed } = Promise.withResolvers<void>();
    server.close(() => closed());
    for (const socket of open) socket.destroy();
    await promise;
  };
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    get connections() {
      return connections;
    },
    get openConnections() {
      return open.size;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Calls with the model of each whole request. Understands what the bridge sends: a head with a content-length. */
function readRequests(socket: Socket, onRequest: (model: string) => void): void {
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const split = bytes.indexOf('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(bytes.subarray(0, split).toString())?.[1];
      const end = split + 4 + Number(length);
      if (split < 0 || length === undefined || bytes.length < end) return;
      const body = JSON.parse(bytes.subarray(split + 4, end).toString()) as { readonly model: string };
      bytes = bytes.subarray(end);
      onRequest(body.model);
    }
  });
}
