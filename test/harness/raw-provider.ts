/** A provider that answers with bytes as given, each piece in a write of its own: the test decides every cut. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as nextLoop } from 'node:timers/promises';

/** What a request is answered with. */
export interface RawReply {
  /** Each goes out in a write of its own. */
  readonly pieces: readonly Buffer[];
  /** The connection ends behind the last piece. */
  readonly closes?: boolean;
}

/** A provider whose answers are bytes. */
export interface RawProvider extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string;
  /** Of the requests so far. */
  readonly bodies: readonly string[];
  /** What the next requests get. */
  reply: RawReply;
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n';

/** A body in chunked coding, a chunk for each piece; those of no bytes are left out, since they would be the end. */
export function chunkedReply(body: readonly Buffer[]): Buffer {
  const chunks = body
    .filter((piece) => piece.length > 0)
    .map((piece) =>
      Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
    );
  return Buffer.concat([
    Buffer.from(`${HEAD}transfer-encoding: chunked\r\n\r\n`),
    ...chunks,
    Buffer.from('0\r\n\r\n'),
  ]);
}

/** A body of known length. */
export function sizedReply(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${HEAD}content-length: ${String(body.length)}\r\n\r\n`), body]);
}

/** A body that only the end of its connection ends. */
export function unsizedReply(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${HEAD}connection: close\r\n\r\n`), body]);
}

/** Takes requests with `content-length`, as the bridge sends them. Use with `await using`. */
export async function openRawProvider(): Promise<RawProvider> {
  const sockets = new Set<Socket>();
  const bodies: string[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined); // a bridge that goes away is no failure of this side
    let unread = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk]);
      for (let size = requestBytes(unread); size !== undefined; size = requestBytes(unread)) {
        bodies.push(unread.toString('utf8', unread.indexOf('\r\n\r\n') + 4, size));
        unread = unread.subarray(size);
        void write(socket, provider.reply);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const provider: RawProvider = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/v1`,
    bodies,
    reply: { pieces: [sizedReply(Buffer.alloc(0))] },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return provider;
}

/** The other side reads once each time round the event loop: so each piece is a read of its own. */
async function write(socket: Socket, { pieces, closes = false }: RawReply): Promise<void> {
  for (const [n, piece] of pieces.entries()) {
    if (n > 0) await nextLoop();
    if (piece.length > 0) socket.write(piece);
  }
  if (closes) socket.end();
}

/** Bytes of the first request, head and body; undefined while it is not whole. */
function requestBytes(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString('latin1', 0, headEnd))?.[1] ?? '0';
  const size = headEnd + 4 + Number(length);
  return bytes.length < size ? undefined : size;
}
