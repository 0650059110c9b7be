/** TLS in front of a plain server of a test, with a way to spoil what it sends. */
import { connect as connectTcp, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { readFileSync } from 'node:fs';

/** A certificate and its key, PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** One of test/fixtures/tls. */
export function tlsFixture(name: string): string {
  return readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
}

export interface TlsFront extends AsyncDisposable {
  readonly port: number;
  /** Puts a record among those of every connection, now, that does not decrypt: as a broken middlebox might. */
  spoil(): void;
  /** Another certificate, for handshakes from now on. */
  use(identity: Identity): void;
  close(): Promise<void>;
}

/** A record of application data whose 32 bytes nobody has encrypted. */
const spoiled = Buffer.concat([Buffer.from([0x17, 0x03, 0x03, 0x00, 0x20]), Buffer.alloc(32, 0x5a)]);

/** Both loopback, unless told. */
export interface TlsFrontPlace {
  /** Where the front listens. */
  readonly host?: string;
  readonly targetHost?: string;
}

/** Listens for TLS, and passes what it hears to `targetPort`. Its owner closes it. */
export async function openTlsFront(
  targetPort: number,
  identity: Identity,
  { host = '127.0.0.1', targetHost = '127.0.0.1' }: TlsFrontPlace = {},
): Promise<TlsFront> {
  const open = new Set<Socket>();
  const outside = new Set<Socket>();
  const join = (one: Socket, other: Socket): void => {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      open.add(from);
      from.once('close', () => {
        open.delete(from);
        outside.delete(from);
        to.destroy();
      });
      from.on('error', () => undefined); // `close` follows
      from.pipe(to);
    }
  };
  const inner = createTlsServer(identity, (socket) => join(socket, connectTcp(targetPort, targetHost)));
  inner.on('tlsClientError', () => undefined); // some of them are what tests are about
  const innerPort = await listen(inner);
  const outer = createServer({ noDelay: true }, (socket) => {
    outside.add(socket);
    join(socket, connectTcp(innerPort, '127.0.0.1'));
  });
  const port = await listen(outer, host);
  const close = async (): Promise<void> => {
    if (!outer.listening) return;
    const closed = [outer, inner].map((server) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      return promise;
    });
    for (const socket of open) socket.destroy();
    await Promise.all(closed);
  };
  return {
    port,
    spoil: () => {
      for (const socket of outside) socket.write(spoiled);
    },
    use: (next) => inner.setSecureContext({ ...next }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(0, host, resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}
