/**
 * A client as the Codex CLI is one: a socket that is kept from turn to turn, a request that is sent again on a new one
 * when the socket closes in mid turn, and a user who is told of the second retry of a turn, not of the first.
 */
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { toAttempt, type Attempt, type LoadClient, type Retry } from './session.ts';

/** As many as Codex has (`stream_max_retries`). */
const MAX_RETRIES = 5;
/** For a handshake that nobody answers. */
const CONNECT_MS = 15_000;
/** For a turn; the longest that tests have takes 30 s. */
const TURN_MS = 90_000;

export class SocketClient implements LoadClient {
  readonly kind = 'websocket';
  readonly firstRetryMs = 200;
  idleCloses = 0;
  readonly #url: string;
  #socket: WebSocket | undefined;

  /** @param url `http://HOST/v1/responses` */
  constructor(url: string) {
    this.#url = url.replace(/^http/, 'ws');
  }

  givesUp(retries: readonly Retry[]): boolean {
    return retries.length > MAX_RETRIES;
  }

  isShown(retries: readonly Retry[]): boolean {
    return retries.length > 1;
  }

  async attempt(text: string): Promise<Attempt> {
    let socket = this.#socket;
    // one that was closed meanwhile, or is about to be, is not used any more: that costs nothing
    if (socket !== undefined && socket.readyState !== WebSocket.OPEN) {
      this.idleCloses += 1;
      socket = undefined;
    }
    const opened = socket ?? (await this.#connect());
    if (!(opened instanceof WebSocket)) return opened;
    this.#socket = opened;
    const attempt = await askOn(opened, text);
    if (attempt.kind === 'failed') {
      // whatever an error left on it, the next attempt has a socket of its own
      opened.terminate();
      this.#socket = undefined;
    }
    return attempt;
  }

  close(): void {
    this.#socket?.terminate();
  }

  /** A socket that is open, or why there is none. */
  #connect(): Promise<WebSocket | Attempt> {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false, handshakeTimeout: CONNECT_MS });
    const { promise, resolve } = Promise.withResolvers<WebSocket | Attempt>();
    const fail = (why: string, waitMs?: number): void =>
      resolve({ kind: 'failed', during: 'connect', why, ...(waitMs !== undefined && { waitMs }) });
    socket.once('open', () => resolve(socket));
    socket.once('unexpected-response', (_, response: IncomingMessage) => {
      response.resume();
      fail(String(response.statusCode), retryAfterMs(response));
      socket.terminate();
    });
    socket.on('error', (error: Error & { readonly code?: string }) => fail(error.code ?? error.message));
    return promise;
  }
}

/** Undefined: it does not say. */
export function retryAfterMs({ headers }: IncomingMessage): number | undefined {
  const seconds = Number(headers['retry-after'] ?? NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

/** One request, up to its end or that of the socket. */
async function askOn(socket: WebSocket, text: string): Promise<Attempt> {
  const { promise, resolve } = Promise.withResolvers<Attempt>();
  const onMessage = (data: Buffer): void => {
    const attempt = toAttempt(data.toString());
    if (attempt !== undefined) resolve(attempt);
  };
  const onClose = (code: number): void =>
    resolve({ kind: 'failed', during: 'turn', why: `close ${String(code)}` });
  const late = setTimeout(() => resolve({ kind: 'failed', during: 'turn', why: 'no end' }), TURN_MS);
  socket.on('message', onMessage);
  socket.once('close', onClose);
  socket.send(JSON.stringify({ type: 'response.create', model: 'gpt-5.5', input: text }));
  const attempt = await promise;
  clearTimeout(late);
  socket.off('message', onMessage);
  socket.off('close', onClose);
  return attempt;
}
