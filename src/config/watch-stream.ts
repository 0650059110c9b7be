/** One watch on one Secret, from its request to its end, over a connection of its own. */
import type { Socket } from 'node:net';
import { buildConnector, Client } from 'undici';
import type { Dispatcher } from 'undici';
import { LineScanner } from '../json/line-scanner.ts';
import { readKubeCredentials } from './in-cluster.ts';
import type { KubeAccess, KubeCredentials } from './in-cluster.ts';
import { parseSecretEvent } from './secret-event.ts';
import type { SecretEvent, SecretName } from './secret-event.ts';
import { parseRetryAfter } from './watch-backoff.ts';

export interface WatchTimes {
  /** Name, TCP and TLS together. */
  readonly connectMs: number;
  /** From the request to its status. */
  readonly answerMs: number;
  /** Without a byte, on a watch that has sent bookmarks: a server sends one each minute, now and then each second one. */
  readonly silenceMs: number;
  /** How much longer than asked for a watch may last. */
  readonly overtimeMs: number;
}

export const WATCH_TIMES: WatchTimes = {
  connectMs: 10_000,
  answerMs: 15_000,
  silenceMs: 240_000,
  overtimeMs: 30_000,
};

/**
 * The most that one event of the watch may take: a Secret of 1 MiB is 1.4 MiB in base64, its annotations are 256 KiB at
 * most, and the API server keeps no object above some 1.5 MiB.
 */
export const MAX_WATCH_LINE_BYTES = 4 * 1024 * 1024;

/** Of an answer that is no watch: the API server's own sentence fits many times. */
const MAX_REFUSAL_BYTES = 64 * 1024;
/** Of that sentence, in characters: for a log line and for /readyz. */
const MAX_REFUSAL_TEXT = 300;

export interface WatchRequest {
  readonly access: KubeAccess;
  readonly secret: SecretName;
  /** After which the server ends the watch, in seconds. */
  readonly lifeSeconds: number;
  readonly times: WatchTimes;
  readonly userAgent: string;
}

/** Why a watch ended that should not have. The message is a sentence for people, without a credential. */
export class WatchFailure extends Error {
  /** Of the HTTP answer; undefined: there was none, or it began well. */
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** The token that was sent. */
  readonly token: string | undefined;

  constructor(
    reason: string,
    more: { status?: number; retryAfterMs?: number | undefined; token?: string | undefined } = {},
  ) {
    super(reason);
    this.name = 'WatchFailure';
    this.status = more.status;
    this.retryAfterMs = more.retryAfterMs;
    this.token = more.token;
  }
}

/**
 * Watches until the server ends it as it should.
 *
 * @param onOpen The server has said 200: events follow, the present state first.
 * @param onEvent Of bookmarks only the one after the present state, and that only if nothing was told before it: the
 *   Secret is not there.
 * @throws WatchFailure for every other ending, also when the signal ended it. Nothing stays open.
 */
export async function watchSecret(
  request: WatchRequest,
  signal: AbortSignal,
  onOpen: () => void,
  onEvent: (event: SecretEvent) => void,
): Promise<void> {
  const { access, times } = request;
  const credentials = await readKubeCredentials(access).catch((error: unknown) => {
    throw new WatchFailure((error as Error).message);
  });
  const guard = new Guard(signal, request);
  const client = openClient(access, credentials, times, guard.signal);
  try {
    const answer = await client.request({
      method: 'GET',
      path: watchPath(request),
      headers: {
        accept: 'application/json',
        'user-agent': request.userAgent,
        ...(credentials.token !== undefined && { authorization: `Bearer ${credentials.token}` }),
      },
      signal: guard.signal,
    });
    if (answer.statusCode !== 200) throw await toRefusal(answer, credentials.token);
    onOpen();
    await readEvents(answer.body, request.secret, guard, onEvent);
  } catch (error) {
    throw error instanceof WatchFailure ? error : new WatchFailure(guard.reason ?? reasonOf(error));
  } finally {
    guard.end();
    // not `close`: that waits for a server which may not answer any more
    await client.destroy();
  }
}

function openClient(
  access: KubeAccess,
  { authorities }: KubeCredentials,
  { connectMs, answerMs }: WatchTimes,
  signal: AbortSignal,
): Client {
  const dial = buildConnector({
    allowH2: false, // there is one request, and no other is to share its connection
    timeout: connectMs,
    ...(authorities !== undefined && { ca: authorities }),
  }) as SocketConnector;
  return new Client(new URL(access.url).origin, {
    headersTimeout: answerMs,
    bodyTimeout: 0, // the guard has its own
    connect: (options, callback) => {
      const socket = dial(options, callback);
      // undici hears of a signal only once it is connected
      const end = (): void => void socket.destroy(new Error('not wanted any more'));
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
      // a record that does not decrypt is an error without an end, for which undici would wait
      socket.on('error', () => socket.destroy());
    },
  });
}

