/**
 * The listening socket: upgrades become connections, requests become turns, relays or refusals. Owns every
 * connection and request until it ends.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ErrorAnswer } from '../frames/errors.ts';
import { chooseGroup } from '../route/match.ts';
import type { Snapshot } from '../route/snapshot.ts';
import type { Turn } from '../turn/turn.ts';
import { admit, type AdmissionContext } from './admission.ts';
import { AdmissionCounts } from './admission-counts.ts';
import { AnswersDue } from './answers-due.ts';
import type { ConnectionTools } from './connection-tools.ts';
import type { HandshakeResult } from './facts.ts';
import { Guests, type Arrival } from './guests.ts';
import { Heartbeat } from './heartbeat.ts';
import { answerError } from './answer-error.ts';
import { serveHttpTurn } from './http-turn.ts';
import { groupOf, toHandshakeRecord, type HandshakeSource } from './handshake-record.ts';
import {
  ALLOWED_METHODS,
  limitReached,
  MISTAKE,
  UPGRADE_REQUIRED,
  WRONG_METHOD,
} from './listener-answers.ts';
import { newClient } from './new-client.ts';
import { answerClientError } from './raw-answer.ts';
import { relay } from './relay.ts';
import { ClientGone } from './read-body.ts';
import { readRequestHead, type RequestHead } from './request-head.ts';
import { ambiguityOf, asksForWebSocket } from './request-shape.ts';
import { TlsDoor, type Identity } from './tls-door.ts';
import { Upgrades } from './upgrades.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Speaks TLS, with what `present` is given; it has to be called before `listen` then. */
  readonly isSecure: boolean;
  /** Most connections and HTTP requests at a time (`--max-connections`). */
  readonly maxConnections: number;
  /** Names this installation to others in a chain, and to itself in a circle. */
  readonly installationId: string;
  readonly tools: ConnectionTools;
}

/** All headers of a request; Codex's `x-codex-turn-metadata` alone may have several KiB. */
const MAX_HEADER_BYTES = 64 * 1024;
/** How long a client may take to send its request's head. */
const HEAD_TIMEOUT_MS = 10_000;
/** How long a client may take to send a whole HTTP request; sockets are not concerned. */
const BODY_TIMEOUT_MS = 120_000;
/** How long an idle HTTP connection is kept: longer than the usual 60 s of balancers. */
const KEEP_ALIVE_MS = 75_000;
/** TCP connections beyond those that are admitted: such that have not said what they want yet. */
const MAX_UNDECIDED_SOCKETS = 1_024;

