/** The body of an HTTP request, whole and decoded, within a limit and a budget. */
import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  constants,
} from 'node:zlib';
import { PieceList } from '../events/piece-list.ts';
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import type { Budget } from '../turn/budget.ts';
import { beyondInbound, INBOUND_IS_FULL } from './inbound-refusals.ts';

/** A body that is held, and counted in the budget until `release`. */
export interface HeldBody {
  readonly bytes: Buffer;
  /** May be called twice. The function itself holds none of the bytes. */
  readonly release: () => void;
}

export type BodyRead =
  { readonly ok: true; readonly body: HeldBody } | { readonly ok: false; readonly error: ErrorAnswer };

/** The client went away while its body was being read. */
export class ClientGone extends Error {
  constructor(cause: unknown) {
    super('the client is gone', { cause });
    this.name = 'ClientGone';
  }
}

// a Map: the names come from clients, and an object would also know `constructor`
const DECODERS: ReadonlyMap<string, () => NodeJS.ReadWriteStream & Readable> = new Map([
  // windows of 8 MiB at most, as RFC 9659 asks of this encoding: a header alone could ask for 128 MiB
  ['zstd', () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } })],
  ['gzip', () => createGunzip()],
  ['deflate', () => createInflate()],
  ['br', () => createBrotliDecompress()],
]);

/** Node's code for a decoder whose input ended before its format did, in all four. */
const ENDED_TOO_SOON = 'Z_BUF_ERROR';

/** More than any list of encodings that is meant; the header may have kilobytes. */
const MAX_QUOTED_CHARS = 100;

/** Is this body alone more than the budget, whoever else uses it? As announced, or as it has come so far. */
function isBeyond({ limitBytes }: Budget, announced: number, bytes: number): boolean {
  return Math.max(announced, bytes) > limitBytes;
}

/**
 * Reads a body. The limit counts decoded bytes, as they come: a small body that unfolds into a huge one is cut off
 * at the limit.
 * @throws ClientGone
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  budget: Budget,
): Promise<BodyRead> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decoder = encoding === 'identity' ? undefined : DECODERS.get(encoding);
  if (encoding !== 'identity' && decoder === undefined) {
    return {
      ok: false,
      error: refusal(
        'unsupported_encoding',
        `\`content-encoding: ${encoding.slice(0, MAX_QUOTED_CHARS)}\` is not taken: send the body plain or in one of ${[...DECODERS.keys()].join(', ')}.`,
      ),
    };
  }
  const source: Readable = decoder === undefined ? request : pipeline(request, decoder(), () => undefined); // errors show in the loop below
  const pieces = new PieceList(); // joins small ones: a body of one-byte chunks is no list of one-byte Buffers
  const announced = decoder === undefined ? Number(request.headers['content-length'] ?? 0) : 0;
  let bytes = 0;
  let held = 0;
  const release = (): void => {
    budget.give(held);
    held = 0;
  };
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        release();
        return {
          ok: false,
          error: refusal(
            'payload_too_large',
            `The body has more than ${maxBytes} bytes (limits.maxMessageBytes). Send less, for example fewer or smaller images.`,
          ),
        };
      }
      if (!budget.take(chunk.length)) {
        release();
        return {
          ok: false,
          error: isBeyond(budget, announced, bytes) ? beyondInbound(budget.limitBytes) : INBOUND_IS_FULL,
        };
      }
      held += chunk.length;
      pieces.add(chunk);
    }
  } catch (error) {
    release();
    if (request.destroyed && !request.complete) throw new ClientGone(error);
    const how =
      Object(error).code === ENDED_TOO_SOON
        ? `breaks off: its ${encoding} has no end`
        : `is not valid ${encoding}`;
    return { ok: false, error: refusal('invalid_request', `The body ${how}.`) };
  }
  return { ok: true, body: { bytes: pieces.take(), release } };
}
