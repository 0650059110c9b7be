/**
 * Providers over HTTP: a POST for each turn, its answer an event stream. Owns the connection pools.
 */
import type { LookupFunction } from 'node:net';
import { type AttemptLimits, type AttemptTools, DEFAULT_ATTEMPT_LIMITS } from './attempt-tools.ts';
import { type ByteAccount, UNLIMITED } from './held-answer.ts';
import { EventLatency } from '../events/event-latency.ts';
import { HttpAttempt, type RequestRegister } from './http-attempt.ts';
import { Pools } from './pools.ts';
import type {
  Attempt,
  AttemptListener,
  HttpAttemptRequest,
  ProviderTransport,
  RelayAnswer,
  RelayRequest,
} from './provider.ts';
import type { OutboundProxy, ProviderPool } from './provider-pool.ts';
import { relayRequest } from './relay.ts';
import { toRequestBody } from './body-writes.ts';
import { keyObstacle, toHeaderRecord, toProviderRequestHeaders } from './request-headers.ts';
import { toPath } from './request-path.ts';

/** How the transport is set up; everything may be left out. */
export interface HttpSseOptions {
  readonly proxy?: OutboundProxy | undefined;
  /** Resolves host names; the system's resolver by default. */
  readonly lookup?: LookupFunction | undefined;
  readonly maxPools?: number | undefined;
  readonly limits?: Partial<AttemptLimits> | undefined;
  /** Where answers count what they keep until they are whole; without it nobody counts. */
  readonly answers?: ByteAccount | undefined;
  /** Told of reads, to measure what the bridge adds; nobody measures without it. */
  readonly latency?: EventLatency | undefined;
  /**
   * Hears each mistake of our own (or of a turn that listens) that was caught in a callback, so that it can be logged.
   * The attempt that made it has ended, and nothing else. Must not throw. Nobody hears of them without it.
   */
  readonly onMistake?: ((error: unknown) => void) | undefined;
}

/** Turns and relayed requests over HTTP/1.1 and HTTP/2. One for the process; its owner closes it. */
export class HttpSseTransport implements Pick<ProviderTransport, 'relay' | 'close'> {
  readonly #pools: Pools;
  readonly #tools: AttemptTools;

  constructor(options: HttpSseOptions = {}) {
    this.#pools = new Pools(options);
    this.#tools = {
      limits: { ...DEFAULT_ATTEMPT_LIMITS, ...options.limits },
      answers: options.answers ?? UNLIMITED,
      callbacks: { depth: 0 },
      latency: options.latency ?? new EventLatency(() => undefined),
      onMistake: options.onMistake ?? (() => undefined),
    };
  }

  /** As `ProviderTransport.open`. */
  open(request: HttpAttemptRequest, listener: AttemptListener): Attempt {
    const pool = this.#poolFor(request);
    const attempt = new HttpAttempt(
      request,
      listener,
      typeof pool === 'string' ? NO_POOL : pool,
      this.#tools,
    );
    // Not before `open` has returned; and not within a callback of undici, which may have led here.
    queueMicrotask(() => {
      attempt.run(() => {
        if (!attempt.wanted) {
          return;
        }
        if (typeof pool === 'string') {
          attempt.fail('connect_failed', pool);
        } else {
          this.#send(pool, request, attempt);
        }
      });
    });
    return attempt;
  }

  async relay(request: RelayRequest): Promise<RelayAnswer> {
    return relayRequest(this.#poolFor(request), request);
  }

  async close(): Promise<void> {
    await this.#pools.close();
  }

  /** The pool; or, in the words of a fault, why there is none. */
  #poolFor({ route, provider }: Pick<HttpAttemptRequest, 'route' | 'provider'>): ProviderPool | string {
    try {
      return this.#pools.poolFor(route, provider) ?? 'was not called: the bridge is shutting down';
    } catch (error) {
      // undici refuses its options, which are of the bridge and not of this request: an address of a proxy, say.
      this.#tools.onMistake(error);
      return 'could not be reached: the bridge cannot set up connections to it (are its proxy addresses right?)';
    }
  }

  #send(pool: ProviderPool, request: HttpAttemptRequest, attempt: HttpAttempt): void {
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

/** Stands in where there is no pool: nothing is waited for there. */
const NO_POOL: RequestRegister = { started: () => undefined, ended: () => undefined, httpVersion: undefined };
