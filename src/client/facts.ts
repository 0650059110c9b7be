/**
 * What the client's side announces: handshakes, connections, frames it had to refuse. The counterpart of
 * turn/facts.ts, under the same rules: closed sets, numbers and identifiers only.
 */
import type { ClientKind } from '../turn/facts.ts';

/** How a request to come in was answered. */
export type HandshakeResult =
  | 'accepted'
  | 'bad_request' // malformed, a key without a second subprotocol, a loop
  | 'unauthorized'
  | 'origin_refused'
  | 'not_found'
  | 'disabled' // 426
  | 'limited' // too many connections
  | 'draining'
  | 'not_ready'; // no route is loaded

/** Why a frame was refused. The socket stays usable after each. */
export type FrameRefusal =
  | 'invalid_json'
  | 'unknown_event'
  | 'unsupported_frame_type' // binary
  | 'frame_too_large'
  | 'invalid_stream_id'
  | 'stream_limit'
  | 'invalid_request'
  | 'legacy_event';

export type CloseInitiator = 'local' | 'remote' | 'network';

export interface ConnectionRecord {
  /** Ours, unique: `c-…`. */
  readonly id: string;
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

export type ClientFact =
  /** An upgrade that was answered, or an HTTP request that was not let in. */
  | {
      readonly kind: 'handshake';
      readonly via: 'websocket' | 'http';
      readonly result: HandshakeResult;
      readonly status: number;
    }
  | { readonly kind: 'connection.opened'; readonly connection: ConnectionRecord }
  | { readonly kind: 'connection.closed'; readonly connection: ConnectionRecord }
  | { readonly kind: 'frame.refused'; readonly connectionId: string; readonly reason: FrameRefusal }
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
