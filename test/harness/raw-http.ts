/** Hand-written bytes to a port, and what came back: for requests no HTTP library would send. */
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { within } from './wait-for.ts';

export type SocketEnd = 'end' | 'reset';

/** One TCP connection, without any protocol. */
export interface RawSocket extends AsyncDisposable {
  readonly socket: Socket;
  write(bytes: string | Buffer): void;
  /** All that came so far. */
  received(): Buffer;
  /** All that came, once it holds the text or satisfies the predicate. Rejects when time is over or the socket ended before. */
  until(wanted: string | ((received: Buffer) => boolean), timeoutMs?: number): Promise<Buffer>;
  /** How the other side ended it: with a FIN, or with a reset. */
  readonly closed: Promise<SocketEnd>;
  /** Half-closes: a FIN, reading goes on. */
  end(): void;
  reset(): void;
}

/** Rejects with the system's error when nothing listens. */
export async function openRawSocket(port: number, host = '127.0.0.1'): Promise<RawSocket> {
  const socket = connectTcp({ port, host, allowHalfOpen: true, noDelay: true });
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
  socket.once('connect', resolve);
  socket.once('error', reject);
  await connected;
  socket.off('error', reject);
  return rawSocket(socket);
}

function rawSocket(socket: Socket): RawSocket {
  const chunks: Buffer[] = [];
  const { promise: closed, resolve: close } = Promise.withResolvers<SocketEnd>();
  let ended: SocketEnd | undefined;
  let arrived = Promise.withResolvers<void>();
  const wake = (): void => {
    arrived.resolve();
    arrived = Promise.withResolvers<void>();
  };
  const finish = (how: SocketEnd): void => {
    ended ??= how;
    close(ended);
    wake();
  };
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  socket.once('end', () => finish('end'));
  socket.on('error', () => finish('reset'));
  socket.once('close', () => finish('end'));
  const received = (): Buffer => Buffer.concat(chunks);
  return {
    socket,
    received,
    closed,
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    async until(wanted, timeoutMs) {
      const isThere = (): boolean =>
        typeof wanted === 'string' ? received().includes(wanted) : wanted(received());
      const what = typeof wanted === 'string' ? JSON.stringify(wanted) : 'the wanted bytes';
      const wait = async (): Promise<Buffer> => {
        while (!isThere()) {
          if (ended !== undefined) {
            throw new Error(`the connection ended (${ended}) before ${what}; seen: ${received().toString()}`);
          }
          await arrived.promise;
        }
        return received();
      };
      return within(wait(), what, timeoutMs, () => received().toString().slice(-2000));
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await closed;
    },
  };
}

export interface RawAnswer {
  readonly bytes: Buffer;
  readonly text: string;
  /** Of the first answer; undefined when what came back is not HTTP. */
  readonly status: number | undefined;
  /** Of the first answer, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What follows the first answer's headers, as on the wire: chunks are not joined. */
  readonly body: string;
  /** What ended the wait. */
  readonly ended: SocketEnd | 'until';
}

export interface RawHttpOptions {
  readonly host?: string;
  /** Enough was read. Left out: until the other side closes, so send `connection: close`. */
  readonly until?: (received: Buffer) => boolean;
  readonly timeoutMs?: number;
}

/** Writes the bytes and collects what comes back. Closes its socket. */
export async function rawHttp(
  port: number,
  bytes: string | Buffer,
  options: RawHttpOptions = {},
): Promise<RawAnswer> {
  await using raw = await openRawSocket(port, options.host);
  raw.write(bytes);
  const { until: isEnough, timeoutMs } = options;
  const enough = isEnough === undefined ? [] : [raw.until(isEnough, timeoutMs).then(() => 'until' as const)];
  // When the other side ends first, `closed` wins and the other promise's rejection has been seen by the race.
  const ended = await within(Promise.race([raw.closed, ...enough]), 'the end of the answer', timeoutMs, () =>
    raw.received().toString().slice(-2000),
  );
  return parsedAnswer(raw.received(), ended);
}

function parsedAnswer(bytes: Buffer, ended: RawAnswer['ended']): RawAnswer {
  const text = bytes.toString('latin1');
  const split = text.indexOf('\r\n\r\n');
  const head = split < 0 ? text : text.slice(0, split);
  const [statusLine = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1];
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    bytes,
    text: bytes.toString(),
    status: status === undefined ? undefined : Number(status),
    headers: Object.fromEntries(headers),
    body: split < 0 ? '' : bytes.subarray(split + 4).toString(),
    ended,
  };
}
