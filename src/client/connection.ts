/**
 * One client's socket, from the 101 to the close: reads frames, hands them to the conversation, writes events,
 * keeps the line alive, closes once.
 *
 * ```
 *   open ──retire──▶ retiring ──last turn ended──▶ closing ──▶ closed
 *     │   (drain, age, key revoked)                   ▲            ▲
 *     └────── idle: at once ──────────────────────────┘            │
 *     └────── the peer closes, resets or is gone ──────────────────┘
 * ```
 * The end or reset of TCP ends every turn at once, in whatever state.
 */
import { eventTypeOf } from '../events/event-type.ts';
import { refusal } from '../frames/errors.ts';
import { CloseCode, toCloseReason, type CloseCodeValue } from '../frames/close-codes.ts';
import { KEEPALIVE_EVENT } from '../frames/server-events.ts';
import type { RouteGroup } from '../route/snapshot.ts';
import type { ProviderSockets } from '../provider/provider.ts';
import { Conversation } from '../turn/conversation.ts';
import type { ConnectionParts } from './connection-tools.ts';
import type { CloseInitiator, ConnectionRecord } from './facts.ts';
import { Flow } from './flow.ts';
import { FrameReader } from './frame-reader.ts';
import type { Beating } from './heartbeat.ts';
import { InboundAccount } from './inbound-account.ts';
import { openLaneSink } from './lane-sink.ts';
import { toLibraryClose } from './library-close.ts';
import { Liveness } from './liveness.ts';
import { Outbox } from './outbox.ts';
import { toSocketOwner } from './socket-owner.ts';
import { toMaxReceivedBytes } from './upgrade-doors.ts';

type State = 'open' | 'retiring' | 'closing' | 'closed';

const KEEPALIVE_TYPE = eventTypeOf(KEEPALIVE_EVENT);

const KEY_REVOKED = refusal('invalid_api_key', 'This key was revoked while the turn waited.');

export class Connection implements Beating {
  readonly record: ConnectionRecord;
  readonly #parts: ConnectionParts;
  readonly #outbox: Outbox;
  readonly #flow: Flow;
  readonly #inbound: InboundAccount;
  readonly #liveness: Liveness;
  readonly #sockets: ProviderSockets;
  readonly #conversation: Conversation;
  readonly #frames: FrameReader;
  readonly #retireAt: number;
  #state: State = 'open';
  #close: { readonly code: number; readonly reason: string } | undefined;

