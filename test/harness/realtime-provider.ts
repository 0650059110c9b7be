/** A provider whose WebSockets a test holds in its hands: what a bridge passes on arrives here as it is. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { until } from './wait-for.ts';

export interface RealtimeWishes {
  /** Instead of the 101: a status, with headers and a body. */
  readonly refuse?: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  /** The 101 waits for this. */
  readonly hold?: Promise<void>;
  /** Further headers of the 101. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Which of the protocols that are offered is selected. Left out: the first. */
  readonly selects?: (offered: ReadonlySet<string>) => string | false;
  /** False: pings are heard and not answered. */
  readonly answersPings?: boolean;
}

/** The provider's end of one WebSocket. */
export interface ProviderEnd {
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly messages: { readonly data: Buffer; readonly isBinary: boolean }[];
  readonly pings: Buffer[];
  readonly pongs: Buffer[];
  /** Text messages so far. */
  readonly texts: readonly string[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export interface RealtimeProvider extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string;
  /** Upgrades so far, whatever became of them. */
  readonly upgrades: {
    readonly url: string;
    readonly headers: IncomingHttpHeaders;
    readonly socket: Socket;
  }[];
  readonly ends: ProviderEnd[];
  /** Waits for the first (or `n`th, from 0) WebSocket. */
  end(n?: number): Promise<ProviderEnd>;
}

/** Listens on loopback; use it with `await using`. */
export async function openRealtimeProvider(wishes: RealtimeWishes = {}): Promise<RealtimeProvider> {
  const upgrades: RealtimeProvider['upgrades'] = [];
  const ends: ProviderEnd[] = [];
  const { answersPings = true, selects = ([first]) => first ?? false } = wishes;
  const server = createServer((_request, response) => void response.writeHead(404).end());
  const door = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    autoPong: answersPings,
    maxPayload: 256 * 1_048_576,
    handleProtocols: selects,
  });
  door.on('headers', (lines) => {
    for (const [name, value] of Object.entries(wishes.headers ?? {})) lines.push(`${name}: ${value}`);
  });
  server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    const socket = duplex as Socket;
    socket.on('error', () => undefined);
    upgrades.push({ url: request.url ?? '', headers: request.headers, socket });
    if (wishes.refuse !== undefined) return void socket.end(refusalText(wishes.refuse));
    const accept = (): void =>
      door.handleUpgrade(request, socket, head, (ws) => void ends.push(toEnd(ws, socket)));
    if (wishes.hold === undefined) accept();
    else void wishes.hold.then(accept);
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${String(port)}/v1`,
    upgrades,
    ends,
    end: (n = 0) => until(() => ends[n], `WebSocket ${String(n)} at the provider`),
    [Symbol.asyncDispose]: async () => {
      for (const { socket } of upgrades) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function toEnd(ws: WebSocket, socket: Socket): ProviderEnd {
  const messages: { readonly data: Buffer; readonly isBinary: boolean }[] = [];
  const pings: Buffer[] = [];
  const pongs: Buffer[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
  ws.on('message', (data: Buffer, isBinary) => messages.push({ data, isBinary }));
  ws.on('ping', (data) => pings.push(data));
  ws.on('pong', (data) => pongs.push(data));
  ws.on('error', () => undefined);
  ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  return {
    ws,
    socket,
    messages,
    pings,
    pongs,
    closed,
    get texts() {
      return messages.filter(({ isBinary }) => !isBinary).map(({ data }) => data.toString());
    },
  };
}

function refusalText({ status, headers = {}, body = '' }: NonNullable<RealtimeWishes['refuse']>): string {
  const lines = Object.entries({
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  });
  return `HTTP/1.1 ${String(status)} Refused\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}
