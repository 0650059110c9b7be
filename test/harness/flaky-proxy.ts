/** A TCP proxy that does to connections what networks do: delay, narrowness, silence, cuts and resets. */
import { connect as connectTcp, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export interface FlakyProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections so far, refused ones too. */
  readonly connections: number;
  readonly openConnections: number;
  readonly bytesToTarget: number;
  readonly bytesToClient: number;
  /** Every byte, both ways, arrives so much later. */
  delay(ms: number): void;
  /** At most so many bytes a second, each way of each connection. */
  throttle(bytesPerSecond: number): void;
  /** A FIN to both sides of every connection, now. */
  cut(): void;
  /** A reset to both sides of every connection, now. */
  reset(): void;
  /** What comes is swallowed, both ways; connections stay open and new ones are accepted. */
  silence(): void;
  /** New connections are reset at once. */
  refuse(): void;
  /** Ends delay, throttle, silence and refuse. What was swallowed stays lost. */
  restore(): void;
  close(): Promise<void>;
}

/** Listens on loopback and passes everything to `targetPort` there. */
export async function openFlakyProxy(targetPort: number, targetHost = '127.0.0.1'): Promise<FlakyProxy> {
  const proxy = new TcpProxy(targetPort, targetHost);
  await proxy.listen();
  return proxy;
}

interface Conditions {
  delayMs: number;
  bytesPerSecond: number;
  isSilent: boolean;
}

class TcpProxy implements FlakyProxy {
  private readonly target: { readonly port: number; readonly host: string };
  private readonly server: Server;
  private readonly open = new Set<Socket>();
  private readonly conditions: Conditions = { delayMs: 0, bytesPerSecond: Infinity, isSilent: false };
  private isRefusing = false;
  connections = 0;
  bytesToTarget = 0;
  bytesToClient = 0;

  constructor(port: number, host: string) {
    this.target = { port, host };
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.accept(client));
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.server.once('error', reject);
    this.server.listen(0, '127.0.0.1', resolve);
    await promise;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get openConnections(): number {
    return Math.ceil(this.open.size / 2);
  }

  delay(ms: number): void {
    this.conditions.delayMs = ms;
  }

  throttle(bytesPerSecond: number): void {
    this.conditions.bytesPerSecond = bytesPerSecond;
  }

  silence(): void {
    this.conditions.isSilent = true;
  }

  refuse(): void {
    this.isRefusing = true;
  }

  restore(): void {
    this.isRefusing = false;
    this.conditions.delayMs = 0;
    this.conditions.bytesPerSecond = Infinity;
    this.conditions.isSilent = false;
  }

  cut(): void {
    // Not destroy: a socket that is closed with unread bytes sends a reset instead of a FIN.
    for (const socket of this.open) socket.end();
  }

  reset(): void {
    for (const socket of this.open) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    for (const socket of this.open) socket.destroy();
    await promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private accept(client: Socket): void {
    this.connections += 1;
    if (this.isRefusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connectTcp({ ...this.target, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, upstream]) {
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
      // The pipe that reads from a socket hears of its errors and passes them on.
      socket.on('error', () => undefined);
    }
    void new Pipe(client, upstream, this.conditions, (bytes) => (this.bytesToTarget += bytes)).run();
    void new Pipe(upstream, client, this.conditions, (bytes) => (this.bytesToClient += bytes)).run();
  }
}

/** How often a narrow line lets bytes through: often enough to be smooth. */
const throttleStepMs = 10;

/** What may be on its way while there is a delay; beyond it the sender waits, as on a long line. */
const maxDelayedBytes = 1_048_576;

/** One direction of one connection. Owns nothing: its two sockets belong to the proxy. */
class Pipe {
  private readonly from: Socket;
  private readonly to: Socket;
  private readonly conditions: Conditions;
  private readonly count: (bytes: number) => void;
  /** Everything under way, in order. */
  private line: Promise<void> = Promise.resolve();
  private bytesOnLine = 0;

  constructor(from: Socket, to: Socket, conditions: Conditions, count: (bytes: number) => void) {
    this.from = from;
    this.to = to;
    this.conditions = conditions;
    this.count = count;
  }

  /** Reads only as fast as it writes, so that a slow side slows the other one, as without a proxy. Never rejects. */
  async run(): Promise<void> {
    try {
      // Half-closed connections are kept: the iterator must not destroy the socket after its FIN.
      for await (const chunk of this.from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        this.send(chunk);
        if (this.conditions.delayMs === 0 || this.bytesOnLine > maxDelayedBytes) await this.line;
      }
      await this.line;
      // A FIN is passed on as one; silence swallows it too.
      if (!this.conditions.isSilent) this.to.end();
    } catch {
      // One side broke off: the other one hears of it the same way.
      if (!this.conditions.isSilent) this.to.resetAndDestroy();
    }
  }

  private send(chunk: Buffer): void {
    const dueAt = performance.now() + this.conditions.delayMs;
    this.bytesOnLine += chunk.byteLength;
    this.line = this.line.then(async () => {
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await pause(waitMs);
      await this.pass(chunk);
      this.bytesOnLine -= chunk.byteLength;
    });
  }

  private async pass(chunk: Buffer): Promise<void> {
    let at = 0;
    while (at < chunk.byteLength) {
      const { bytesPerSecond } = this.conditions;
      if (bytesPerSecond === Infinity) return this.write(chunk.subarray(at));
      const step = Math.max(1, Math.floor((bytesPerSecond * throttleStepMs) / 1000));
      const piece = chunk.subarray(at, at + step);
      await this.write(piece);
      if (!this.to.writable) return undefined;
      // Below 100 bytes a second a step is one byte, and takes longer.
      await pause(Math.max(throttleStepMs, (piece.byteLength / bytesPerSecond) * 1000));
      at += step;
    }
    return undefined;
  }

  private async write(bytes: Buffer): Promise<void> {
    if (this.conditions.isSilent || !this.to.writable) return;
    this.count(bytes.byteLength);
    if (this.to.write(bytes)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => {
      this.to.off('drain', done);
      this.to.off('close', done);
      resolve();
    };
    this.to.on('drain', done);
    this.to.on('close', done);
    await promise;
  }
}

function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, ms);
  return promise;
}
