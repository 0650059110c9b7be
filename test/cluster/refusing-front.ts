/** Stands before an API server, with its certificate, and refuses as much as a test wants. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent as TlsAgent, createServer, request as askTls } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Certificates } from './certificates.ts';

/** What is answered instead of being passed on. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** Owns its connections, both ways. */
export interface RefusingFront extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** Requests that were refused so far. */
  readonly refused: number;
  /** From now on nothing is passed on, and watches that run are broken off; undefined: all of it is again. */
  refuse(refusal: Refusal | undefined): void;
  close(): Promise<void>;
}

/** @param target `https://127.0.0.1:PORT` */
export async function openRefusingFront(target: string, certificates: Certificates): Promise<RefusingFront> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8');
  const ca = await read(certificates.ca);
  const agent = new TlsAgent({ ca, keepAlive: true });
  const sockets = new Set<Socket>();
  let refusal: Refusal | undefined;
  let refused = 0;
  const server = createServer(
    { cert: await read(certificates.server.certificate), key: await read(certificates.server.key) },
    (incoming, outgoing) => {
      if (refusal === undefined) return pass(target, agent, incoming, outgoing);
      refused += 1;
      incoming.resume();
      answer(outgoing, refusal);
    },
  );
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    cut();
    agent.destroy();
    await closed;
  };
  return {
    url: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    get refused() {
      return refused;
    },
    refuse(next) {
      refusal = next;
      if (next !== undefined) cut();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function pass(target: string, agent: TlsAgent, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url = '/', headers } = incoming;
  const passed = askTls(new URL(url, target), { method, headers, agent });
  passed.once('response', (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    outgoing.flushHeaders();
    response.pipe(outgoing);
    response.once('error', () => outgoing.destroy());
    outgoing.once('close', () => response.destroy());
  });
  passed.once('error', () => outgoing.destroy());
  outgoing.once('close', () => passed.destroy());
  incoming.pipe(passed);
}

function answer(outgoing: ServerResponse, { status, reason, retryAfter }: Refusal): void {
  outgoing.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  });
  const message = `refused by a test: ${reason}`;
  outgoing.end(
    JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, reason, message }),
  );
}