/** undici's connectors return the socket they open; their types leave it out. */
type SocketConnector = (options: buildConnector.Options, callback: buildConnector.Callback) => Socket;

function watchPath({ access, secret, lifeSeconds }: WatchRequest): string {
  const base = new URL(access.url).pathname.replace(/\/$/, '');
  const query = new URLSearchParams({
    fieldSelector: `metadata.name=${secret.name}`,
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(lifeSeconds),
  });
  return `${base}/api/v1/namespaces/${encodeURIComponent(secret.namespace)}/secrets?${query.toString()}`;
}

async function readEvents(
  body: Dispatcher.ResponseData['body'],
  secret: SecretName,
  guard: Guard,
  onEvent: (event: SecretEvent) => void,
): Promise<void> {
  const scanner = new LineScanner(MAX_WATCH_LINE_BYTES);
  let isAnythingTold = false;
  for await (const chunk of body) {
    guard.heard();
    const lines = scanner.push(chunk as Buffer);
    if (lines === undefined)
      throw new WatchFailure(`an event of the watch is larger than ${MAX_WATCH_LINE_BYTES} bytes`);
    for (const line of lines) {
      const event = parseSecretEvent(line, secret);
      if (event.kind === 'failed') throw new WatchFailure(event.reason);
      if (event.kind === 'bookmark') guard.heardBookmark();
      if (event.kind === 'bookmark' && (isAnythingTold || !event.isPresentTold)) continue;
      isAnythingTold = true;
      onEvent(event);
    }
  }
  if (scanner.heldBytes > 0) throw new WatchFailure('the API server ended the watch within an event');
}

/** Ends a watch from our side: when it is not wanted, silent, or lasts too long. */
class Guard {
  readonly #request: WatchRequest;
  readonly #own = new AbortController();
  readonly #life: NodeJS.Timeout;
  #silence: NodeJS.Timeout | undefined;
  #reason: string | undefined;
  readonly signal: AbortSignal;

  constructor(outer: AbortSignal, request: WatchRequest) {
    this.#request = request;
    this.signal = AbortSignal.any([outer, this.#own.signal]);
    const lifeMs = request.lifeSeconds * 1000 + request.times.overtimeMs;
    this.#life = setTimeout(
      () => this.#end('the API server did not end the watch when it should have'),
      lifeMs,
    );
  }

  /** Why we ended it; undefined: we did not. */
  get reason(): string | undefined {
    return this.#reason;
  }

  heard(): void {
    this.#silence?.refresh();
  }

  /** From now on silence means something. */
  heardBookmark(): void {
    const { silenceMs } = this.#request.times;
    this.#silence ??= setTimeout(
      () => this.#end(`the API server was silent for ${silenceMs / 1000} s`),
      silenceMs,
    );
  }

  end(): void {
    clearTimeout(this.#life);
    clearTimeout(this.#silence);
  }

  #end(reason: string): void {
    this.#reason = reason;
    this.#own.abort();
  }
}

const ADVICE: Readonly<Record<number, string>> = {
  401: 'is the token still valid?',
  403: 'allow this service account to watch that one Secret',
  404: 'is this the address of an API server?',
};

async function toRefusal(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  token: string | undefined,
): Promise<WatchFailure> {
  const message = await messageIn(body);
  const said = message === undefined ? '' : ` (${message})`;
  const advice = ADVICE[statusCode] === undefined ? '' : `: ${ADVICE[statusCode]}`;
  return new WatchFailure(`the API server answers ${statusCode}${said}${advice}`, {
    status: statusCode,
    retryAfterMs: parseRetryAfter(headers['retry-after']),
    token,
  });
}

/** The sentence of a Status object; undefined where there is none. */
async function messageIn(body: Dispatcher.ResponseData['body']): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of body) {
      bytes += (part as Buffer).length;
      if (bytes > MAX_REFUSAL_BYTES) return undefined;
      parts.push(part as Buffer);
    }
    const status: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'));
    const message = typeof status === 'object' && status !== null && 'message' in status && status.message;
    if (typeof message !== 'string') return undefined;
    return message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_REFUSAL_TEXT);
  } catch {
    return undefined;
  }
}

const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens at the address of the API server',
  ENOTFOUND: 'the name of the API server is not known',
  ECONNRESET: 'the connection to the API server was reset',
  UND_ERR_SOCKET: 'the connection to the API server broke',
  UND_ERR_CONNECT_TIMEOUT: 'the API server cannot be reached in time',
  UND_ERR_HEADERS_TIMEOUT: 'the API server does not answer in time',
};

/** Of OpenSSL and of Node: there are dozens. */
const CERTIFICATE_CODE = /CERT|SIGNATURE|ISSUER/;

/** In words, with the code: the library's own messages may quote what was sent. */
function reasonOf(error: unknown): string {
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'no code';
  const isUntrusted = CERTIFICATE_CODE.test(code);
  const words = isUntrusted ? "the API server's certificate is not trusted" : 'the watch failed';
  return `${CODES[code] ?? words} (${code})`;
}
