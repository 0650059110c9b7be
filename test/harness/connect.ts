/** A WebSocket client for tests: remembers every frame, hands them out one by one, and can misbehave. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { RawData } from 'ws';
import { defaultWaitMs, Patience, within } from './wait-for.ts';

type JsonObject = Record<string, unknown>;

export interface ReceivedFrame {
  readonly text: string;
  readonly data: Buffer;
  readonly isBinary: boolean;
  /** Undefined when the text is no JSON object. */
  readonly json: JsonObject | undefined;
  /** `performance.now()`. */
  readonly at: number;
}

export interface Wait {
  /** Left out: 5 s. */
  readonly timeoutMs?: number;
  /** Only events with this `stream_id`; empty for those without one. Others stay unread. */
  readonly lane?: string;
}

export interface ConnectOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
  /** PEM of the CA that a TLS server is trusted by. Left out: those of Node. */
  readonly ca?: string;
  /** For the handshake. Left out: 5 s. */
  readonly timeoutMs?: number;
}

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** What an upgrade that was not a 101 answered. */
export class UpgradeRefused extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;

  constructor(status: number, headers: Readonly<Record<string, string>>, body: string) {
    super(`the upgrade was refused with ${String(status)}: ${body.slice(0, 500)}`);
    this.name = 'UpgradeRefused';
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** Opens a WebSocket. The URL is taken whole, `http:` becoming `ws:`. Rejects with {@link UpgradeRefused}, or the socket's error. */
export async function connect(url: string, options: ConnectOptions = {}): Promise<TestClient> {
  const ws = new WebSocket(url.replace(/^http/, 'ws'), [...(options.protocols ?? [])], {
    headers: { ...options.headers },
    ...(options.ca !== undefined && { ca: options.ca }),
    perMessageDeflate: false,
    maxPayload: 256 * 1_048_576,
  });
  // Frames may follow the 101 in the same packet: the client listens before it is handed out.
  const client = new TestClient(ws);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  ws.once('open', resolve);
  ws.once('error', reject);
  ws.once('unexpected-response', (_request, response) => {
    void refusalOf(response).then(reject);
  });
  try {
    await within(promise, `the upgrade of ${url}`, options.timeoutMs);
    return client;
  } catch (error) {
    ws.terminate();
    throw error;
  }
}

const terminalTypes: ReadonlySet<unknown> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
  'error',
]);

export class TestClient implements AsyncDisposable {
  /** All frames that ever came. */
  readonly frames: ReceivedFrame[] = [];
  readonly closed: Promise<Closing>;
  upgradeHeaders: Readonly<Record<string, string>> = {};
  pings = 0;
  pongs = 0;
  private readonly ws: WebSocket;
  private readonly unread: ReceivedFrame[] = [];
  private arrived = Promise.withResolvers<void>();
  private closing: Closing | undefined;
  private rawSocket: Socket | undefined;

