/** What a transport tells of its connections, beside what each attempt hears. */

export type SocketFact =
  | {
      readonly kind: 'provider-socket.opened';
      readonly route: string;
      readonly provider: string;
      readonly use: 'turns' | 'tunnel';
    }
  | {
      readonly kind: 'provider-socket.closed';
      readonly route: string;
      readonly provider: string;
      readonly use: 'turns' | 'tunnel';
      readonly reason: SocketCloseReason;
      /** Undefined where TCP ended without a close frame. */
      readonly closeCode: number | undefined;
      readonly ageMs: number;
      readonly turns: number;
    };

/** Why a provider's WebSocket came to its end. */
export type SocketCloseReason =
  | 'aborted' // its turn was not wanted any more
  | 'age' // limits.maxConnectionAgeSeconds
  | 'idle' // nobody used it for long
  | 'owner' // its client connection has ended
  | 'stale' // another fingerprint: credentials, headers or address have changed
  | 'pool' // pushed out by the bound on idle sockets
  | 'remote' // the provider closed it
  | 'lost' // reset, or no answer to pings
  | 'protocol' // it sent what cannot be passed on
  | 'shutdown';

/** Hears facts as they happen. Must not throw and must not block. */
export type SocketFactListener = (fact: SocketFact) => void;

/** Connections to providers as they are now; for metrics, at each scrape. */
export interface ProviderConnections {
  readonly provider: string;
  readonly route: string;
  readonly transport: 'http' | 'websocket';
  readonly active: number;
  readonly idle: number;
}
