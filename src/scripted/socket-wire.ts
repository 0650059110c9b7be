/** One WebSocket of the scripted provider, as those who write to it see it. */
import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { aborted } from './pause.ts';
import type { WebSocketSettings } from './websocket-settings.ts';

export class SocketWire {
  /** The TCP connection's number. */
  readonly id: number;
  readonly path: string;
  private readonly socket: WebSocket;
  private readonly tcp: Socket;
  private readonly leaving = new AbortController();
  private readonly pings: NodeJS.Timeout | undefined;
  private isMuted = false;
  private isOurs = false;

  constructor(
    socket: WebSocket,
    tcp: Socket,
    handshake: { socketId: number; path: string },
    { pingEveryMs }: WebSocketSettings,
  ) {
    this.id = handshake.socketId;
    this.path = handshake.path;
    this.socket = socket;
    this.tcp = tcp;
    socket.on('error', () => undefined); // a message that is too large, or a lost connection: `close` follows
    socket.once('close', () => {
      clearInterval(this.pings);
      this.leaving.abort();
    });
    if (pingEveryMs !== undefined) {
      this.pings = setInterval(() => {
        if (socket.readyState === socket.OPEN && !this.isMuted) socket.ping();
      }, pingEveryMs);
    }
  }

  /** Aborted when the client has gone or the socket closes. */
  get gone(): AbortSignal {
    return this.leaving.signal;
  }

  /** Whether it was this side that ended it. */
  get isBrokenOff(): boolean {
    return this.isOurs;
  }

  /** Called for every whole message. */
  onMessage(take: (bytes: Buffer, isBinary: boolean) => void): void {
    this.socket.on('message', (data: RawData, isBinary: boolean) => {
      if (!this.gone.aborted) take(bytesOf(data), isBinary);
    });
  }

  onClose(take: () => void): void {
    this.socket.once('close', take);
  }

  /** Resolves when the system has taken the message, or the client has gone. `pieceBytes`: in frames of so many bytes. */
  async text(text: string, pieceBytes?: number): Promise<void> {
    const bytes = Buffer.from(text);
    const size = pieceBytes ?? bytes.byteLength;
    // All frames of a message at once: nothing of another lane may come between them.
    for (let at = 0; at + size < bytes.byteLength; at += size) {
      void this.send(bytes.subarray(at, at + size), { binary: false, fin: false });
    }
    const rest = bytes.byteLength === 0 ? 0 : Math.floor((bytes.byteLength - 1) / size) * size;
    await this.send(bytes.subarray(rest), { binary: false });
  }

  binary(bytes: Buffer): Promise<void> {
    return this.send(bytes, { binary: true });
  }

  ping(text: string): void {
    this.socket.ping(text);
  }

  /** A close frame; nothing is sent after it. Throws RangeError or TypeError for a code or reason that no frame can have. */
  close(code: number | undefined, reason: string): void {
    if (code === undefined) this.socket.close();
    else this.socket.close(code, reason);
    this.leave();
  }

  /** A TCP reset. */
  reset(): void {
    this.tcp.resetAndDestroy();
    this.leave();
  }

  /** From now on nothing is read and nothing written, but the connection stays: what a lost network looks like. */
  mute(): void {
    this.isMuted = true;
    this.socket.pause();
    this.tcp.pause();
  }

  private leave(): void {
    this.isOurs ||= !this.gone.aborted;
    this.leaving.abort();
  }

  private async send(bytes: Buffer, options: { binary: boolean; fin?: boolean }): Promise<void> {
    if (this.isMuted) {
      await aborted(this.gone);
      return;
    }
    if (this.gone.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => resolve();
    // A destroyed socket may never call back, but then the client is gone.
    this.gone.addEventListener('abort', done, { once: true });
    this.socket.send(bytes, options, done);
    await promise;
    this.gone.removeEventListener('abort', done);
  }
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
