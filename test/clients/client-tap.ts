/**
 * A TCP switch between a real client and what it talks to: sees every connection and every frame that the client
 * sends, and can lead new connections elsewhere, as a balancer does when a pod drains.
 */
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import * as ws from 'ws';
import type { JsonObject } from './codex-exec.ts';

/** ws exports its frame parser, its types do not. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => Writable;
};

/** The largest message that Codex accepts itself; nothing here comes near. */
const maxMessageBytes = 64 << 20;

export interface TappedConnection {
  /** Request line of the first request on it: `GET /v1/responses HTTP/1.1`. */
  readonly requestLine: string;
  readonly isWebSocket: boolean;
  /** Text frames that the client sent, parsed; empty for plain HTTP. */
  readonly frames: readonly JsonObject[];
  /** `performance.now()` when the client's side ended; undefined while it is open. */
  readonly endedAt: number | undefined;
}

export interface ClientTap extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` for the client's configuration. */
  readonly url: string;
  /** Oldest first; those that only opened and closed are not listed. */
  readonly connections: readonly TappedConnection[];
  /** WebSocket connections alone. */
  readonly sockets: readonly TappedConnection[];
  /** New connections go to this port of loopback from now on. */
  retarget(port: number): void;
}

/** Listens on a free port and passes everything on to `port`. */
export async function openClientTap(port: number): Promise<ClientTap> {
  let target = port;
  const connections: MutableConnection[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = connectTcp({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    join(client, upstream, (connection) => connections.push(connection));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', done);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    connections,
    get sockets() {
      return connections.filter(({ isWebSocket }) => isWebSocket);
    },
    retarget(next) {
      target = next;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

type MutableConnection = { -readonly [Key in keyof TappedConnection]: TappedConnection[Key] } & {
  frames: JsonObject[];
};

function join(client: Socket, upstream: Socket, found: (connection: MutableConnection) => void): void {
  let head = Buffer.alloc(0);
  let receiver: Writable | undefined;
  let connection: MutableConnection | undefined;
  client.on('data', (bytes: Buffer) => {
    if (!upstream.write(bytes)) client.pause();
    if (connection !== undefined) {
      receiver?.write(bytes);
      return;
    }
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const text = head.toString('latin1', 0, end);
    const isWebSocket = /^upgrade: websocket$/im.test(text);
    connection = { requestLine: text.split('\r\n', 1)[0] ?? '', isWebSocket, frames: [], endedAt: undefined };
    found(connection);
    if (!isWebSocket) return;
    receiver = openReceiver(connection.frames);
    receiver.write(head.subarray(end + 4));
  });
  upstream.on('data', (bytes: Buffer) => {
    if (!client.write(bytes)) upstream.pause();
  });
  upstream.on('drain', () => client.resume());
  client.on('drain', () => upstream.resume());
  const clientEnded = (): void => {
    if (connection !== undefined) connection.endedAt ??= performance.now();
  };
  client.on('end', () => {
    clientEnded();
    upstream.end();
  });
  upstream.on('end', () => client.end());
  // a reset on one side is a reset on the other
  client.on('error', () => upstream.resetAndDestroy());
  upstream.on('error', () => client.resetAndDestroy());
  client.on('close', () => {
    clientEnded();
    upstream.destroy();
  });
  upstream.on('close', () => client.destroy());
}

function openReceiver(frames: JsonObject[]): Writable {
  const receiver = new Receiver({ isServer: true, maxPayload: maxMessageBytes });
  receiver.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString('utf8')) as JsonObject));
  receiver.on('error', () => {}); // a close frame ends it; the bytes went on all the same
  return receiver;
}
