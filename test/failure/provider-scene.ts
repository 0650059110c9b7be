/** Providers over HTTP/1.1 that a test breaks: one that only accepts, and one whose stream the test goes on with. */
import type { ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import type { Attempt } from '../../src/provider/provider.ts';
import { event, type Servers, sse, SSE_HEADERS } from '../unit/provider/provider-setup.ts';

/** A server that only accepts connections; what becomes of the first. */
export async function openTcp(servers: Servers, onConnection: (socket: Socket) => void = () => undefined) {
  const sockets = new Set<Socket>();
  const accepted = Promise.withResolvers<Socket>();
  const closed = Promise.withResolvers<void>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => closed.resolve());
    socket.resume();
    accepted.resolve(socket);
    onConnection(socket);
  });
  const origin = await servers.tcp(server, () => sockets.forEach((socket) => socket.destroy()));
  return { origin, sockets, accepted: accepted.promise, closed: closed.promise };
}

/** A provider that begins a stream with one event and leaves the rest to the test. */
export async function openStream(servers: Servers) {
  const stream = Promise.withResolvers<ServerResponse>();
  const closed = Promise.withResolvers<void>();
  const { origin } = await servers.http((_request, response) => {
    response.on('close', () => closed.resolve());
    response.writeHead(200, SSE_HEADERS).write(sse(event(0)));
    stream.resolve(response);
  });
  return { origin, stream: stream.promise, closed: closed.promise };
}

/** Aborts; how long until the provider has seen it, in milliseconds. */
export async function abortSeen(attempt: Attempt, closed: Promise<unknown>): Promise<number> {
  const since = performance.now();
  attempt.abort();
  await closed;
  return performance.now() - since;
}
