/** What a WebSocket to a provider knows of those who use it. */
import type { AttemptEnd, Dial, ProviderAnswer } from './provider.ts';
import type { ProviderSocket } from './provider-socket.ts';
import type { SocketLoss } from './socket-close.ts';

/** An attempt, as its socket knows it. Nothing is told before it has its seat, nor after it has left it. */
export interface Rider {
  /** An event has come for it. */
  readonly hasHeard: boolean;
  /** The last that came for it was an `error`. */
  readonly wasRefused: boolean;
  /** The socket was dialled for those who wait for it, of whom one is told of the dial. */
  onDialled(dial: Dial | undefined): void;
  /** The socket takes its frame now. */
  onOpen(answer: ProviderAnswer): void;
  onMessage(payload: Buffer): void;
  /** What came is the end of a response, maybe that of the turn before: what follows cannot be told apart. */
  onDoubtful(): void;
  onRefused(end: Extract<AttemptEnd, { kind: 'refused' }>): void;
  onLost(loss: SocketLoss): void;
}

/** Whoever keeps a socket for its turns. */
export interface SocketHolder {
  /** It takes no further turns. */
  gone(socket: ProviderSocket): void;
}
