/** A TCP proxy that does to connections what networks do: delay, narrowness, silence, cuts and resets. */
import { connect as connectTcp, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { WirePipe, type Conditions, type Trap } from './wire-pipe.ts';
import type { Place } from './wire-place.ts';

export interface FlakyProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections so far, refused ones too. */
  readonly connections: number;
  /** As the proxy's own side has them: after a reset there are none, whether or not the others have heard of it. */
  readonly openConnections: number;
  /**
   * Connections that the target has ended or broken off, whether or not their clients may hear of it. What the proxy
   * breaks off does not count: the target may never act on it.
   */
  readonly endedByTarget: number;
  /** The same for the clients. */
  readonly endedByClient: number;
  readonly bytesToTarget: number;
  readonly bytesToClient: number;
  /**
   * Acts at an exact byte, once: on the first connection whose bytes, from now on, get to the place. What comes before
   * has been handed to the kernel then, what follows is not looked at before `act` has returned. Resolves when it has.
   * One place each way at a time; throws while there is one.
   */
  at(place: Place, act: () => void): Promise<void>;
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

class TcpProxy implements FlakyProxy {
  private readonly target: { readonly port: number; readonly host: string };
  private readonly server: Server;
  private readonly open = new Set<Socket>();
  private readonly conditions: Conditions = {
    delayMs: 0,
    bytesPerSecond: Infinity,
    isSilent: false,
    traps: new Map(),
  };
  private isRefusing = false;
  connections = 0;
  endedByTarget = 0;
  endedByClient = 0;
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

  at(place: Place, act: () => void): Promise<void> {
    const { traps } = this.conditions;
    if (traps.has(place.way)) throw new Error(`a place ${place.way} is being waited for already`);
    const { promise, resolve } = Promise.withResolvers<void>();
    const trap: Trap = {
      place,
      act: () => {
        act();
        resolve();
      },
    };
    traps.set(place.way, trap);
    return promise;
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
    onceEnded(upstream, () => (this.endedByTarget += 1));
    onceEnded(client, () => (this.endedByClient += 1));
    const toTarget = { way: 'toTarget', from: client, to: upstream } as const;
    const toClient = { way: 'toClient', from: upstream, to: client } as const;
    void new WirePipe(toTarget, this.conditions, (bytes) => (this.bytesToTarget += bytes)).run();
    void new WirePipe(toClient, this.conditions, (bytes) => (this.bytesToClient += bytes)).run();
  }
}

/** Hears of the other side's FIN, or of its reset, which is an error. Our own end of the socket is neither. */
function onceEnded(socket: Socket, then: () => void): void {
  const once = (): void => {
    socket.off('end', once).off('error', once);
    then();
  };
  socket.on('end', once).on('error', once);
}
