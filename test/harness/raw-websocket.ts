/** A WebSocket client that frames, masks and cuts by hand: for what no library sends, and what few ever do. */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextLoop } from 'node:timers/promises';
import { openRawSocket, type RawSocket } from './raw-http.ts';

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One frame of RFC 6455 5.2, as a client sends it; everything may also be wrong. */
export interface FrameToSend {
  readonly opcode: number;
  readonly payload?: Buffer;
  /** FIN. Left out: true. */
  readonly isLast?: boolean;
  /** The three reserved bits, 0 to 7. Left out: 0. */
  readonly reserved?: number;
  /** Left out: true, by a random key. */
  readonly isMasked?: boolean;
  /** What the header says of the length. Left out: the truth. */
  readonly claimedBytes?: bigint;
}

export interface FrameReceived {
  readonly opcode: number;
  readonly payload: Buffer;
}

export function encodeFrame(frame: FrameToSend): Buffer {
  const { opcode, payload = Buffer.alloc(0), isLast = true, reserved = 0, isMasked = true } = frame;
  const first = (isLast ? 0x80 : 0) | (reserved << 4) | opcode;
  const length = encodeLength(frame.claimedBytes ?? BigInt(payload.length));
  length[0]! |= isMasked ? 0x80 : 0;
  if (!isMasked) return Buffer.concat([Buffer.of(first), length, payload]);
  const key = randomBytes(4);
  const masked = payload.map((byte, n) => byte ^ key[n % 4]!);
  return Buffer.concat([Buffer.of(first), length, key, masked]);
}

function encodeLength(bytes: bigint): Buffer {
  if (bytes < 126n) return Buffer.of(Number(bytes));
  const long = bytes >= 65_536n;
  const field = Buffer.alloc(long ? 9 : 3);
  field[0] = long ? 127 : 126;
  if (long) field.writeBigUInt64BE(bytes, 1);
  else field.writeUInt16BE(Number(bytes), 1);
  return field;
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Buffer = ''): Buffer {
  const field = Buffer.alloc(2);
  field.writeUInt16BE(code);
  return Buffer.concat([field, Buffer.from(reason)]);
}

/** A message as frames: one for each fragment, the first with the opcode, the last with FIN. */
export function fragmented(fragments: readonly Buffer[], opcode: number = Opcode.text): FrameToSend[] {
  return fragments.map((payload, n) => ({
    opcode: n === 0 ? opcode : Opcode.continuation,
    payload,
    isLast: n === fragments.length - 1,
  }));
}

export interface RawWebSocket extends AsyncDisposable {
  readonly raw: RawSocket;
  /** All frames that ever came. */
  frames(): FrameReceived[];
  /** JSON of all text frames that ever came. */
  events(): Record<string, unknown>[];
  /** Each piece in a write of its own, and most likely a read of its own on the other side. */
  write(pieces: readonly Buffer[]): Promise<void>;
  /** Waits until the frames that came satisfy the predicate. */
  until(isThere: (frames: readonly FrameReceived[]) => boolean): Promise<FrameReceived[]>;
  /** Waits for a close frame: its code (1005 if it has none) and reason. */
  closing(): Promise<{ readonly code: number; readonly reason: string }>;
}

/** Upgrades on `/v1/responses`. No ping and no close is answered by itself; the end of the connection is. */
export async function openRawWebSocket(port: number): Promise<RawWebSocket> {
  const raw = await openRawSocket(port);
  void raw.closed.then(() => raw.end());
  raw.write(
    'GET /v1/responses HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n' +
      'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const head = (await raw.until('\r\n\r\n')).indexOf('\r\n\r\n') + 4;
  if (!raw.received().toString().startsWith('HTTP/1.1 101 ')) {
    throw new Error(`the upgrade was refused: ${raw.received().toString()}`);
  }
  const frames = (): FrameReceived[] => decodeFrames(raw.received().subarray(head));
  const until: RawWebSocket['until'] = async (isThere) => {
    await raw.until(() => isThere(frames()));
    return frames();
  };
  return {
    raw,
    frames,
    until,
    events: () =>
      frames()
        .filter(({ opcode }) => opcode === Opcode.text)
        .map(({ payload }) => JSON.parse(payload.toString()) as Record<string, unknown>),
    async write(pieces) {
      for (const [n, piece] of pieces.entries()) {
        if (n > 0) await nextLoop(); // the other side reads once each time round the event loop
        if (piece.length > 0) raw.write(piece);
      }
    },
    async closing() {
      const closes = await until((all) => all.some(({ opcode }) => opcode === Opcode.close));
      const { payload } = closes.find(({ opcode }) => opcode === Opcode.close)!;
      const code = payload.length < 2 ? 1005 : payload.readUInt16BE();
      return { code, reason: payload.subarray(2).toString() };
    },
    [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
  };
}

/** The frames that are whole. Throws for what a server never sends: masks, fragments, reserved bits. */
function decodeFrames(bytes: Buffer): FrameReceived[] {
  const frames: FrameReceived[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    if ((first & 0xf0) !== 0x80 || (second & 0x80) !== 0) {
      throw new Error(`a server sent a frame beginning ${bytes.toString('hex', at, at + 2)}`);
    }
    const fieldBytes = second === 127 ? 8 : second === 126 ? 2 : 0;
    const start = at + 2 + fieldBytes;
    if (start > bytes.length) break;
    const length =
      fieldBytes === 8
        ? Number(bytes.readBigUInt64BE(at + 2))
        : fieldBytes === 2
          ? bytes.readUInt16BE(at + 2)
          : second;
    if (start + length > bytes.length) break;
    frames.push({ opcode: first & 0x0f, payload: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return frames;
}
