/**
 * The least that these libraries can do: `ws` and undici, no routes, no limits, no log, no metrics, no memory. Says what of
 * the bridge's cost is the platform's, over HTTP or from one WebSocket to the other:
 *
 *   npm run bench -- --bridge "node test/bench/bare-bridge.ts"
 *
 * Takes the bridge's flags and reads of its route file the provider's address and transport only.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { Pool, type Dispatcher } from 'undici';
import { WebSocket, WebSocketServer } from 'ws';
import { SseScanner } from '../../src/events/sse-scanner.ts';
import { FrameBatch } from '../../src/client/frame-batch.ts';

const { values } = parseArgs({ allowPositionals: true, strict: false });
const route = readFileSync(String(values['routes']), 'utf8');
const provider = /url: '(http:[^']+)'/.exec(route)?.[1] ?? '';
const isOverWebSocket = route.includes('transport: WebSocket');
const pool = new Pool(new URL(provider).origin, { connections: null, headersTimeout: 0, bodyTimeout: 0 });
const path = `${new URL(provider).pathname}/responses`;

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (ws, request) => (isOverWebSocket ? join : serve)(ws, request.socket));
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  say({ event: 'process.start', listen: `127.0.0.1:${port}`, ops_listen: '127.0.0.1:1' });
  say({ event: 'process.ready' });
});

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function serve(ws: WebSocket, socket: Socket): void {
  socket.setNoDelay();
  const batch = new FrameBatch();
  const flush = () => batch.writeTo(socket);
  let running: Dispatcher.DispatchController | undefined;
  ws.on('close', () => running?.abort(new Error('gone')));
  ws.on('message', (frame: Buffer) => {
    const scanner = new SseScanner((payload) => {
      if (batch.isEmpty) queueMicrotask(flush);
      batch.add(payload);
    });
    pool.dispatch(
      { path, method: 'POST', headers: { 'content-type': 'application/json' }, body: frame },
      {
        onRequestStart: (controller) => void (running = controller),
        onResponseStart: () => undefined,
        onResponseData: (_, chunk) => void scanner.push(chunk),
        onResponseEnd: () => void (running = undefined),
        onResponseError: () => ws.terminate(),
      },
    );
  });
}

/** Texts of the provider are passed on as they come, those of one read in one write. */
function join(ws: WebSocket, socket: Socket): void {
  socket.setNoDelay();
  const batch = new FrameBatch();
  const flush = () => batch.writeTo(socket);
  const far = new WebSocket(`${provider.replace('http', 'ws')}/responses`, { perMessageDeflate: false });
  const early: Buffer[] = [];
  ws.on('message', (frame: Buffer) => {
    if (far.readyState === WebSocket.OPEN) far.send(frame, { binary: false });
    else early.push(frame);
  });
  ws.on('close', () => far.terminate());
  far.on('open', () => {
    for (const frame of early.splice(0)) far.send(frame, { binary: false });
  });
  far.on('message', (payload: Buffer) => {
    if (batch.isEmpty) queueMicrotask(flush);
    batch.add(payload);
  });
  far.on('error', () => ws.terminate());
}
