/**
 * A client's WebSocket that is passed on to a provider's, frame by frame, such as `/realtime`. Nothing in it is read;
 * messages arrive whole, as fragments are put together on both sides.
 *
 * ```
 *   client ── messages ─▶ backlog (full: the client is not read) ─▶ provider
 *   client ◀─ flow (behind: the provider is not read) ◀─ messages ── provider
 *
 *   open ──either end closes, or we do──▶ closing ──both ends are gone──▶ closed
 * ```
 */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { CloseCode, toCloseReason, type CloseCodeValue } from '../frames/close-codes.ts';
import type { Tunnel } from '../provider/tunnel.ts';
import type { RouteGroup } from '../route/snapshot.ts';
import type { ConnectionTools } from './connection-tools.ts';
import type { TunnelRecord } from './facts.ts';
import { Flow } from './flow.ts';
import type { Guest } from './guest.ts';
import { InboundAccount } from './inbound-account.ts';
import { toLibraryClose } from './library-close.ts';
import { TunnelBacklog } from './tunnel-backlog.ts';
import { PROVIDER_LOST, toClientClose, toProviderClose, type ToldClose } from './tunnel-closes.ts';
import { TunnelLeave } from './tunnel-leave.ts';
import { TunnelLiveness } from './tunnel-liveness.ts';
import { TunnelOutbox } from './tunnel-outbox.ts';

export interface TunnelParts {
  readonly tools: ConnectionTools;
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly tunnel: Tunnel;
  readonly record: TunnelRecord;
  /** Of the group, as it was when the tunnel was opened. */
  readonly limits: RouteGroup['limits'];
  /** Both ends are gone; the last thing it calls. */
  readonly onClosed: () => void;
}

export class TunnelConnection implements Guest {
  /** No request waits here. */
  readonly queuedBytes = 0;
  readonly #parts: TunnelParts;
  readonly #flow: Flow;
  readonly #inbound: InboundAccount;
  readonly #backlog: TunnelBacklog;
  readonly #outbox: TunnelOutbox;
  readonly #liveness: TunnelLiveness;
  readonly #leave: TunnelLeave;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #isClientOpen = true;
  #isProviderOpen = true;

