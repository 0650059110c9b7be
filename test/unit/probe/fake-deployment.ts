/**
 * A server on loopback that behaves as a bridge should towards a client, written from the protocol and sharing
 * nothing with the bridge. Each test spoils one thing.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

export interface Behaviour {
  /** Answers the upgrade in another way; true if it did. */
  upgrade?(request: IncomingMessage, socket: Duplex): boolean;
  /** A socket was opened. */
  opened?(socket: WebSocket, request: IncomingMessage): void;
  /** A frame came; true if this was the answer. */
  frame?(frame: Record<string, unknown> | undefined, socket: WebSocket): boolean;
  /** A request came; true if this was the answer. */
  request?(request: IncomingMessage, response: ServerResponse): boolean;
}

export interface FakeDeployment {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string;
  readonly port: number;
  /** Frames that came, parsed. */
  readonly frames: Record<string, unknown>[];
  /** Headers of upgrades and requests, in order. */
  readonly requests: IncomingMessage[];
  close(): Promise<void>;
}

const USAGE = {
  input_tokens: 12,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 3,
  output_tokens_details: { reasoning_tokens: 1 },
  total_tokens: 15,
};

/** The events of a short, good answer. */
export function goodAnswer(id: string, text = 'pong'): Record<string, unknown>[] {
  const response = { id, object: 'response', model: 'gpt-5.5', status: 'in_progress' };
  const half = Math.ceil(text.length / 2);
  return [
    { type: 'response.created', response },
    { type: 'response.output_item.added', item: { type: 'message', id: 'msg_1' } },
    { type: 'response.output_text.delta', delta: text.slice(0, half) },
    { type: 'response.output_text.delta', delta: text.slice(half) },
    {
      type: 'response.output_item.done',
      item: { type: 'message', id: 'msg_1', content: [{ type: 'output_text', text }] },
    },
    { type: 'response.completed', response: { ...response, status: 'completed', usage: USAGE } },
  ];
}

export function sendJson(socket: WebSocket, value: unknown): void {
  socket.send(JSON.stringify(value));
}

export function refuse(socket: Duplex, status: string, body: string, headers: readonly string[] = []): true {
  const head = [
    `HTTP/1.1 ${status}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...headers,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  return true;
}

export async function startFakeDeployment(behaviour: Behaviour = {}): Promise<FakeDeployment> {
  const frames: Record<string, unknown>[] = [];
  const requests: IncomingMessage[] = [];
  const sockets = new WebSocketServer({ noServer: true });
  const connections = new Set<Socket>();
  const server = createServer((request, response) => {
    requests.push(request);
    if (behaviour.request?.(request, response) !== true) answerRequest(request, response);
  });
  server.on('connection', (connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
  });
  server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    requests.push(request);
    socket.on('error', () => socket.destroy());
    if (behaviour.upgrade?.(request, socket) === true) return;
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('message', (data: Buffer) => {
        const frame = parse(data.toString());
        if (frame !== undefined) frames.push(frame);
        if (behaviour.frame?.(frame, ws) !== true) answerFrame(frame, ws);
      });
      behaviour.opened?.(ws, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    frames,
    requests,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const connection of connections) connection.destroy();
      await closed;
    },
  };
}

function answerFrame(frame: Record<string, unknown> | undefined, ws: WebSocket): void {
  if (frame === undefined) {
    sendJson(ws, {
      type: 'error',
      status: 400,
      error: { type: 'invalid_request_error', code: 'invalid_json' },
    });
  } else if (frame['generate'] === false) {
    sendJson(ws, { type: 'response.created', response: { id: 'resp_warm' } });
    sendJson(ws, { type: 'response.completed', response: { id: 'resp_warm', output: [] } });
  } else if (frame['previous_response_id'] !== undefined && frame['previous_response_id'] !== 'resp_warm') {
    sendJson(ws, {
      type: 'error',
      status: 400,
      error: { code: 'previous_response_not_found', message: 'unknown' },
    });
  } else {
    for (const event of goodAnswer('resp_1')) sendJson(ws, event);
  }
}

function answerRequest(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/v1/models') {
    response.setHeader('content-type', 'application/json').end('{"data":[]}');
  } else if (request.url !== '/v1/responses') {
    response.writeHead(404).end();
  } else if (request.method === 'POST') {
    response.setHeader('content-type', 'text/event-stream');
    for (const event of goodAnswer('resp_2')) response.write(`data: ${JSON.stringify(event)}\n\n`);
    response.end();
  } else {
    const body = JSON.stringify({ error: { message: 'open a WebSocket here' } });
    response.writeHead(426, { upgrade: 'websocket', 'content-type': 'application/json' }).end(body);
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
