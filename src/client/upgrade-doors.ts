/** The WebSocket library's side of an upgrade: the 101, and a limit on messages that differs by route. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer, type ServerOptions } from 'ws';
import { reasonOfLibraryClose } from './library-close.ts';
import { chooseSubprotocol } from './subprotocol.ts';

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

/** Different limits of messages at a time; with each reload that changes one, the longest unused goes. */
const MAX_DOORS = 64;

export class UpgradeDoors {
  /** One per limit, least recently used first: routes have few different ones. */
  readonly #doors = new Map<number, WebSocketServer>();

  /** Answers 101 and gives the socket; or answers 4xx when the handshake is none (then `then` is not called). */
  open(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    maxMessageBytes: number,
    then: (ws: WebSocket) => void,
  ): void {
    this.#doorFor(maxMessageBytes).handleUpgrade(request, socket, head, then);
  }

  #doorFor(maxMessageBytes: number): WebSocketServer {
    const known = this.#doors.get(maxMessageBytes);
    if (known !== undefined) {
      this.#doors.delete(maxMessageBytes);
      this.#doors.set(maxMessageBytes, known);
      return known;
    }
    const options: Options = {
      noServer: true,
      WebSocket: ClientSocket,
      clientTracking: false,
      perMessageDeflate: false, // costs more CPU than the network saves (docs/decisions/0005)
      maxPayload: toMaxReceivedBytes(maxMessageBytes),
      maxFragments: MAX_FRAGMENTS,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offered) => {
        const choice = chooseSubprotocol([...offered]);
        return choice.kind === 'selected' ? choice.name : false;
      },
    };
    const door = new WebSocketServer(options);
    this.#doors.set(maxMessageBytes, door);
    for (const oldest of this.#doors.keys()) {
      if (this.#doors.size <= MAX_DOORS) break;
      this.#doors.delete(oldest); // it holds nothing: the sockets it has opened live on without it
    }
    return door;
  }
}
