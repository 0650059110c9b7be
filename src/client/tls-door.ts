/** The listening socket when it speaks TLS: HTTP/1.1 behind it, as on the plain one. Owns every socket it has taken. */
import { constants } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { TlsFailure } from './facts.ts';

/** How long a handshake may take: as long as a request's head. Node's own limit, 120 s, would let idle sockets pile up. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/**
 * Handshakes at a time: each holds some 60 KiB, and for nobody who has shown a key yet. The oldest gives way, since one
 * that is meant takes a round trip or two: strangers who stall keep nobody out.
 */
const MAX_HANDSHAKES = 1_024;
/** WebSockets need HTTP/1.1; a client that speaks HTTP/2 alone hears so in the handshake. */
const PROTOCOLS = ['http/1.1'];
/** Older versions are broken (RFC 8996); said here, so that no variable of the process can lower it. */
const MIN_VERSION = 'TLSv1.2';
/** Nobody has to renegotiate, and each time costs the server more than the client. */
const SECURE_OPTIONS = constants.SSL_OP_NO_RENEGOTIATION;

/** PEM of a certificate chain and its key. */
export interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export class TlsDoor {
  /** Does not listen until its owner says so. Has no certificate before `use`. */
  readonly server: Server;
  readonly #onFailed: (reason: TlsFailure) => void;
  /** As accepted, by address and port of the peer, also while the handshake goes on: HTTP does not know those yet. */
  readonly #sockets = new Map<string, Socket>();
  /** Those of them whose handshake goes on, the oldest first. */
  readonly #shaking = new Set<Socket>();
  /** Connections that gave way, whose end was not told yet. */
  #crowdedOut = 0;

  /** @param onFailed Hears of each connection that became none. */
  constructor(http: ServerOptions, onFailed: (reason: TlsFailure) => void) {
    this.#onFailed = onFailed;
    this.server = createServer({ ...http, handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ALPNProtocols: PROTOCOLS });
    this.server.on('connection', (socket: Socket) => {
      const peer = peerOf(socket);
      this.#sockets.set(peer, socket);
      this.#shaking.add(socket);
      socket.once('close', () => {
        this.#shaking.delete(socket);
        if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer);
      });
      if (this.#shaking.size > MAX_HANDSHAKES) this.#crowdOut();
    });
    this.server.on('secureConnection', (socket: TLSSocket) => {
      const raw = this.#sockets.get(peerOf(socket));
      if (raw !== undefined) this.#shaking.delete(raw);
    });
    // Node's own would pass failed handshakes on as 'clientError': requests that are none
    this.server.removeAllListeners('tlsClientError');
    this.server.on('tlsClientError', (error, socket) => this.#onTlsError(error, socket));
  }

  /** For handshakes from now on; sockets that are open keep what they have. @throws when TLS refuses the pair */
  use({ cert, key }: Identity): void {
    this.server.setSecureContext({ cert, key, minVersion: MIN_VERSION, secureOptions: SECURE_OPTIONS });
  }

  /** Drops every socket, also those that never came to a request. May be called twice. */
  destroy(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #crowdOut(): void {
    const [oldest] = this.#shaking;
    if (oldest === undefined) return;
    this.#shaking.delete(oldest);
    this.#crowdedOut += 1;
    oldest.destroy(); // TLS tells of it as of a client that went away
  }

  #onTlsError(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const told = toTlsFailure(error.code);
    const isOurs = told === 'disconnected' && this.#crowdedOut > 0;
    if (isOurs) this.#crowdedOut -= 1;
    const reason = isOurs ? 'crowded_out' : told;
    if (reason === 'plain_http') this.#sockets.get(peerOf(socket))?.write(SPEAKS_TLS);
    this.#onFailed(reason);
    socket.destroy();
  }
}

/** To a client that speaks plain HTTP: written past TLS, before the socket goes. */
const SPEAKS_TLS = ((body: string): string =>
  `HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)(
  'This port speaks TLS: write https:// (or wss://) instead of http:// (or ws://).\n',
);

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** What an error of a handshake means: `code` is OpenSSL's word, or the system's. */
export function toTlsFailure(code: string | undefined): TlsFailure {
  switch (code) {
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
      return 'timeout';
    case 'ERR_SSL_HTTP_REQUEST':
      return 'plain_http';
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return 'no_tls';
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_VERSION_TOO_LOW':
    case 'ERR_SSL_NO_SHARED_CIPHER':
    case 'ERR_SSL_NO_APPLICATION_PROTOCOL':
    case 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM':
      return 'not_agreed';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'disconnected';
    default:
      return /_ALERT_.*(UNKNOWN_CA|CERTIFICATE|ACCESS_DENIED)/.test(code ?? '')
        ? 'certificate_refused'
        : 'other';
  }
}
