/**
 * The waist between a turn and the far side. A turn asks for one attempt and hears events; how HTTP/SSE or a
 * WebSocket carries them is the implementation's affair (http-sse.ts, websocket.ts).
 */
import type { Readable } from 'node:stream';
import type { EventType } from '../events/event-type.ts';
import type { CompiledProvider, CompiledRoute, HeaderField } from '../route/snapshot.ts';
import type { Tunnel, TunnelRequest } from './tunnel.ts';

/** Drives providers. One for the whole process; owns the connection pools. */
export interface ProviderTransport {
  /**
   * Starts one attempt. Never throws and never calls the listener before it returns. The listener hears at most
   * one `onAnswer`, any number of `onEvent`, and exactly one `onEnd`, unless the attempt is aborted or released
   * first: after that it hears nothing more.
   */
  open(request: AttemptRequest, listener: AttemptListener): Attempt;

  /** The WebSockets to providers of one client connection, or of one HTTP request. None is dialled by this. */
  openSockets(owner: SocketOwner): ProviderSockets;

  /**
   * Dials a provider's WebSocket for a client whose frames are to be passed on as they are (`/realtime`). Resolves when
   * the provider has answered its 101; rejects with `TunnelRefused` or a {@link ProviderFault}.
   */
  openTunnel(request: TunnelRequest): Promise<Tunnel>;

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

/** For whom WebSockets to providers are dialled: what each dial sends is made of this, by the route's header policy. */
export interface SocketOwner {
  /** `http`: a request of its own, whose sockets may serve a later request of the same tenant. */
  readonly entry: 'websocket' | 'http';
  readonly tenant: string;
  /** Of the client's handshake; of a request those that a frame has no place for (frames/frame-metadata.ts). */
  readonly clientHeaders: readonly HeaderField[];
  readonly clientQuery: string;
  readonly via: string;
}

/** Which of an owner's sockets: each is for one provider, with one set of credentials and headers, and one lane. */
export interface SocketTarget {
  readonly route: CompiledRoute;
  readonly provider: CompiledProvider;
  /** The client's lane; empty for the default one. A provider with the capability `Lanes` has one socket for all. */
  readonly lane: string;
}

/** The WebSockets to providers of one {@link SocketOwner}. */
export interface ProviderSockets {
  /** A socket that is open and free for the lane remembers this response: an attempt that names it goes out there. */
  holds(target: SocketTarget, responseId: string): boolean;
  /** Busy sockets are ended; idle ones close, or wait for the tenant's next request (`entry: http`). May be called twice. */
  close(): void;
}

/** One attempt, over one of the transports. */
export type AttemptRequest = HttpAttemptRequest | SocketAttemptRequest;

/** A frame on a provider's WebSocket. Its handshake's headers are those of the sockets' owner. */
export interface SocketAttemptRequest extends SocketTarget {
  readonly transport: 'websocket';
  readonly sockets: ProviderSockets;
  /** As the frame names it: where a free socket remembers it, that one is taken. */
  readonly previousResponseId: string | undefined;
  /** One `response.create` frame as views, sent as one text message. As for {@link HttpAttemptRequest.body}. */
  readonly body: readonly Buffer[];
  readonly bodyBytes: number;
}

/** A POST, answered with an event stream. */
export interface HttpAttemptRequest {
  readonly transport: 'http';
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
  /** From the open connection to the answer to an upgrade; of WebSockets only. */
  readonly upgradeMs?: number | undefined;
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
   * one second and 64 KiB at most; then as `abort`. A WebSocket serves again at once.
   * @param responseId The response that a later turn may continue on this WebSocket; undefined: none.
   */
  release(responseId?: string): void;
  /** Passes a client's frame on that belongs to this turn (`response.steer`, `response.inject`, `response.interrupt`). */
  send(frame: Buffer): SendResult;
}

/**
 * What became of a frame: `full` while too much waits that the provider has not taken, or the process has no room for it;
 * `no` where it cannot be: over HTTP, or before the frame of the turn itself was sent, or after the end.
 */
export type SendResult = 'sent' | 'full' | 'no';

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

/**
 * Status and headers of an answer. Header names in lower case; repeated ones joined with a comma. Over a WebSocket: told
 * when the turn's frame was handed to the socket, with status 101; headers only of a handshake made for this attempt.
 */
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
      /** Of a request, or of the upgrade that should have led to a WebSocket: then no turn has been asked for yet. */
      readonly phase: 'request' | 'upgrade';
      readonly status: number;
      readonly httpVersion: HttpVersion | undefined;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer;
    }
  /** No answer, or an answer that broke off or was not one. */
  | {
      readonly kind: 'lost';
      readonly fault: ProviderFault;
      /** It went out on a WebSocket that was open before, and nothing came back: that may have been dead already. */
      readonly isStale: boolean;
    };

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
  | 'request_too_large' // above the provider's limits.maxRequestBytes or maxWebSocketMessageBytes: never sent
  | 'handshake_timeout' // connected, but no answer to the upgrade in time
  | 'socket_closed'; // the provider closed its WebSocket while the turn ran; see closeCode

/** Why an attempt or a relayed request had no (whole) answer. The message is ours: no provider text, no secret. */
export class ProviderFault extends Error {
  readonly code: ProviderFaultCode;
  /** The system's or TLS's own word (`ECONNREFUSED`, `CERT_HAS_EXPIRED`), for telemetry. */
  readonly reason: string | undefined;
  /** Of `socket_closed`: the provider's close code; 1005 without one, never 1006. */
  readonly closeCode: number | undefined;

  constructor(code: ProviderFaultCode, message: string, reason?: string, closeCode?: number) {
    super(message);
    this.name = 'ProviderFault';
    this.code = code;
    this.reason = reason;
    this.closeCode = closeCode;
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
