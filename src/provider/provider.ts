/**
 * The waist between a turn and the far side. A turn asks for one attempt and hears events; whether HTTP/SSE or
 * a WebSocket carries them is the implementation's affair (http-sse.ts today).
 */
import type { Readable } from 'node:stream';
import type { EventType } from '../events/event-type.ts';
import type { CompiledProvider, CompiledRoute, HeaderField } from '../route/snapshot.ts';

/** Drives providers. One for the whole process; owns the connection pools. */
export interface ProviderTransport {
  /**
   * Starts one attempt. Never throws and never calls the listener before it returns. The listener hears at most
   * one `onAnswer`, any number of `onEvent`, and exactly one `onEnd`, unless the attempt is aborted or released
   * first: after that it hears nothing more.
   */
  open(request: AttemptRequest, listener: AttemptListener): Attempt;

  /**
   * Passes one request on that is not a turn (`GET /models`, `POST /responses/compact`). Rejects with a
   * {@link ProviderFault} when there was no answer. The caller must consume or destroy `body`.
   */
  relay(request: RelayRequest): Promise<RelayAnswer>;

  /** Lets running attempts finish, then closes all pools. May be called twice. */
  close(): Promise<void>;
}

/** W3C Trace Context for a provider. An undefined value: the header is not sent. */
export interface TraceHeaders {
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

export interface AttemptRequest {
  readonly route: CompiledRoute;
  readonly provider: CompiledProvider;
  /**
   * What the client sent: its handshake's or request's headers, overlaid with those its frame carried in
   * `client_metadata`. The header policy is applied by the transport, not before.
   */
  readonly clientHeaders: readonly HeaderField[];
  /** Query parameters of the client that the route allows, encoded, without the question mark; may be empty. */
  readonly clientQuery: string;
  /** The value of `x-turnbridge-via` to send: the hops so far and this installation's id. */
  readonly via: string;
  /** Trace headers to send instead of the client's; undefined: what the client sent passes as any other header. */
  readonly trace: TraceHeaders | undefined;
  /**
   * The JSON body as views, written in order. Not changed by anyone until the attempt has ended; but above 64 KiB the
   * transport lets go of it as soon as it is written, so that an answer under way does not hold its request.
   */
  readonly body: readonly Buffer[];
  readonly bodyBytes: number;
}

/** A connection that was opened for a request, or could not be. Milliseconds of the process's monotonic clock. */
export interface Dial {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Undefined: no name had to be looked up, no TLS was spoken, or it did not come to that. */
  readonly dnsMs: number | undefined;
  readonly tcpMs: number | undefined;
  readonly tlsMs: number | undefined;
  readonly fault: ProviderFault | undefined;
}

/** A running attempt; its owner is the turn. All methods may be called at any time, also after the end. */
export interface Attempt {
  /** Stops reading from the provider (at most one read already under way still arrives). */
  pause(): void;
  resume(): void;
  /** Ends the request now: the provider sees its connection close or its stream reset. */
  abort(): void;
  /**
   * The turn has all it needs: the provider may finish its answer so that the connection can serve again, for
   * one second and 64 KiB at most; then as `abort`.
   */
  release(): void;
}

export interface AttemptListener {
  /** A connection was dialled for this attempt; it may go out on another that came free meanwhile. At most once. */
  onDialled?(dial: Dial): void;
  /** The provider accepted: an event stream (or a JSON answer, turned into events) follows. */
  onAnswer(answer: ProviderAnswer): void;
  /**
   * One event: the bytes of one JSON object, without SSE framing; repaired where the dialect asks for it. The
   * view stays valid as long as it is held, but holds the whole read it came from: copy what is kept.
   */
  onEvent(payload: Buffer, type: EventType): void;
  onEnd(end: AttemptEnd): void;
}

export type HttpVersion = '1.1' | '2';

/** Status and headers of an answer. Header names in lower case; repeated ones joined with a comma. */
export interface ProviderAnswer {
  readonly status: number;
  readonly httpVersion: HttpVersion | undefined;
  /** Headers that the route lets through to clients; see response-headers.ts. */
  readonly headers: Readonly<Record<string, string>>;
  /** `x-codex-turn-state` of the answer: it becomes an event for the client. */
  readonly turnState: string | undefined;
}

/** How an attempt ended by itself. */
export type AttemptEnd =
  /** The answer ended as HTTP wants it. Whether a terminal event was among the events is the turn's to judge. */
  | { readonly kind: 'finished' }
  /** An answer other than 2xx. At most 64 KiB of its body. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly httpVersion: HttpVersion | undefined;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer;
    }
  /** No answer, or an answer that broke off or was not one. */
  | { readonly kind: 'lost'; readonly fault: ProviderFault };

/** What can go wrong between us and a provider. */
export type ProviderFaultCode =
  | 'connect_failed' // refused, unreachable, reset before any byte of the answer
  | 'connect_timeout'
  | 'dns_failed'
  | 'tls_failed'
  | 'address_refused' // the name leads to an address that a route may not reach
  | 'connection_lost' // reset or closed within the answer
  | 'protocol_error' // the answer is not HTTP, not an event stream, or an event is beyond its limit
  | 'no_room' // the answer has to be held until it is whole, and there is no memory for that
  | 'request_too_large'; // above the provider's limits.maxRequestBytes: never sent

/** Why an attempt or a relayed request had no (whole) answer. The message is ours: no provider text, no secret. */
export class ProviderFault extends Error {
  readonly code: ProviderFaultCode;
  /** The system's or TLS's own word (`ECONNREFUSED`, `CERT_HAS_EXPIRED`), for telemetry. */
  readonly reason: string | undefined;

  constructor(code: ProviderFaultCode, message: string, reason?: string) {
    super(message);
    this.name = 'ProviderFault';
    this.code = code;
    this.reason = reason;
  }
}

export interface RelayRequest {
  readonly route: CompiledRoute;
  readonly provider: CompiledProvider;
  readonly method: string;
  /** Path below the provider's base, beginning with a slash. */
  readonly path: string;
  readonly clientHeaders: readonly HeaderField[];
  readonly clientQuery: string;
  readonly via: string;
  /** Null for a request without a body. */
  readonly body: Readable | null;
  readonly signal: AbortSignal;
}

export interface RelayAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}
