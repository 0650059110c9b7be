/**
 * A provider's WebSocket that is passed on to a client frame by frame, such as `/realtime`: what the client's side asks
 * for, and what it gets.
 */
import type { CompiledProvider, CompiledRoute, HeaderField } from '../route/snapshot.ts';

/** A WebSocket to be passed on. */
export interface TunnelRequest {
  readonly route: CompiledRoute;
  readonly provider: CompiledProvider;
  /** Path below the provider's base, beginning with a slash. */
  readonly path: string;
  readonly clientHeaders: readonly HeaderField[];
  /** Encoded, without the question mark; may be empty. */
  readonly clientQuery: string;
  readonly via: string;
  /** Subprotocols to offer, in order; never one that holds a key. */
  readonly protocols: readonly string[];
  readonly maxMessageBytes: number;
  readonly signal: AbortSignal;
}

/** The provider answered the upgrade with something else than 101. */
export class TunnelRefused extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** At most 64 KiB. */
  readonly body: Buffer;

  constructor(status: number, headers: Readonly<Record<string, string>>, body: Buffer) {
    super(`the upgrade was answered with ${status}`);
    this.name = 'TunnelRefused';
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** An open WebSocket of a provider. Messages are not looked at; pings and pongs pass as well. */
export interface Tunnel {
  /** The subprotocol that the provider chose; empty for none. */
  readonly protocol: string;
  /** Headers of the 101 that the route lets through. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes handed over that the provider has not taken yet. */
  readonly bufferedBytes: number;
  /** Once, before anything else: nothing is read until there is a listener. */
  listen(listener: TunnelListener): void;
  send(data: Buffer, isBinary: boolean): void;
  ping(data: Buffer): void;
  pong(data: Buffer): void;
  pause(): void;
  resume(): void;
  /** Closes; the listener still hears of the end. A code that must not be sent is sent as 1000 or 1011. */
  close(code: number, reason: string): void;
  /** Ends at once; the listener hears nothing more. */
  terminate(): void;
}

export interface TunnelListener {
  onMessage(data: Buffer, isBinary: boolean): void;
  onPing(data: Buffer): void;
  onPong(data: Buffer): void;
  /** Handed-over bytes were taken, down to less than 64 KiB. */
  onDrain(): void;
  /** Once. 1005: no code; 1006: no close frame. */
  onClose(code: number, reason: string): void;
}
