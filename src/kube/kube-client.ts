/**
 * Requests and watches, raw: the answer with its status and `Retry-After`, every line of a watch or the reason why
 * there is none. Nothing is retried here but a 401, once, with credentials read anew: who calls knows what is worth
 * trying again (docs/decisions/0013-kube-client.md).
 */
import { readAnswer, readRefusal } from './kube-answer.ts';
import type { KubeResponse } from './kube-answer.ts';
import type { KubeClock } from './kube-clock.ts';
import { kubeClock } from './kube-clock.ts';
import type { CredentialSource, KubeCredentials } from './kube-credentials.ts';
import { KubeError, localError } from './kube-error.ts';
import type { KubeFacts } from './kube-facts.ts';
import { KubeSockets } from './kube-sockets.ts';
import { TimeLimit } from './time-limit.ts';
import { readWatch } from './watch-events.ts';
import type { WatchEvent } from './watch-events.ts';

/** For a request and its whole answer. */
export const REQUEST_TIMEOUT_MS = 15_000;

/** A watch that is accepted answers at once, with its headers; a server that has to fill its cache first takes seconds. */
export const WATCH_OPEN_TIMEOUT_MS = 30_000;

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Of `apiPath`, its parts checked. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `application/json` by default; for server-side apply `application/apply-patch+yaml`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** For everything, credentials included. {@link REQUEST_TIMEOUT_MS} by default. */
  readonly timeoutMs?: number | undefined;
}

export interface WatchOptions {
  readonly signal: AbortSignal;
  /** Without a byte for as long the stream counts as lost. Asked whenever something has come. */
  readonly idleTimeoutMs: () => number;
  /** The server has accepted. */
  readonly onOpen?: (() => void) | undefined;
}

export interface KubeClient {
  /** The parsed answer; undefined where there is none. @throws KubeError */
  request(request: KubeRequest): Promise<unknown>;
  /**
   * Opens a watch when iterated, and yields its events until the server ends it. Leaving the loop closes it.
   * @throws KubeError for a status other than 200, a broken line, a reset, silence, the signal
   */
  watch(
    path: string,
    query: Readonly<Record<string, string>>,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent>;
  /** Ends everything that is open. May be called twice. */
  close(): Promise<void>;
}

export interface KubeClientOptions {
  readonly credentials: CredentialSource;
  readonly facts: KubeFacts;
  /** `turnbridge-operator/0.1.0`: it is in the API server's audit log. */
  readonly userAgent: string;
  readonly clock?: KubeClock | undefined;
}

/** One question, for messages and facts. */
interface Question {
  readonly method: KubeRequest['method'];
  readonly path: string;
  /** Of the URL: with its query. */
  readonly target: string;
  readonly body: string | null;
  readonly contentType: string | undefined;
  readonly sockets: 'requests' | 'watches';
}

/** A client that owns its connections: whoever opens it closes it. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  return new HttpKubeClient(options);
}

class HttpKubeClient implements KubeClient {
  readonly #credentials: CredentialSource;
  readonly #facts: KubeFacts;
  readonly #userAgent: string;
  readonly #clock: KubeClock;
  readonly #sockets = new KubeSockets();
  readonly #closing = new AbortController();

  constructor({ credentials, facts, userAgent, clock = kubeClock }: KubeClientOptions) {
    this.#credentials = credentials;
    this.#facts = facts;
    this.#userAgent = userAgent;
    this.#clock = clock;
  }

  async request(request: KubeRequest): Promise<unknown> {
    const { method, path, query = {}, body, contentType = 'application/json', signal } = request;
    const question: Question = {
      method,
      path,
      target: toTarget(path, query),
      body: body === undefined ? null : JSON.stringify(body),
      contentType: body === undefined ? undefined : contentType,
      sockets: 'requests',
    };
    const what = `${method} ${path}`;
    using limit = new TimeLimit(this.#clock, [signal, this.#closing.signal]);
    limit.set(request.timeoutMs ?? REQUEST_TIMEOUT_MS);
    try {
      const response = await this.#send(question, limit);
      if (response.statusCode >= 200 && response.statusCode < 300) return await readAnswer(what, response);
      throw await readRefusal(what, response);
    } catch (error) {
      throw toKubeError(what, error, limit);
    }
  }

  async *watch(
    path: string,
    query: Readonly<Record<string, string>>,
    { signal, idleTimeoutMs, onOpen }: WatchOptions,
  ): AsyncGenerator<WatchEvent, void, undefined> {
    const target = toTarget(path, { ...query, watch: 'true' });
    const question: Question = {
      method: 'GET',
      path,
      target,
      body: null,
      contentType: undefined,
      sockets: 'watches',
    };
    const what = `watch ${path}`;
    using limit = new TimeLimit(this.#clock, [signal, this.#closing.signal]);
    limit.set(Math.min(WATCH_OPEN_TIMEOUT_MS, idleTimeoutMs()));
    try {
      const response = await this.#send(question, limit);
      if (response.statusCode !== 200) throw await readRefusal(what, response);
      onOpen?.();
      const alive = (): void => limit.set(idleTimeoutMs());
      alive();
      for await (const event of readWatch(what, response.body, alive)) {
        yield event;
        // What it said may have changed how long silence is normal.
        alive();
      }
    } catch (error) {
      throw toKubeError(what, error, limit);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sockets.close();
  }

  /** With the credentials there are; if these are refused, once more with new ones. */
  async #send(question: Question, limit: TimeLimit): Promise<KubeResponse> {
    const known = await limit.race(this.#readable(this.#credentials.current()));
    const response = await this.#attempt(question, known, limit);
    if (response.statusCode !== 401) return response;
    // What is unread would hold its connection.
    await response.body.dump();
    const renewed = await limit.race(this.#readable(this.#credentials.renew(known)));
    return this.#attempt(question, renewed, limit);
  }

  async #readable(credentials: Promise<KubeCredentials>): Promise<KubeCredentials> {
    try {
      return await credentials;
    } catch (error) {
      throw localError('credentials for the API server', 'Credentials', messageOf(error), error);
    }
  }

