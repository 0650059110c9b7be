/**
 * What the client's side announces: handshakes, connections, frames it had to refuse. The counterpart of
 * turn/facts.ts, under the same rules: closed sets, numbers and identifiers only.
 */
import type { ClientKind, ClientTrace, TraceIds, TracePolicy } from '../turn/facts.ts';

/** How a request to come in was answered. */
export type HandshakeResult =
  | 'accepted'
  | 'bad_request' // malformed, a key without a second subprotocol, a loop; over HTTP also a body that is no request
  | 'unauthorized'
  | 'origin_refused'
  | 'not_found'
  | 'disabled' // 426
  | 'limited' // too many connections; over HTTP also a body for which there is no room
  | 'draining'
  | 'not_ready' // no route is loaded
  | 'provider_failed'; // a WebSocket to be passed on, whose provider refused it or could not be reached

/** Why a frame was refused. The socket stays usable after each. */
export type FrameRefusal =
  | 'invalid_json'
  | 'unknown_event'
  | 'unsupported_frame_type' // binary
  | 'frame_too_large'
  | 'invalid_stream_id'
  | 'stream_limit'
  | 'queue_full' // as many turns wait as may
  | 'no_room' // the process has no memory for it now
  | 'leaving' // the connection is about to close: the client opens another
  | 'invalid_request'
  | 'legacy_event';

/** Why a TLS handshake failed; such a connection never asked for anything. */
export type TlsFailure =
  | 'timeout'
  | 'plain_http' // a client that was told http:// or ws://
  | 'no_tls' // some other protocol
  | 'not_agreed' // no version, cipher or protocol (ALPN) in common
  | 'certificate_refused' // the client does not trust what it saw, and said so
  | 'crowded_out' // the slowest of too many at a time
  | 'disconnected' // gone in the middle: TCP probes, and clients that do not say why
  | 'other';

export type CloseInitiator = 'local' | 'remote' | 'network';

/** An upgrade or a request, from its head to its answer. */
export interface HandshakeRecord {
  readonly via: 'websocket' | 'http';
  /** One that HTTP knows. */
  readonly method: string;
  readonly result: HandshakeResult;
  readonly status: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** The group's base and `/responses` (or the listed path of a tunnel), from configuration; undefined when no group was chosen. */
  readonly route: string | undefined;
  readonly clientKind: ClientKind;
  /** Name and version of the client's program: the first word of `user-agent`, if it is `name/version`. */
  readonly userAgent: string | undefined;
  /** The peer's address; its /24 or /48 unless the process was told to keep it whole. */
  readonly clientAddress: string | undefined;
  /** Of the connection that was opened. */
  readonly connectionId: string | undefined;
  readonly tenant: string | undefined;
  readonly authMethod: 'none' | 'passthrough' | 'api_key' | undefined;
  readonly clientTrace: ClientTrace | undefined;
  readonly tracePolicy: TracePolicy;
  /** Who is meant by `provider_failed`; undefined with every other result. */
  readonly failed?: FailedTunnel | undefined;
}

/** A WebSocket that could not be passed on. */
export interface FailedTunnel {
  /** `namespace/name`. */
  readonly route: string;
  readonly provider: string;
  /** As {@link TunnelRecord.path}. */
  readonly path: string;
  /** As TurnRecord.errorType. */
  readonly errorType: string;
}

export interface ConnectionRecord {
  /** Ours, unique: `c-…`. */
  readonly id: string;
  /** The handshake's span; set by the tracer, if there is one, before anybody else hears of the connection. */
  trace: TraceIds | undefined;
  readonly clientKind: ClientKind;
  readonly tenant: string;
  /** Host and path pattern of the group, from configuration. */
  readonly group: string;
  readonly openedAt: number;
  turns: number;
  framesIn: number;
  bytesIn: number;
  bytesOut: number;
  closedAt: number | undefined;
  /** 1005 = closed without a code, 1006 = without a close frame. */
  closeCode: number | undefined;
  closeInitiator: CloseInitiator | undefined;
  /** Ours, from a closed set; never the client's text. */
  closeReason: string | undefined;
}

/** A WebSocket that is passed on frame by frame (`/realtime`): a connection without turns. Frames are whole messages. */
export interface TunnelRecord extends ConnectionRecord {
  /** `namespace/name`. */
  readonly route: string;
  readonly provider: string;
  /** As the route lists it (`relay.webSocketPaths`); never what the client wrote. */
  readonly path: string;
  /** To the client. Its messages, as all of the record's figures of frames and bytes, without pings and pongs. */
  framesOut: number;
  /** Whose end of it went first. A close that was passed on has `closeInitiator: local`, whoever began it. */
  endedBy: 'client' | 'provider' | 'bridge' | undefined;
  /** What the provider closed with: 1005 without a code, 1006 without a close frame. Undefined where we closed it. */
  providerCloseCode: number | undefined;
}

export type ClientFact =
  /** An upgrade that was answered, or an HTTP request that was not let in. */
  | { readonly kind: 'handshake'; readonly handshake: HandshakeRecord }
  | { readonly kind: 'connection.opened'; readonly connection: ConnectionRecord }
  | { readonly kind: 'connection.closed'; readonly connection: ConnectionRecord }
  /** In place of `connection.opened` and `.closed`, for a connection that is passed on. */
  | { readonly kind: 'tunnel.opened'; readonly tunnel: TunnelRecord }
  | { readonly kind: 'tunnel.closed'; readonly tunnel: TunnelRecord }
  | { readonly kind: 'frame.refused'; readonly connectionId: string; readonly reason: FrameRefusal }
  /** A connection to a TLS listener that became none. */
  | { readonly kind: 'tls.failed'; readonly reason: TlsFailure }
  /** Our own code threw. The error is for the log, which takes its name and stack and no message. */
  | { readonly kind: 'bridge.mistake'; readonly error: unknown }
  | { readonly kind: 'ping.answered'; readonly rttMs: number }
  /** A client read so slowly that its provider was paused; `ms` when it was resumed. */
  | { readonly kind: 'backpressure.ended'; readonly connectionId: string; readonly ms: number };

/** Hears facts as they happen. Must not throw and must not block. */
export type ClientFactListener = (fact: ClientFact) => void;

/**
 * Counts per frame, as plain numbers that metrics read when they are scraped: the one thing the hot path adds up
 * itself. Indexes are those of the event catalogue (events/event-type.ts).
 */
export class FrameCounts {
  readonly outByType: Float64Array;
  readonly inByType = { create: 0, interrupt: 0, steer: 0, inject: 0, other: 0 };
  bytesIn = 0;
  bytesOut = 0;

  /** @param types How many entries the event catalogue has. */
  constructor(types: number) {
    this.outByType = new Float64Array(types);
  }
}
