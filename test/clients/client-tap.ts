/**
 * A TCP switch between a real client and what it talks to: sees every connection and every frame that either side
 * sends, and can lead new connections elsewhere, as a balancer does when a pod drains.
 */
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { JsonObject } from './codex-exec.ts';
import { maxTappedMessageBytes, openAnswerReader, Receiver, type Heard } from './tapped-answer.ts';

export interface TappedConnection {
  /** Request line of the first request on it: `GET /v1/responses HTTP/1.1`. */
  readonly requestLine: string;
  readonly isWebSocket: boolean;
  /** Text frames that the client sent, parsed; empty for plain HTTP. */
  readonly frames: readonly JsonObject[];
  /** The same, as they came. */
  readonly texts: readonly string[];
  /** When each of them came, by `performance.now()`. */
  readonly frameTimes: readonly number[];
  /** What came from the other side, in order. */
  readonly heard: readonly Heard[];
  /** When each HTTP request on it came, upgrades among them, by `performance.now()`. */
  readonly requestTimes: readonly number[];
  /** `performance.now()` when the client's side ended; undefined while it is open. */
  readonly endedAt: number | undefined;
}

export interface ClientTap extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` for the client's configuration. */
  readonly url: string;
  /** Oldest first; those that only opened and closed are not listed. */
  readonly connections: readonly TappedConnection[];
  /** Connections that the other side reset before it had read a request. */
  readonly refused: number;
  /** WebSocket connections alone. */
  readonly sockets: readonly TappedConnection[];
  /** New connections go to this port of loopback from now on. */
  retarget(port: number): void;
}

/** Listens on a free port and passes everything on to `port`. */
export async function openClientTap(port: number): Promise<ClientTap> {
  let target = port;
  let refused = 0;
  const connections: MutableConnection[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = connectTcp({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    join(client, upstream, {
      found: (connection) => connections.push(connection),
      refused: () => (refused += 1),
    });
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
    get refused() {
      return refused;
    },
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
  texts: string[];
  frameTimes: number[];
  requestTimes: number[];
  heard: Heard[];
};

interface Findings {
  found(connection: MutableConnection): void;
  refused(): void;
}

function join(client: Socket, upstream: Socket, findings: Findings): void {
  let head = Buffer.alloc(0);
  let receiver: Writable | undefined;
  let connection: MutableConnection | undefined;
  const heard: Heard[] = [];
  const answers = openAnswerReader(heard);
  client.on('data', (bytes: Buffer) => {
    if (!upstream.write(bytes)) client.pause();
    if (connection !== undefined) {
      receiver?.write(bytes);
      if (receiver === undefined && /^[A-Z]{3,7} \S+ HTTP\/1\.1\r\n/.test(bytes.toString('latin1', 0, 200))) {
        connection.requestTimes.push(performance.now());
      }
      return;
    }
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const text = head.toString('latin1', 0, end);
    const isWebSocket = /^upgrade: websocket$/im.test(text);
    const requestLine = text.split('\r\n', 1)[0] ?? '';
    const requestTimes = [performance.now()];
    const nothing = { frames: [], texts: [], frameTimes: [], endedAt: undefined };
    connection = { requestLine, isWebSocket, heard, requestTimes, ...nothing };
    findings.found(connection);
    if (!isWebSocket) return;
    receiver = openReceiver(connection);
    receiver.write(head.subarray(end + 4));
  });
  upstream.on('data', (bytes: Buffer) => {
    answers.push(bytes);
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
  const upstreamEnded = (kind: 'end' | 'reset'): void => {
    // what follows the client's own end, or a close frame, is no news
    if (connection?.endedAt === undefined && heard.at(-1)?.kind !== 'close') heard.push({ kind });
  };
  upstream.on('end', () => {
    upstreamEnded('end');
    client.end();
  });
  // a reset on one side is a reset on the other
  client.on('error', () => upstream.resetAndDestroy());
  upstream.on('error', () => {
    if (connection === undefined) findings.refused();
    upstreamEnded('reset');
    client.resetAndDestroy();
  });
  client.on('close', () => {
    clientEnded();
    upstream.destroy();
  });
  upstream.on('close', () => client.destroy());
}

function openReceiver({ frames, texts, frameTimes }: MutableConnection): Writable {
  const receiver = new Receiver({ isServer: true, maxPayload: maxTappedMessageBytes });
  receiver.on('message', (data: Buffer) => {
    const text = data.toString('utf8');
    texts.push(text);
    frames.push(JSON.parse(text) as JsonObject);
    frameTimes.push(performance.now());
  });
  receiver.on('error', () => {}); // a close frame ends it; the bytes went on all the same
  return receiver;
}
