/** Reads a request's body: bounded, decompressed, parsed. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import type { RequestBody } from './recorded-request.ts';
import { isObject } from './request-view.ts';

/** Twice the largest message a bridge takes by default: an expanded conversation is longer than its last frame. */
const maxBodyBytes = 128 * 1_048_576;

export type BodyRead =
  | { readonly kind: 'read'; readonly body: RequestBody; readonly rawBody: Buffer }
  | { readonly kind: 'refused'; readonly code: number; readonly message: string }
  /** The client went before its body was whole. */
  | { readonly kind: 'gone' };

const decoders: Readonly<
  Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/** Never rejects. */
export async function readBody(incoming: IncomingMessage): Promise<BodyRead> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes <= maxBodyBytes) chunks.push(chunk);
    }
  } catch {
    // The only error of an incoming message is that its connection broke.
    return { kind: 'gone' };
  }
  if (bytes > maxBodyBytes) return refused(413, `the body is larger than ${String(maxBodyBytes)} bytes`);
  return parsed(Buffer.concat(chunks), incoming.headers['content-encoding'] ?? 'identity');
}

async function parsed(sent: Buffer, encoding: string): Promise<BodyRead> {
  const decode = decoders[encoding];
  if (decode === undefined && encoding !== 'identity') {
    return refused(415, `content-encoding ${encoding} is not known: use gzip, deflate, br or zstd, or none`);
  }
  let rawBody = sent;
  try {
    if (decode !== undefined) rawBody = await decode(sent, { maxOutputLength: maxBodyBytes });
  } catch (error) {
    return refused(
      400,
      `the body is not ${encoding}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (rawBody.byteLength === 0) return { kind: 'read', body: {}, rawBody };
  try {
    const value: unknown = JSON.parse(rawBody.toString());
    if (isObject(value)) return { kind: 'read', body: value, rawBody };
    return refused(400, 'the body is JSON, but not an object: send {"model": …, "input": …}');
  } catch (error) {
    return refused(400, `the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function refused(code: number, message: string): BodyRead {
  return { kind: 'refused', code, message };
}