  constructor(parts: TunnelParts) {
    const { tools, ws, socket, tunnel, record, limits } = parts;
    const { flow, pingIntervalMs } = tools.settings;
    this.#parts = parts;
    this.#flow = new Flow(socket, flow, tools.clientSend, {
      onPause: () => tunnel.pause(),
      onResume: (ms) => {
        tools.facts({ kind: 'backpressure.ended', connectionId: record.id, ms });
        tunnel.resume();
      },
      onStalled: () => this.#end(CloseCode.policyViolation, 'client reads too slowly'),
    });
    this.#inbound = new InboundAccount(
      socket,
      tools.inbound,
      () => limits.maxMessageBytes,
      () => this.#refuseMore(),
    );
    this.#backlog = new TunnelBacklog(tunnel, flow, tools.inbound, {
      onFull: () => ws.pause(),
      onRoom: () => ws.resume(),
      onStalled: () => this.#loseProvider('provider reads too slowly'),
    });
    this.#outbox = new TunnelOutbox(ws, socket, this.#flow, record);
    const now = performance.now();
    this.#liveness = new TunnelLiveness(parts, pingIntervalMs, now, (rttMs) =>
      tools.facts({ kind: 'ping.answered', rttMs }),
    );
    this.#leave = new TunnelLeave(now, limits.maxConnectionAgeMs * (1 - 0.1 * Math.random()));
    this.#listenToClient();
    this.#listenToProvider();
    tools.facts({ kind: 'tunnel.opened', tunnel: record });
  }

  get isBusy(): boolean {
    return this.#leave.isBusy(performance.now());
  }

  retire(code: CloseCodeValue, reason: string): void {
    if (this.#state !== 'open') return;
    this.#leave.want({ code, reason });
    this.#leaveIfQuiet(performance.now());
  }

  /** There is no turn whose end could be waited for. */
  revoke(): void {
    this.#end(CloseCode.policyViolation, 'key revoked');
  }

  cut(): void {
    this.#end(CloseCode.serviceRestart, 'service restart');
  }

  terminate(): void {
    this.#dropProvider();
    this.#parts.ws.terminate();
    this.#finishIfGone();
  }

  beat(now: number): void {
    if (this.#state === 'closed') return;
    this.#flow.beat(now);
    this.#backlog.beat(now);
    if (this.#state !== 'open') return; // an end that does not answer its close is dropped by whoever has its socket
    const gone = this.#liveness.beat(now, {
      client: this.#flow.isBehind || this.#backlog.isFull,
      provider: this.#flow.isPaused || this.#backlog.isBehind,
    });
    if (gone === 'client') return this.#loseClient();
    if (gone === 'provider') return this.#loseProvider('no pong from the provider');
    this.#leaveIfQuiet(now);
  }

  #leaveIfQuiet(now: number): void {
    const close = this.#leave.due(now);
    if (close !== undefined) this.#end(close.code, close.reason);
  }

  #listenToClient(): void {
    const { ws, socket, tunnel, record } = this.#parts;
    ws.on('message', (data: Buffer, isBinary: boolean) => {
      this.#inbound.messageDone();
      if (!this.#isProviderOpen || this.#state !== 'open') return;
      record.framesIn++;
      record.bytesIn += data.length;
      this.#leave.heard();
      this.#guarded(() => {
        tunnel.send(data, isBinary);
        this.#backlog.wrote(data.length);
      });
    });
    ws.on('ping', (data: Buffer) => {
      this.#inbound.controlFrame(data.length);
      if (this.#state !== 'open') return;
      tunnel.ping(data);
      this.#backlog.wrote(data.length);
    });
    ws.on('pong', (data: Buffer) => {
      this.#inbound.controlFrame(data.length);
      if (this.#liveness.isClientsPong(data) || this.#state !== 'open') return;
      tunnel.pong(data);
      this.#backlog.wrote(data.length);
    });
    ws.on('error', (error) => this.#onLibraryError(error));
    ws.on('close', (code: number, reason: Buffer) => this.#clientClosed(code, reason.toString()));
    // sooner than 'close', which waits for what was not written yet, and for a reader
    socket.on('end', () => {
      if (socket.writableLength > 0) ws.terminate();
    });
  }

  #listenToProvider(): void {
    this.#parts.tunnel.listen({
      onMessage: (data, isBinary) => {
        this.#liveness.heardProvider();
        this.#guarded(() => {
          if (this.#outbox.message(data, isBinary)) this.#leave.heard();
        });
      },
      onPing: (data) => {
        this.#liveness.heardProvider();
        this.#outbox.ping(data);
      },
      onPong: (data) => {
        this.#liveness.heardProvider();
        if (!this.#liveness.isProvidersPong(data)) this.#outbox.pong(data);
      },
      onDrain: () => this.#backlog.drained(),
      onClose: (code, reason) => this.#providerClosed(code, reason),
    });
  }

  /** A mistake of ours ends this connection, and no other. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#parts.tools.facts({ kind: 'bridge.mistake', error });
      this.#end(CloseCode.internalError, 'internal error');
    }
  }

  #clientClosed(code: number, reason: string): void {
    if (!this.#isClientOpen) return;
    this.#isClientOpen = false;
    const { record } = this.#parts;
    const wasOpen = this.#state === 'open';
    record.closeCode ??= code;
    record.closeInitiator ??= code === 1006 ? 'network' : 'remote';
    record.endedBy ??= 'client';
    if (wasOpen) this.#closeProvider(toProviderClose(code, reason));
    this.#flow.close();
    this.#inbound.close();
    this.#finishIfGone();
  }

  #providerClosed(code: number, reason: string): void {
    if (!this.#isProviderOpen) return;
    this.#isProviderOpen = false;
    const { record } = this.#parts;
    this.#backlog.close();
    if (this.#state === 'open') {
      record.endedBy = 'provider';
      record.providerCloseCode = code;
      this.#closeClient(toClientClose(code, reason), code === 1006 ? 'provider lost' : 'provider closed');
    }
    this.#finishIfGone();
  }

  /** Frames that are none, or too large: the library has closed towards the client. */
  #onLibraryError(error: Error & { readonly code?: unknown }): void {
    const close = toLibraryClose(error);
    if (close === undefined || this.#state !== 'open') return;
    const { record, tools } = this.#parts;
    record.closeCode = close.code;
    record.closeInitiator = 'local';
    record.closeReason = close.reason;
    record.endedBy = 'client';
    if (close.code === CloseCode.messageTooBig) {
      tools.facts({ kind: 'frame.refused', connectionId: record.id, reason: 'frame_too_large' });
    }
    this.#inbound.discard();
    this.#closeProvider(toProviderClose(1006, ''));
  }

  /** Ends both sides by our own decision. */
  #end(code: CloseCodeValue, reason: string): void {
    if (this.#state !== 'open') return;
    this.#parts.record.endedBy = 'bridge';
    this.#closeClient({ code, reason }, reason);
    this.#closeProvider({ code: CloseCode.normal, reason: '' });
  }

  /** @param why Ours, for the record: what a provider says as its reason goes to the client alone. */
  #closeClient({ code, reason }: ToldClose, why: string): void {
    this.#startClosing();
    const { ws, record } = this.#parts;
    record.closeCode = code;
    record.closeInitiator = 'local';
    record.closeReason = why;
    this.#outbox.flush(); // what came before the close goes before it
    ws.close(code, toCloseReason(reason));
    ws.resume(); // for its answer
  }

  #closeProvider({ code, reason }: ToldClose): void {
    this.#startClosing();
    if (!this.#isProviderOpen) return;
    this.#parts.tunnel.close(code, reason);
  }

  #startClosing(): void {
    if (this.#state === 'open') this.#state = 'closing';
  }

  #dropProvider(): void {
    if (!this.#isProviderOpen) return;
    this.#isProviderOpen = false;
    this.#backlog.close();
    this.#parts.tunnel.terminate();
  }

  /** It does not answer, or takes nothing: a close frame would not reach it. */
  #loseProvider(why: string): void {
    this.#dropProvider();
    if (this.#state !== 'open') return this.#finishIfGone();
    this.#parts.record.endedBy = 'provider';
    this.#parts.record.providerCloseCode = 1006;
    this.#closeClient(PROVIDER_LOST, why);
  }

  /** The peer is gone without a word: there is nobody to send a close frame to. */
  #loseClient(): void {
    this.#parts.record.closeReason = 'no pong';
    this.#parts.ws.terminate();
  }

  /** There is no memory for what this client sends. Its answer to the close is not waited for: it would not be read. */
  #refuseMore(): void {
    this.#end(CloseCode.tryAgainLater, 'out of memory for inbound messages (--inbound-budget)');
    this.#inbound.discard();
    this.#parts.socket.end();
  }

  #finishIfGone(): void {
    if (this.#state === 'closed' || this.#isClientOpen || this.#isProviderOpen) return;
    this.#state = 'closed';
    const { record, tools, onClosed } = this.#parts;
    record.closedAt = performance.now();
    tools.facts({ kind: 'tunnel.closed', tunnel: record });
    onClosed();
  }
}
