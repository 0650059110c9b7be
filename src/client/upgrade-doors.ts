/** The WebSocket library's side of an upgrade: the 101 and what stands on it, and a limit on messages that differs by route. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer, type ServerOptions } from 'ws';
import { reasonOfLibraryClose } from './library-close.ts';

/**
 * A frame up to a quarter above the route's limit is still read, so that it can be answered with an error that
 * says so; beyond that the library closes with 1009 and holds no more of it.
 */
const OVERSIZE_FACTOR = 1.25;
/** Fragments of one message: each costs some 130 bytes that no budget sees, and nobody's honest message has more. */
const MAX_FRAGMENTS = 16_384;
/** How long a peer may take to answer our close frame: the Codex CLI never does (measured). */
const CLOSE_TIMEOUT_MS = 5_000;

/** Options of ws 8.23 that its types do not have yet. */
type Options = ServerOptions & { readonly closeTimeout: number; readonly maxFragments: number };

/** The largest message that is read at all, for a route's `limits.maxMessageBytes`. */
export function toMaxReceivedBytes(maxMessageBytes: number): number {
  return Math.floor(maxMessageBytes * OVERSIZE_FACTOR);
}

/** The library closes by itself where a peer breaks the protocol, and says no more than a code. We say why. */
class ClientSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason ?? reasonOfLibraryClose(code));
  }
}

/** What is answered, and how the socket reads from then on. */
export interface Welcome {
  /** Longest message; beyond it the library closes with 1009. */
  readonly maxReceivedBytes: number;
  /** False: pings are handed over, and whoever has the socket answers them. */
  readonly answersPings: boolean;
  /** One of those that the client offers, or none. */
  readonly protocol: string | undefined;
  /** Further headers of the 101; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Different ways of reading at a time; with each reload that changes a limit, the longest unused goes. */
const MAX_DOORS = 64;

export class UpgradeDoors {
  /** One per way of reading, least recently used first: routes have few different ones. */
  readonly #doors = new Map<string, WebSocketServer>();
  /** The library asks for them again while it writes its 101. */
  readonly #welcomes = new WeakMap<IncomingMessage, Welcome>();

  /** Answers 101 and gives the socket; or answers 4xx when the handshake is none (then `then` is not called). */
  open(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    welcome: Welcome,
    then: (ws: WebSocket) => void,
  ): void {
    this.#welcomes.set(request, welcome);
    this.#doorFor(welcome).handleUpgrade(request, socket, head, then);
  }

  #doorFor({ maxReceivedBytes, answersPings }: Welcome): WebSocketServer {
    const name = `${maxReceivedBytes} ${answersPings}`;
    const door = this.#doors.get(name) ?? this.#newDoor(maxReceivedBytes, answersPings);
    this.#doors.delete(name);
    this.#doors.set(name, door);
    for (const oldest of this.#doors.keys()) {
      if (this.#doors.size <= MAX_DOORS) break;
      this.#doors.delete(oldest); // it holds nothing: the sockets it has opened live on without it
    }
    return door;
  }

  #newDoor(maxPayload: number, autoPong: boolean): WebSocketServer {
    const options: Options = {
      noServer: true,
      WebSocket: ClientSocket,
      clientTracking: false,
      perMessageDeflate: false, // costs more CPU than the network saves (docs/decisions/0005)
      maxPayload,
      autoPong,
      maxFragments: MAX_FRAGMENTS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (_offered, request) => this.#welcomes.get(request)?.protocol ?? false,
    };
    const door = new WebSocketServer(options);
    door.on('headers', (lines, request) => {
      const { headers = {} } = this.#welcomes.get(request) ?? {};
      for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    });
    return door;
  }
}
