/**
 * Providers over HTTP: a POST for each turn, its answer an event stream. Owns the connection pools.
 */
import type { LookupFunction } from 'node:net';
import { DEFAULT_MAX_EVENT_BYTES } from '../events/sse-scanner.ts';
import type { CallbackDepth } from './answer-flow.ts';
import { type AttemptLimits, HttpAttempt, type RequestRegister } from './http-attempt.ts';
import { Pools } from './pools.ts';
import type {
  Attempt,
  AttemptListener,
  AttemptRequest,
  ProviderTransport,
  RelayAnswer,
  RelayRequest,
} from './provider.ts';
import type { OutboundProxy, ProviderPool } from './provider-pool.ts';
import { relayRequest } from './relay.ts';
import { toRequestBody } from './request-body.ts';
import { keyObstacle, toHeaderRecord, toProviderRequestHeaders } from './request-headers.ts';
import { toPath } from './request-path.ts';

/** The defaults, with their reasons. */
export const DEFAULT_ATTEMPT_LIMITS: AttemptLimits = {
  maxEventBytes: DEFAULT_MAX_EVENT_BYTES,
  /** An error's text; what is longer is a web page. */
  maxRefusalBytes: 64 * 1024,
  /** The status is known: the client should not wait for a body that dawdles. */
  refusalMs: 1_000,
  /** After the terminal event a few bytes at most are left; a new connection costs more than reading those. */
  maxReleaseBytes: 64 * 1024,
  releaseMs: 1_000,
};

/** How the transport is set up; everything may be left out. */
export interface HttpSseOptions {
  readonly proxy?: OutboundProxy | undefined;
  /** Resolves host names; the system's resolver by default. */
  readonly lookup?: LookupFunction | undefined;
  readonly maxPools?: number | undefined;
  readonly limits?: Partial<AttemptLimits> | undefined;
}

/** {@link ProviderTransport} over HTTP/1.1 and HTTP/2. One for the process; its owner closes it. */
export class HttpSseTransport implements ProviderTransport {
  readonly #pools: Pools;
  readonly #limits: AttemptLimits;
  readonly #callbacks: CallbackDepth = { depth: 0 };

  constructor(options: HttpSseOptions = {}) {
    this.#pools = new Pools(options);
    this.#limits = { ...DEFAULT_ATTEMPT_LIMITS, ...options.limits };
  }

  open(request: AttemptRequest, listener: AttemptListener): Attempt {
    const { route, provider } = request;
    const pool = this.#pools.poolFor(route, provider);
    const attempt = new HttpAttempt(request, listener, pool ?? CLOSED_POOL, this.#limits, this.#callbacks);
    // Not before `open` has returned; and not within a callback of undici, which may have led here.
    queueMicrotask(() => {
      if (!attempt.wanted) {
        return;
      }
      if (pool === undefined) {
        attempt.fail('connect_failed', 'was not called: the bridge is shutting down');
        return;
      }
      this.#send(pool, request, attempt);
    });
    return attempt;
  }

  async relay(request: RelayRequest): Promise<RelayAnswer> {
    return relayRequest(this.#pools.poolFor(request.route, request.provider), request);
  }

  async close(): Promise<void> {
    await this.#pools.close();
  }

  #send(pool: ProviderPool, request: AttemptRequest, attempt: HttpAttempt): void {
    const { provider } = request;
    const { maxRequestBytes } = provider.limits;
    if (maxRequestBytes !== undefined && request.bodyBytes > maxRequestBytes) {
      attempt.fail(
        'request_too_large',
        `takes requests of ${maxRequestBytes} bytes at most; this one has ${request.bodyBytes}`,
      );
      return;
    }
    if (pool.forbidden) {
      attempt.fail('address_refused');
      return;
    }
    const obstacle = keyObstacle(provider);
    if (obstacle !== undefined) {
      attempt.fail('connect_failed', obstacle);
      return;
    }
    const headers = toHeaderRecord(toProviderRequestHeaders(request));
    headers['content-length'] = String(request.bodyBytes);
    pool.dispatch(
      attempt,
      {
        origin: provider.origin,
        path: toPath(provider, '/responses', request.clientQuery),
        method: 'POST',
        headers,
        // undici takes iterables too; its types leave them out.
        body: toRequestBody(request.body, request.bodyBytes) as Buffer,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      attempt,
    );
  }
}

/** Stands in once all pools are closed: nothing is waited for there. */
const CLOSED_POOL: RequestRegister = { started: () => undefined, ended: () => undefined };
