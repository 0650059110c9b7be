/**
 * A provider that fails on demand, over HTTP and over WebSockets, and keeps books: which question it answered to the end.
 * A question is the text of `input`; its answer is the response `resp_QUESTION`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { listenOn, listenOnKeptPort } from '../harness/kept-port.ts';
import { KEEP_ALIVE_MS } from './load-provider.ts';

/**
 * How it fails each request, or not at all.
 *
 * - `refused`: nobody listens, and all connections are gone
 * - `reset`: TCP reset instead of an answer
 * - `silent`: the request is taken and never answered; `stalled`: the same after the 200 or the 101
 * - `500`, `503` (with `retry-after: 1`), `429`: that status; of a WebSocket's frame an error event, the socket stays open
 * - `ended`: a 200 without any event, or a WebSocket that closes with 1000
 * - `error-first`: an error event as the first one, of a server's fault
 * - `try-later`: close code 1013; over HTTP as `503`
 * - `dies`: a reset after the first delta
 */
export type Failure =
  | 'none'
  | 'refused'
  | 'reset'
  | 'silent'
  | 'stalled'
  | '500'
  | '503'
  | '429'
  | 'ended'
  | 'error-first'
  | 'try-later'
  | 'dies';

export interface FailingProvider extends AsyncDisposable {
  readonly url: string;
  /** Requests and frames that asked for a turn so far, and upgrades. */
  readonly asked: number;
  readonly upgrades: number;
  /** How often each question was answered to its end. */
  readonly answered: ReadonlyMap<string, number>;
  /** Questions whose answer was begun (first delta sent) and then cut. */
  readonly cut: ReadonlySet<string>;
  /** From now on. Whatever is under way ends as it began, unless nobody listens any more. */
  fail(how: Failure): Promise<void>;
}

/** Between the first delta and the end: turns must be under way when a failure comes. */
const answerMs = 250;

/** Opens one on a free port of loopback. */
export async function openFailingProvider(): Promise<FailingProvider> {
  const provider = new Failing();
  await provider.listen();
  return provider;
}

class Failing implements FailingProvider {
  asked = 0;
  upgrades = 0;
  readonly answered = new Map<string, number>();
  readonly cut = new Set<string>();
  private how: Failure = 'none';
  private port = 0;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private readonly door = new WebSocketServer({ noServer: true, perMessageDeflate: false });

  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** On the port that it had, if it had one. */
  async listen(): Promise<void> {
    const settings = { noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS };
    const server = createServer(settings, (request, response) => void this.post(request, response));
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined); // the bridge left, or we did
      socket.once('close', () => this.sockets.delete(socket));
    });
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.upgrade(request, socket, head),
    );
    if (this.port === 0) this.port = await listenOnKeptPort(server);
    else await listenOn(server, this.port);
    this.server = server;
  }

  async fail(how: Failure): Promise<void> {
    this.how = how;
    if (how === 'refused') await this.leave();
    else if (this.server === undefined) await this.listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  private async leave(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.sockets) socket.resetAndDestroy();
    await closed;
  }

  private async post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      return; // the bridge left within its request
    }
    const question = questionIn(Buffer.concat(chunks));
    this.asked += 1;
    response.on('error', () => undefined);
    const { how } = this;
    const status = statusOf(how);
    if (status !== undefined) {
      response.writeHead(status, { 'content-type': 'application/json', ...headersOf(how) });
      response.end(JSON.stringify({ error: errorOf(status) }));
      return;
    }
    if (how === 'silent') return;
    if (how === 'reset') {
      response.socket?.resetAndDestroy();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (how === 'ended') response.end();
    else if (how === 'stalled') response.flushHeaders();
    else {
      this.answer(question, how, {
        send: (event) => void response.write(`data: ${event}\n\n`),
        end: () => void response.end(),
        reset: () => response.socket?.resetAndDestroy(),
        isOpen: () => response.socket?.destroyed === false,
      });
    }
  }

  private upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.upgrades += 1;
    const { how } = this;
    const status = how === 'try-later' ? undefined : statusOf(how);
    if (how === 'silent') return;
    if (how === 'reset') socket.resetAndDestroy();
    else if (status !== undefined) {
      const headers = Object.entries(headersOf(how)).map(([name, value]) => `${name}: ${value}\r\n`);
      const body = JSON.stringify({ error: errorOf(status) });
      const length = `content-length: ${body.length}\r\nconnection: close\r\n`;
      socket.end(
        `HTTP/1.1 ${status} No\r\n${headers.join('')}content-type: application/json\r\n${length}\r\n${body}`,
      );
    } else this.door.handleUpgrade(request, socket, head, (ws) => this.serve(ws, socket));
  }

  private serve(ws: WebSocket, socket: Socket): void {
    ws.on('error', () => undefined);
    ws.on('message', (data: Buffer) => {
      this.asked += 1;
      const { how } = this;
      const status = statusOf(how);
      if (how === 'silent' || how === 'stalled') return;
      if (how === 'reset') socket.resetAndDestroy();
      else if (how === 'ended') ws.close(1000);
      else if (how === 'try-later') ws.close(1013, 'try again later');
      else if (status !== undefined) {
        ws.send(JSON.stringify({ type: 'error', status, error: errorOf(status), headers: headersOf(how) }));
      } else {
        this.answer(questionIn(data), how, {
          send: (event) => ws.send(event),
          end: () => undefined,
          reset: () => socket.resetAndDestroy(),
          isOpen: () => !socket.destroyed && ws.readyState === ws.OPEN,
        });
      }
    });
  }

  private answer(question: string, how: Failure, to: Answerer): void {
    if (how === 'error-first') {
      to.send(JSON.stringify({ type: 'error', status: 500, error: errorOf(500) }));
      to.end();
      return;
    }
    const response = { id: `resp_${question}`, object: 'response', output: [] };
    to.send(JSON.stringify({ type: 'response.created', response: { ...response, status: 'in_progress' } }));
    to.send(JSON.stringify({ type: 'response.output_text.delta', delta: question }));
    setTimeout(() => {
      if (!to.isOpen()) {
        this.cut.add(question);
        return;
      }
      if (how === 'dies') {
        this.cut.add(question);
        to.reset();
        return;
      }
      this.answered.set(question, (this.answered.get(question) ?? 0) + 1);
      const ended = { ...response, status: 'completed' };
      to.send(JSON.stringify({ type: 'response.completed', response: ended }));
      to.end();
    }, answerMs);
  }
}

interface Answerer {
  send(event: string): void;
  end(): void;
  reset(): void;
  /** Of the socket, which knows of a reset at once: what lies above it says open until the loop has come round. */
  isOpen(): boolean;
}

function statusOf(how: Failure): number | undefined {
  switch (how) {
    case '500':
    case '503':
    case '429':
      return Number(how);
    case 'try-later':
      return 503;
    default:
      return undefined;
  }
}

function headersOf(how: Failure): Record<string, string> {
  return how === '503' || how === 'try-later' ? { 'retry-after': '1' } : {};
}

function errorOf(status: number): object {
  const type = status === 429 ? 'rate_limit_error' : 'server_error';
  const code = status === 429 ? 'rate_limit_exceeded' : null;
  return { type, code, message: 'It fails on demand.', param: null };
}

/** The clients of this suite send it as a text. */
function questionIn(body: Buffer): string {
  return (JSON.parse(body.toString()) as { readonly input: string }).input;
}
