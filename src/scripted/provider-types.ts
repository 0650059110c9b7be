/** What a scripted provider is asked for, and what it tells. */
import type { ScriptLike } from './choose-answer.ts';
import type { ControlFrame, RecordedRequest } from './recorded-request.ts';
import type { PreviousIds } from './script.ts';
import type { Handshake } from './upgrade-door.ts';
import type { WebSocketChoice } from './websocket-settings.ts';

export interface ScriptedProviderOptions {
  /** Left out: 127.0.0.1. */
  readonly host?: string;
  /** Left out, or 0: one that is free. */
  readonly port?: number;
  /** Left out: `hello`. */
  readonly script?: ScriptLike;
  /** Called when a request was read, before it is answered. Must not throw. */
  readonly onRequest?: (request: RecordedRequest) => void;
  /** How many requests are remembered. Left out: 1000. */
  readonly maxRequests?: number;
  /** How WebSockets behave, whatever the script says. Left out: as the script says, else `off`. */
  readonly webSocket?: WebSocketChoice;
  /** Over HTTP, whatever the script says. Left out: as the script says, else `ignored`. */
  readonly previousIds?: PreviousIds;
  /** Whether the events of each answer are remembered with its request: for tests with short answers. Left out: false. */
  readonly keepsSent?: boolean;
  /** Called when an upgrade was answered. Must not throw. */
  readonly onUpgrade?: (handshake: Handshake) => void;
}

export interface ScriptedProvider extends AsyncDisposable {
  /** The base URL: `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  readonly port: number;
  /** Oldest first; the oldest are forgotten. */
  readonly requests: readonly RecordedRequest[];
  /** TCP connections so far. */
  readonly connections: number;
  readonly openConnections: number;
  /** The first request, past or future, that the predicate accepts (left out: any). Rejects after `timeoutMs` [5000]. */
  waitForRequest(
    predicate?: (request: RecordedRequest) => boolean,
    timeoutMs?: number,
  ): Promise<RecordedRequest>;
  /** Upgrades asked for so far. */
  readonly upgrades: number;
  /** The upgrades, oldest first; the oldest are forgotten. */
  readonly handshakes: readonly Handshake[];
  /** WebSockets opened so far. */
  readonly sockets: number;
  readonly openSockets: number;
  /** Frames other than `response.create`, oldest first; the oldest are forgotten. */
  readonly controlFrames: readonly ControlFrame[];
  /** Closes every WebSocket that is open, with a code [1001] and a reason. */
  closeSockets(code?: number, reason?: string): void;
  /** Ends every WebSocket that is open with a TCP reset. */
  resetSockets(): void;
  /** Lets every WebSocket that is open neither read nor write, without closing it: it stays open here even when its client goes. */
  muteSockets(): void;
  /** Other WebSockets from the next upgrade on. */
  useWebSocket(choice: WebSocketChoice): void;
  /** Another script from the next request on. Throws RangeError for an unknown name. */
  use(script: ScriptLike): void;
  /** Ends every connection now. May be called twice. */
  close(): Promise<void>;
}