  constructor(parts: ConnectionParts) {
    const { tools, ws, socket, client, record } = parts;
    this.#parts = parts;
    this.record = record;
    this.#flow = new Flow(socket, tools.settings.flow, tools.clientSend, {
      onPause: () => this.#conversation.pause(),
      onResume: (ms) => {
        tools.facts({ kind: 'backpressure.ended', connectionId: record.id, ms });
        this.#conversation.resume();
        ws.resume();
      },
      onStalled: () => this.#giveUp(CloseCode.policyViolation, 'client reads too slowly', 'slow_consumer'),
    });
    this.#outbox = new Outbox(ws, socket, this.#flow, tools);
    this.#inbound = new InboundAccount(
      socket,
      tools.inbound,
      () => toMaxReceivedBytes(parts.group().limits.maxMessageBytes),
      () => this.#refuseMore(),
    );
    const now = performance.now();
    this.#liveness = new Liveness(ws, socket, tools.settings.pingIntervalMs, now, (rttMs) =>
      tools.facts({ kind: 'ping.answered', rttMs }),
    );
    // a tenth of jitter: connections that were opened together are not closed together
    this.#retireAt = now + parts.group().limits.maxConnectionAgeMs * (1 - 0.1 * Math.random());
    this.#sockets = tools.turnTools.transport.openSockets(toSocketOwner(client));
    this.#conversation = new Conversation({
      tools: tools.turnTools,
      client,
      transcripts: tools.transcripts.open(record.id, () => maxTranscriptBytes(parts.group())),
      sockets: this.#sockets,
      group: parts.group,
      sinkFor: (streamId) => openLaneSink(this.#outbox, streamId, parts.isCodexDialect, parts.onAnswered),
      onIdle: () => this.#becameIdle(),
    });
    this.#frames = new FrameReader({
      tools,
      record,
      group: parts.group,
      conversation: this.#conversation,
      outbox: this.#outbox,
      inbound: this.#inbound,
      takesTurns: () => this.#state === 'open',
    });
    this.#listen();
    tools.facts({ kind: 'connection.opened', connection: record });
  }

  get isBusy(): boolean {
    return this.#conversation.isBusy;
  }

  /** Bytes of requests that wait in lanes. */
  get queuedBytes(): number {
    return this.#conversation.queuedBytes;
  }

  /** Closes as soon as no turn runs: at once when none does. New requests are told to open another connection. */
  retire(code: CloseCodeValue, reason: string): void {
    if (this.#state !== 'open') return;
    this.#close = { code, reason };
    this.#state = 'retiring';
    if (!this.isBusy) this.#closeNow();
  }

  /** Its key is no client's any more: turns that wait are refused, a running one may end, then it closes. */
  revoke(): void {
    if (this.#state !== 'open') return;
    this.#conversation.rejectWaiting(KEY_REVOKED);
    this.retire(CloseCode.policyViolation, 'key revoked');
  }

  /** The drain's deadline: running turns are ended, then it closes. */
  cut(): void {
    if (this.#state === 'closed') return;
    this.#close ??= { code: CloseCode.serviceRestart, reason: 'service restart' };
    this.#conversation.cut();
    this.#closeNow();
  }

  /** Ends everything without a word: the process leaves. */
  terminate(): void {
    this.#parts.ws.terminate();
  }

  beat(now: number): void {
    if (this.#state === 'closed') return;
    this.#flow.beat(now);
    if (this.#flow.isBehind) this.#liveness.hold(now);
    else if (!this.#liveness.beat(now)) return this.#lost('no pong');
    const { keepaliveMs } = this.#parts.tools.settings;
    // a client that is behind has something to read
    const isQuiet = keepaliveMs > 0 && now - this.#outbox.lastTextAt >= keepaliveMs && !this.#flow.isBehind;
    if (isQuiet && this.#parts.isCodexDialect && this.isBusy)
      this.#outbox.send(KEEPALIVE_EVENT, KEEPALIVE_TYPE);
    if (now >= this.#retireAt) this.retire(CloseCode.serviceRestart, 'maximum connection age');
  }

  #listen(): void {
    const { ws, socket } = this.#parts;
    ws.on('message', (data: Buffer, isBinary: boolean) => {
      try {
        this.#onMessage(data, isBinary);
      } catch (error) {
        this.#parts.tools.facts({ kind: 'bridge.mistake', error });
        this.#giveUp(CloseCode.internalError, 'internal error');
      }
    });
    ws.on('ping', (data: Buffer) => {
      this.#inbound.controlFrame(data.length);
      this.#readNoFaster(); // the library has answered it
    });
    ws.on('pong', (data: Buffer) => {
      this.#inbound.controlFrame(data.length);
      this.#liveness.ponged(performance.now());
    });
    ws.on('error', (error) => this.#onLibraryError(error));
    ws.on('close', (code: number) => this.#closed(code));
    // sooner than 'close', which waits for what was not written yet
    socket.on('end', () => this.#peerEnded());
    socket.on('close', () => this.#conversation.disconnect());
  }

  /** A FIN: nobody is left to read what was not written yet, and waiting for that could take for ever. */
  #peerEnded(): void {
    this.#conversation.disconnect();
    if (this.#parts.socket.writableLength > 0) this.#parts.ws.terminate();
  }

  /** Protocol violations, and messages so large that the library will not hold them: it has closed already. */
  #onLibraryError(error: Error & { readonly code?: unknown }): void {
    const close = toLibraryClose(error);
    if (close !== undefined && this.#state !== 'closed') {
      this.#close = close;
      this.#state = 'closing';
      this.#inbound.discard();
    }
    if (close?.code === CloseCode.messageTooBig) {
      this.#parts.tools.facts({
        kind: 'frame.refused',
        connectionId: this.record.id,
        reason: 'frame_too_large',
      });
    }
    this.#conversation.disconnect();
  }

  #onMessage(bytes: Buffer, isBinary: boolean): void {
    const { record } = this;
    const { ws, tools } = this.#parts;
    this.#inbound.messageDone();
    record.framesIn++;
    record.bytesIn += bytes.length;
    tools.counts.bytesIn += bytes.length;
    // the library also hands over what it finds in a socket that has ended
    if (!this.#isServing || ws.readyState !== ws.OPEN) return;
    this.#frames.read(bytes, isBinary);
    this.#readNoFaster();
  }

  /**
   * A client that does not read is not read either: else it could have any amount of answers wait for it. It is its
   * next frame that stops the reading, so that one which only listens is still heard when it leaves.
   */
  #readNoFaster(): void {
    if (this.#flow.isPaused && this.#isServing) this.#parts.ws.pause();
  }

  get #isServing(): boolean {
    return this.#state === 'open' || this.#state === 'retiring';
  }

  #becameIdle(): void {
    if (this.#state === 'retiring') this.#closeNow();
  }

  #closeNow(): void {
    if (!this.#isServing) return;
    this.#state = 'closing';
    const { code, reason } = this.#close ?? { code: CloseCode.internalError, reason: '' };
    const { ws } = this.#parts;
    this.#outbox.flush();
    ws.close(code, toCloseReason(reason));
    ws.resume(); // for the client's answer; its frames count no more
  }

  /** Ends a connection that cannot be served any more: the turns first, then the close. */
  #giveUp(code: CloseCodeValue, reason: string, errorType?: 'slow_consumer'): void {
    if (!this.#isServing) return;
    this.#close = { code, reason };
    this.#conversation.disconnect(errorType);
    this.#closeNow();
  }

  /** There is no memory for what this client sends. Its answer to the close is not waited for: it would not be read. */
  #refuseMore(): void {
    this.#giveUp(CloseCode.tryAgainLater, 'out of memory for inbound messages (--inbound-budget)');
    this.#inbound.discard();
    this.#parts.socket.end();
  }

  /** The peer is gone without a word: there is nobody to send a close frame to. */
  #lost(reason: string): void {
    this.#close = { code: CloseCode.serviceRestart, reason };
    this.#conversation.disconnect();
    this.#parts.ws.terminate();
  }

  #closed(code: number): void {
    if (this.#state === 'closed') return;
    const wasClosing = this.#state === 'closing';
    this.#state = 'closed';
    this.#conversation.disconnect();
    this.#sockets.close();
    this.#flow.close();
    this.#inbound.close();
    const { record } = this;
    record.bytesOut = this.#outbox.bytes;
    record.turns = this.#conversation.turns;
    record.closedAt = performance.now();
    record.closeInitiator = initiatorOf(code, wasClosing);
    record.closeCode = wasClosing ? this.#close?.code : code;
    record.closeReason = this.#close?.reason;
    this.#parts.tools.facts({ kind: 'connection.closed', connection: record });
    this.#parts.onClosed();
  }
}

function initiatorOf(code: number, wasClosing: boolean): CloseInitiator {
  if (wasClosing) return 'local';
  return code === 1006 ? 'network' : 'remote';
}

/** A connection may remember as much as the most generous of its group's routes allows. */
function maxTranscriptBytes(group: RouteGroup): number {
  let most = 0;
  for (const route of group.routes) most = Math.max(most, route.continuation.maxBytesPerConnection);
  return most;
}