export class ClientListener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  /** Undefined: plain HTTP. */
  readonly #tls: TlsDoor | undefined;
  readonly #heartbeat = new Heartbeat((error) =>
    this.#options.tools.facts({ kind: 'bridge.mistake', error }),
  );
  readonly #counts: AdmissionCounts;
  readonly #answersDue: AnswersDue;
  readonly #guests: Guests;
  readonly #upgrades: Upgrades;
  readonly #httpTurns = new Set<Turn>();
  readonly #onEmpty: (() => void)[] = [];
  #httpRequests = 0;
  #snapshot: Snapshot | undefined;
  #isDraining = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#counts = new AdmissionCounts(options.maxConnections);
    this.#answersDue = new AnswersDue(() => this.#leftOne(), options.tools.settings.partingMs);
    this.#guests = new Guests(options.tools, this.#heartbeat, () => this.#leftOne());
    this.#upgrades = new Upgrades({
      tools: options.tools,
      counts: this.#counts,
      guests: this.#guests,
      context: () => this.#context(this.#isDraining),
      announceRefusal: (...refused) => this.#announceRefusal(...refused),
      onLeft: () => this.#leftOne(),
    });
    const http: ServerOptions = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: BODY_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      noDelay: true,
      // an upgrade to anything else (h2c) is ignored, as RFC 9110 7.8 says, and the request served; so is one behind
      // a request that has no answer yet: the 101 would come before that answer
      shouldUpgradeCallback: (request) =>
        asksForWebSocket(request) && !this.#answersDue.isAnswering(request.socket),
    };
    this.#tls = options.isSecure
      ? new TlsDoor(http, (reason) => options.tools.facts({ kind: 'tls.failed', reason }))
      : undefined;
    this.#server = this.#tls?.server ?? createServer(http);
    this.#server.maxConnections = options.maxConnections + MAX_UNDECIDED_SOCKETS;
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#onUpgrade(request, socket as Socket, head),
    );
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#onRequest(request, response).catch((error: unknown) => this.#onRequestFailed(response, error));
    });
    this.#server.on('clientError', (error, socket: Duplex) => this.#onClientError(error, socket as Socket));
  }

  /** Begins to listen. Rejects when the address cannot be had. */
  async listen(): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(this.#options.port, this.#options.host, resolve);
    await promise;
    this.#server.off('error', reject);
    return this.#server.address() as AddressInfo;
  }

  /** The certificate of handshakes from now on; nobody who is connected notices. */
  present(identity: Identity): void {
    this.#tls?.use(identity);
  }

  /** Connections, and HTTP requests under way. */
  get connections(): number {
    return this.#counts.total;
  }

  /** Bytes of requests that wait in lanes; for metrics, at each scrape. */
  get laneQueueBytes(): number {
    return this.#guests.queuedBytes;
  }

  /** Serves another snapshot from now on; connections are judged again by it. */
  use(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    void this.#guests.admitAgain(this.#context(false));
  }

  /** Takes what comes, but promises no HTTP connection to be kept: the next request finds another process. */
  leave(): void {
    this.#answersDue.leave();
  }

  /** Refuses what is new from now on and lets the rest finish. Resolves when nothing is left. */
  async drain(spreadMs: number): Promise<void> {
    this.#answersDue.part();
    this.#isDraining = true;
    this.#guests.drain(spreadMs);
    this.#server.closeIdleConnections();
    if (this.#isEmpty) return;
    await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }

  /** Ends every turn and connection now. */
  cut(): void {
    this.#isDraining = true;
    for (const turn of this.#httpTurns) turn.cut();
    this.#upgrades.cut();
    this.#guests.cut();
  }

  /** Stops listening and drops what is still there. May be called twice, and without `listen`. */
  async close(): Promise<void> {
    this.#heartbeat.stop();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    this.#tls?.destroy();
    this.#guests.terminate();
    await promise;
  }

  get #isEmpty(): boolean {
    const { parting } = this.#answersDue;
    return this.#guests.size + this.#upgrades.size + this.#httpRequests + parting === 0;
  }

  #context(isDraining: boolean): AdmissionContext {
    return { snapshot: this.#snapshot, isDraining, installationId: this.#options.installationId };
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, firstBytes: Buffer): void {
    socket.on('error', ignoreReset);
    try {
      this.#upgrades.take(request, socket, firstBytes);
    } catch (error) {
      this.#options.tools.facts({ kind: 'bridge.mistake', error });
      socket.destroy();
    }
  }

  #announceRefusal(
    source: Omit<HandshakeSource, 'group'>,
    result: HandshakeResult,
    { status }: ErrorAnswer,
  ): void {
    const { tools } = this.#options;
    const group = source.head && groupOf(this.#snapshot, source.head);
    const handshake = toHandshakeRecord({ ...source, group }, result, status, tools.settings.clientAddress);
    tools.facts({ kind: 'handshake', handshake });
  }

  #onClientError(error: Error, socket: Socket): void {
    if (this.#answersDue.isAnswering(socket)) socket.destroy();
    else answerClientError(error, socket);
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const order = await this.#answersDue.turnOf(request, response);
    if (order === 'gone') return;
    response.on('error', ignoreReset);
    const startedAt = performance.now();
    const address = request.socket.remoteAddress; // now: a request that is not read to its end has no socket any more
    const refuse = (result: HandshakeResult, answer: ErrorAnswer, asked?: RequestHead): void => {
      this.#announceRefusal({ via: 'http', startedAt, address, head: asked }, result, answer);
      answerError(response, answer);
    };
    const ambiguity = ambiguityOf(request);
    if (ambiguity !== undefined) {
      response.shouldKeepAlive = false; // what follows on this connection may be the rest of this request
      return refuse('bad_request', ambiguity);
    }
    const head = readRequestHead(request);
    if (this.#answerLook(head, response)) return;
    // a connection that takes another request while the process drains was promised to be kept: this is its last one
    const admission = admit(head, false, this.#context(this.#isDraining && order === 'first'));
    if (admission.kind === 'refused') return refuse(admission.result, admission.answer, head);
    const place = this.#counts.enter(admission.group, admission.identity.countKey);
    if (typeof place === 'string') return refuse('limited', limitReached(place, admission), head);
    this.#httpRequests++;
    try {
      await this.#serve(request, response, { head, admitted: admission, startedAt, address });
    } finally {
      place.leave();
      this.#httpRequests--;
      this.#leftOne();
    }
  }

  /** Reading a request fails when its client goes away; everything else is a mistake of ours. */
  #onRequestFailed(response: ServerResponse, error: unknown): void {
    if (error instanceof ClientGone) return;
    this.#options.tools.facts({ kind: 'bridge.mistake', error });
    answerError(response, MISTAKE);
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    {
      head,
      admitted,
      startedAt,
      address,
    }: Omit<Arrival, 'place' | 'onSeated'> & { readonly address: string | undefined },
  ): Promise<void> {
    const { tools } = this.#options;
    if (admitted.rest !== '/responses') {
      return relay(request, response, { tools, heartbeat: this.#heartbeat, head, admitted });
    }
    if (head.method !== 'POST') return answerError(response, WRONG_METHOD, ALLOWED_METHODS);
    let served: Turn | undefined;
    try {
      await serveHttpTurn(request, response, {
        tools,
        heartbeat: this.#heartbeat,
        client: newClient(head, admitted, 'http'),
        group: admitted.group,
        onAnswered: this.#guests.noting(admitted),
        onRefused: (answer) => {
          const result = answer.status === 503 ? 'limited' : 'bad_request';
          this.#announceRefusal({ via: 'http', startedAt, address, head }, result, answer);
        },
        onTurn: (turn) => this.#httpTurns.add((served = turn)),
      });
    } finally {
      if (served !== undefined) this.#httpTurns.delete(served);
    }
  }

  /** HEAD and GET on the turns' path: what a person or `codex doctor` tries, without a key. */
  #answerLook(head: RequestHead, response: ServerResponse): boolean {
    if (head.method !== 'GET' && head.method !== 'HEAD') return false;
    const chosen = this.#snapshot && chooseGroup(this.#snapshot, head.host, head.path);
    if (chosen?.rest !== '/responses') return false;
    if (head.method === 'HEAD') answerError(response, WRONG_METHOD, ALLOWED_METHODS);
    else answerError(response, UPGRADE_REQUIRED, { upgrade: 'websocket', connection: 'upgrade' });
    return true;
  }

  #leftOne(): void {
    if (!this.#isEmpty) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}

/** A client that is gone: its connection's own 'close' does the rest. */
function ignoreReset(): void {}