  /** Use {@link connect}. */
  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('upgrade', (response: IncomingMessage) => {
      this.upgradeHeaders = headersOf(response);
      this.rawSocket = response.socket;
    });
    ws.on('message', (data: RawData, isBinary: boolean) => {
      this.receive(toBuffer(data), isBinary);
    });
    ws.on('ping', () => (this.pings += 1));
    ws.on('pong', () => (this.pongs += 1));
    // `close` follows every error and tells the test.
    ws.on('error', () => undefined);
    const { promise, resolve } = Promise.withResolvers<Closing>();
    this.closed = promise;
    ws.once('close', (code: number, reason: Buffer) => {
      this.closing = { code, reason: reason.toString() };
      resolve(this.closing);
      this.wake();
    });
  }

  get protocol(): string {
    return this.ws.protocol;
  }

  /** The TCP (or TLS) connection below. */
  get socket(): Socket {
    if (this.rawSocket === undefined) throw new Error('the client is not connected yet');
    return this.rawSocket;
  }

  /** An object goes as JSON text, a string as text, a Buffer as a binary frame. */
  send(value: object | string | Buffer): void {
    if (Buffer.isBuffer(value)) this.ws.send(value, { binary: true });
    else this.ws.send(typeof value === 'string' ? value : JSON.stringify(value));
  }

  create(body: object): void {
    this.send({ type: 'response.create', ...body });
  }

  /** The next unread event; with a type, the next of that type, and those before it are dropped. */
  async next(type?: string, wait: Wait = {}): Promise<JsonObject> {
    const what = type === undefined ? 'the next event' : `the event ${type}`;
    const taken = await this.take(wait, what, (event) => type === undefined || event['type'] === type);
    return taken.at(-1)?.json ?? {};
  }

  /** The next unread frame, whatever it holds. */
  async nextFrame(wait: Wait = {}): Promise<ReceivedFrame> {
    const taken = await this.take(wait, 'the next frame', () => true, true);
    return taken.at(-1)!;
  }

  /** The unread events up to the next terminal one, and that one. */
  async events(wait: Wait = {}): Promise<JsonObject[]> {
    const taken = await this.take(wait, 'a terminal event', (event) => terminalTypes.has(event['type']));
    return taken.flatMap((frame) => (frame.json === undefined ? [] : [frame.json]));
  }

  ping(): void {
    this.ws.ping();
  }

  /** Begins the closing handshake; resolves when the socket is closed. */
  close(code = 1000, reason = ''): Promise<Closing> {
    this.ws.close(code, reason);
    return this.closed;
  }

  /** Drops the TCP connection without a close frame, as Codex does. */
  terminate(): void {
    this.ws.terminate();
  }

  /** A TCP reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Nothing is read from the TCP connection any more: its window fills up. */
  stopReading(): void {
    this.ws.pause();
    this.socket.pause();
  }

  startReading(): void {
    this.socket.resume();
    this.ws.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ws.terminate();
    await this.closed;
  }

  private receive(data: Buffer, isBinary: boolean): void {
    const text = isBinary ? '' : data.toString();
    const frame = { text, data, isBinary, json: parsed(text), at: performance.now() };
    this.frames.push(frame);
    this.unread.push(frame);
    this.wake();
  }

  private wake(): void {
    this.arrived.resolve();
    this.arrived = Promise.withResolvers<void>();
  }

  /** Takes the unread frames of a lane up to the first that is wanted. Rejects when time is over or the socket closed without it. */
  private async take(
    wait: Wait,
    what: string,
    isWanted: (event: JsonObject) => boolean,
    anyFrame = false,
  ): Promise<readonly ReceivedFrame[]> {
    const isMine = (frame: ReceivedFrame): boolean =>
      wait.lane === undefined || (frame.json?.['stream_id'] ?? '') === wait.lane;
    const timeoutMs = wait.timeoutMs ?? defaultWaitMs;
    using patience = new Patience(timeoutMs);
    void patience.over.then(() => this.wake());
    for (;;) {
      const at = this.unread.findIndex(
        (frame) => isMine(frame) && (anyFrame || (frame.json !== undefined && isWanted(frame.json))),
      );
      if (at >= 0) {
        const read = this.unread.slice(0, at + 1).filter(isMine);
        const rest = this.unread.filter((frame, index) => index > at || !isMine(frame));
        this.unread.splice(0, this.unread.length, ...rest);
        return read;
      }
      if (this.closing !== undefined) throw new Error(this.missing(what, 'the socket closed'));
      if (patience.isOver) throw new Error(this.missing(what, `${String(timeoutMs)} ms passed`));
      await this.arrived.promise;
    }
  }

  private missing(what: string, why: string): string {
    const names = this.unread.map(({ json, text }) =>
      typeof json?.['type'] === 'string' ? json['type'] : text.slice(0, 80),
    );
    const unread = names.length === 0 ? 'nothing unread' : `unread: ${names.slice(-20).join(', ')}`;
    const closing =
      this.closing === undefined ? '' : ` (${String(this.closing.code)} ${this.closing.reason})`;
    return `waited for ${what}, but ${why}${closing}; ${unread}; ${String(this.frames.length)} frames in all`;
  }
}

async function refusalOf(response: IncomingMessage): Promise<Error> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  return new UpgradeRefused(response.statusCode ?? 0, headersOf(response), Buffer.concat(chunks).toString());
}

function headersOf(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    // Not every frame a test looks at is meant to be JSON.
    return undefined;
  }
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