  async #attempt(question: Question, credentials: KubeCredentials, limit: TimeLimit): Promise<KubeResponse> {
    const { origin, host, pathname } = new URL(credentials.server);
    const { method, target, body, contentType, sockets } = question;
    const startedAt = this.#clock.now();
    let status: number | undefined;
    try {
      const response = await this.#sockets.for(credentials)[sockets].request({
        origin,
        method,
        path: `${pathname.replace(/\/$/, '')}${target}`,
        headers: {
          accept: 'application/json',
          'user-agent': this.#userAgent,
          ...(contentType !== undefined && { 'content-type': contentType }),
          ...credentials.headers,
        },
        body,
        signal: limit.signal,
      });
      status = response.statusCode;
      return response;
    } finally {
      const seconds = (this.#clock.now() - startedAt) / 1000;
      this.#facts({ kind: 'request.ended', method, host, status, seconds });
    }
  }
}

function toTarget(path: string, query: Readonly<Record<string, string>>): string {
  const search = new URLSearchParams(query).toString();
  return search === '' ? path : `${path}?${search}`;
}

function toKubeError(what: string, error: unknown, limit: TimeLimit): KubeError {
  if (error instanceof KubeError) return error;
  if (limit.isOver) return localError(what, 'Timeout', 'the API server did not answer in time', error);
  if (limit.signal.aborted) return localError(what, 'Aborted', 'given up', error);
  return localError(what, 'Network', messageOf(error), error);
}

/** Of network errors of Node and undici: an empty message (several addresses failed) has its code instead. */
function messageOf(error: unknown): string {
  const { code, message } = (typeof error === 'object' && error !== null ? error : {}) as {
    readonly code?: unknown;
    readonly message?: unknown;
  };
  if (typeof message === 'string' && message !== '') return message;
  return typeof code === 'string' ? code : 'the connection failed';
}
