/** From an open connection to a WebSocket: the request for the upgrade, and what may come back. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import { PieceList } from '../events/piece-list.ts';
import type { HeaderRecord } from './request-headers.ts';

/** What is asked for. */
export interface UpgradeRequest {
  /** Origin of the provider with `http:` or `https:`, path and query. */
  readonly url: string;
  readonly headers: HeaderRecord;
  /** Subprotocols to offer, in order. */
  readonly protocols: readonly string[];
  readonly maxMessageBytes: number;
  /** Pings are answered by the library; otherwise whoever listens does it. */
  readonly answersPings: boolean;
  /** How long the other side may take to answer a close frame. */
  readonly closeAnswerMs: number;
  readonly maxRefusalBytes: number;
  readonly refusalMs: number;
}

/** What came back. */
export type UpgradeAnswer =
  /** Reads nothing until it is resumed, so that nothing is lost before somebody listens. */
  | { readonly kind: 'open'; readonly ws: WebSocket; readonly headers: IncomingHttpHeaders }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Buffer;
    };

/** The answer was HTTP's 101, but not the handshake that was asked for. */
export class HandshakeBroken extends Error {
  constructor() {
    super('the answer to the upgrade is no WebSocket handshake');
    this.name = 'HandshakeBroken';
  }
}

/** 64 KiB, as for HTTP (provider-pool.ts): rate-limit and cookie headers of some backends exceed Node's 16 KiB. */
const MAX_ANSWER_HEADER_BYTES = 64 * 1024;

/** Fragments of one message: each costs some 130 bytes that no budget sees, and nobody's honest event has more. */
const MAX_FRAGMENTS = 16_384;

/** Options of ws 8.23, and of the request it makes, that its types do not have. */
type Options = ClientOptions & {
  readonly closeTimeout: number;
  readonly maxFragments: number;
  readonly maxHeaderSize: number;
};

/**
 * Asks for the upgrade on this connection. Redirects are not followed: their status is the answer.
 *
 * @param signal Ends the wait; the socket is then destroyed by whoever opened it.
 * @throws {HandshakeBroken} or an error of the connection.
 */
export function upgrade(
  socket: Socket,
  request: UpgradeRequest,
  signal: AbortSignal,
): Promise<UpgradeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<UpgradeAnswer>();
  const options: Options = {
    headers: request.headers as Record<string, string>, // Node takes lists too
    createConnection: () => socket,
    perMessageDeflate: false, // costs more CPU than the network saves (docs/decisions/0005-no-compression.md)
    followRedirects: false,
    maxPayload: request.maxMessageBytes,
    maxFragments: MAX_FRAGMENTS,
    maxHeaderSize: MAX_ANSWER_HEADER_BYTES,
    autoPong: request.answersPings,
    closeTimeout: request.closeAnswerMs,
  };
  const ws = new WebSocket(request.url, [...request.protocols], options);
  let headers: IncomingHttpHeaders = {};
  ws.once('upgrade', (answer) => (headers = answer.headers));
  ws.once('open', () => {
    ws.pause();
    resolve({ kind: 'open', ws, headers });
  });
  ws.once('unexpected-response', (_request, answer: IncomingMessage) => {
    void readRefusal(answer, request).then((refused) => {
      resolve(refused);
      ws.terminate();
    });
  });
  const onError = (error: Error & { readonly code?: unknown }): void => {
    reject(typeof error.code === 'string' ? error : new HandshakeBroken());
  };
  ws.on('error', onError);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

/** The status is known, so the body may be cut short: by its size, by the time it takes, or by its own end. */
async function readRefusal(answer: IncomingMessage, limits: UpgradeRequest): Promise<UpgradeAnswer> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const body = new PieceList();
  answer.on('data', (chunk: Buffer) => {
    body.add(chunk.subarray(0, limits.maxRefusalBytes - body.bytes));
    if (body.bytes >= limits.maxRefusalBytes) resolve();
  });
  answer.once('end', resolve).once('close', resolve).once('error', resolve);
  const timer = setTimeout(resolve, limits.refusalMs);
  await promise;
  clearTimeout(timer);
  const status = answer.statusCode ?? 0;
  return { kind: 'refused', status, headers: answer.headers, body: body.take() };
}
