/**
 * The text frames of one batch, written to the socket by ourselves: the one thing that `ws` is not asked for. It
 * would write two buffers for each frame, a header and a payload; here all small frames of a batch become one.
 *
 * A frame from a server, unmasked (RFC 6455, 5.2). FIN and opcode are one byte, the length takes one, three or nine:
 *
 * ```
 *   0x81  n             payload    n < 126
 *   0x81  126  n n      payload    n < 65,536
 *   0x81  127  n × 8    payload
 * ```
 * A message above {@link MAX_FRAME_BYTES} is several frames: 0x01 begins it, 0x00 goes on, 0x80 ends it.
 */
import type { Socket } from 'node:net';

/**
 * 8 MiB: Codex drops a connection that brings a frame above 16 MiB, and takes messages of 64 MiB in smaller ones
 * (measured).
 */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024;

/** 16 KiB: a payload up to here is copied behind its header, which is cheaper than a buffer more to write. */
const MAX_COPIED_BYTES = 16 * 1024;

/** 64 KiB, as much as one read of a provider brings: more is not copied into one buffer at a time. */
const MAX_JOINED_BYTES = 64 * 1024;

const FIN = 0x80;
const TEXT = 0x01;
const CONTINUATION = 0x00;
const MAX_HEADER_BYTES = 10;

/** Messages that wait to be written together. */
export class FrameBatch {
  #payloads: Buffer[] = [];

  get isEmpty(): boolean {
    return this.#payloads.length === 0;
  }

  /** @param payload One text message, in UTF-8. It must not be changed afterwards. */
  add(payload: Buffer): void {
    this.#payloads.push(payload);
  }

  /** Drops what waits. */
  clear(): void {
    this.#payloads = [];
  }

  /** Writes what waits, in as few pieces as that takes. */
  writeTo(socket: Socket): void {
    const payloads = this.#payloads;
    this.#payloads = [];
    const [only] = payloads;
    if (payloads.length === 1 && only !== undefined && only.length <= MAX_COPIED_BYTES) {
      socket.write(joined(payloads, 0, 1, headerBytes(only.length) + only.length));
      return;
    }
    socket.cork();
    let first = 0;
    let bytes = 0;
    for (const [index, payload] of payloads.entries()) {
      const size = headerBytes(payload.length) + payload.length;
      const isLarge = payload.length > MAX_COPIED_BYTES;
      if (bytes > 0 && (isLarge || bytes + size > MAX_JOINED_BYTES)) {
        socket.write(joined(payloads, first, index, bytes));
        first = index;
        bytes = 0;
      }
      if (isLarge) {
        writeLarge(socket, payload);
        first = index + 1;
      } else {
        bytes += size;
      }
    }
    if (bytes > 0) socket.write(joined(payloads, first, payloads.length, bytes));
    socket.uncork();
  }
}

/** Frames in one buffer. `bytes` is their size together. */
function joined(payloads: readonly Buffer[], from: number, to: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let i = from; i < to; i++) {
    const payload = payloads[i]!;
    at = putHeader(buffer, at, FIN | TEXT, payload.length);
    buffer.set(payload, at);
    at += payload.length;
  }
  return buffer;
}

/** A payload as it is, after a header of its own; in several frames where one would be too large. */
function writeLarge(socket: Socket, payload: Buffer): void {
  for (let from = 0; from < payload.length; from += MAX_FRAME_BYTES) {
    const part = payload.subarray(from, from + MAX_FRAME_BYTES);
    const isLast = from + part.length === payload.length;
    const first = (from === 0 ? TEXT : CONTINUATION) | (isLast ? FIN : 0);
    const header = Buffer.allocUnsafe(MAX_HEADER_BYTES);
    socket.write(header.subarray(0, putHeader(header, 0, first, part.length)));
    socket.write(part);
  }
}

function headerBytes(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : MAX_HEADER_BYTES;
}

/** Returns where the payload begins. */
function putHeader(buffer: Buffer, at: number, first: number, length: number): number {
  buffer[at] = first;
  if (length < 126) {
    buffer[at + 1] = length;
    return at + 2;
  }
  if (length < 65_536) {
    buffer[at + 1] = 126;
    return buffer.writeUInt16BE(length, at + 2);
  }
  buffer[at + 1] = 127;
  buffer.writeUInt32BE(0, at + 2); // no frame is above 4 GiB
  return buffer.writeUInt32BE(length, at + 6);
}
