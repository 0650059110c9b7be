/** Upgrades to WebSockets: refused, stalled or accepted as the settings say. */
import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { headerList, joinedHeaders } from './http-exchange.ts';
import { aborted } from './pause.ts';
import { defaultMaxMessageBytes } from './websocket-settings.ts';
import type { UpgradeRefusal, WebSocketSettings } from './websocket-settings.ts';

/** One upgrade request and its answer. */
export interface Handshake {
  /** From 1, among all upgrades to this provider. */
  readonly number: number;
  /** With the query string. */
  readonly path: string;
  /** Names in lower case; repeated ones joined. */
  readonly headers: Readonly<Record<string, string>>;
  /** As sent: order, case and repetitions. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** Which TCP connection carries it, from 1: the `socketId` of its requests. */
  readonly socketId: number;
  /** 101, the status it was refused with, or undefined while it is not answered. */
  readonly status: number | undefined;
}

/** Tests look at the last ones only. */
const maxHandshakes = 1000;

export interface Doorkeeper {
  /** Undefined: WebSockets are off. */
  settings(): WebSocketSettings | undefined;
  socketId(socket: Socket): number;
  accepted(socket: WebSocket, tcp: Socket, handshake: Handshake, settings: WebSocketSettings): void;
  answered(handshake: Handshake): void;
}

/** Owns every TCP connection that asked for an upgrade, until it closes. */
export class UpgradeDoor {
  readonly handshakes: Handshake[] = [];
  private readonly keeper: Doorkeeper;
  private readonly open = new Set<Socket>();
  private readonly refused = new WeakMap<UpgradeRefusal, number>();
  private readonly closing = new AbortController();
  private count = 0;

  constructor(keeper: Doorkeeper) {
    this.keeper = keeper;
  }

  get upgrades(): number {
    return this.count;
  }

  /** Answers an upgrade. Never rejects. */
  async take(incoming: IncomingMessage, tcp: Socket, head: Buffer): Promise<void> {
    this.open.add(tcp);
    tcp.once('close', () => this.open.delete(tcp));
    // A client that goes away in the middle: `close` follows, and nobody is left to be told.
    tcp.on('error', () => undefined);
    const handshake = this.note(incoming, tcp);
    const settings = this.keeper.settings();
    const path = handshake.path.split('?', 1)[0] ?? '';
    const isServed = path.endsWith('/responses') || path.endsWith('/realtime');
    if (settings === undefined || !isServed) {
      this.refuse(tcp, handshake, notServed(path));
      return;
    }
    const { stallUpgrade: stall, refuse } = settings;
    // A stalled upgrade whose promise rejects is dropped without an answer.
    if (stall !== undefined && !(await this.waited(stall, tcp))) return;
    if (refuse !== undefined && this.isRefused(refuse)) this.refuse(tcp, handshake, refuse);
    else this.accept(incoming, tcp, head, handshake, settings);
  }

  /** Ends every connection that was ever upgraded, or wants to be. */
  close(): void {
    this.closing.abort();
    for (const tcp of this.open) tcp.destroy();
  }

  private note(incoming: IncomingMessage, tcp: Socket): { -readonly [K in keyof Handshake]: Handshake[K] } {
    this.count += 1;
    const handshake = {
      number: this.count,
      path: incoming.url ?? '',
      headers: joinedHeaders(incoming),
      rawHeaders: headerList(incoming),
      socketId: this.keeper.socketId(tcp),
      status: undefined,
    };
    this.handshakes.push(handshake);
    if (this.handshakes.length > maxHandshakes) this.handshakes.shift();
    return handshake;
  }

  private async waited(stall: number | Promise<unknown>, tcp: Socket): Promise<boolean> {
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    tcp.once('close', leave);
    this.closing.signal.addEventListener('abort', leave, { once: true });
    try {
      if (typeof stall === 'number') await sleep(stall, undefined, { signal: gone.signal });
      else await Promise.race([stall, aborted(gone.signal)]);
    } catch {
      tcp.destroy();
    }
    tcp.off('close', leave);
    this.closing.signal.removeEventListener('abort', leave);
    return !gone.signal.aborted && !tcp.destroyed;
  }

  private isRefused(refusal: UpgradeRefusal): boolean {
    const before = this.refused.get(refusal) ?? 0;
    this.refused.set(refusal, before + 1);
    return refusal.times === undefined || before < refusal.times;
  }

  private refuse(
    tcp: Socket,
    handshake: { status: number | undefined } & Handshake,
    how: UpgradeRefusal,
  ): void {
    handshake.status = how.status;
    const body = how.body ?? {
      error: {
        message: `This upgrade is refused with ${String(how.status)}, as the script says.`,
        type: how.status < 500 ? 'invalid_request_error' : 'server_error',
        param: null,
        code: null,
      },
    };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const headers = {
      'content-type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      connection: 'close',
      ...how.headers,
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const reason = STATUS_CODES[how.status] ?? 'Refused';
    tcp.end(`HTTP/1.1 ${String(how.status)} ${reason}\r\n${lines.join('')}\r\n${text}`);
    this.keeper.answered(handshake);
  }

  private accept(
    incoming: IncomingMessage,
    tcp: Socket,
    head: Buffer,
    handshake: { status: number | undefined } & Handshake,
    settings: WebSocketSettings,
  ): void {
    const server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: settings.maxMessageBytes ?? defaultMaxMessageBytes,
      autoPong: settings.ignorePings !== true,
      handleProtocols: (offered) => (offered.has('realtime') ? 'realtime' : false),
    });
    server.on('headers', (lines) => {
      for (const [name, value] of Object.entries(settings.headers ?? {})) lines.push(`${name}: ${value}`);
    });
    server.on('wsClientError', (_error, socket) => {
      handshake.status = 400;
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      this.keeper.answered(handshake);
    });
    server.handleUpgrade(incoming, tcp, head, (socket) => {
      handshake.status = 101;
      this.keeper.answered(handshake);
      this.keeper.accepted(socket, tcp, handshake, settings);
    });
  }
}

function notServed(path: string): UpgradeRefusal {
  const message = `there is no WebSocket at ${path} here: send a POST`;
  return {
    status: 404,
    body: { error: { message, type: 'invalid_request_error', param: null, code: null } },
  };
}
