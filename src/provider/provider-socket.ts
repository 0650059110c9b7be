/**
 * One WebSocket to a provider, as a state machine. Its owner and its turns act upon it, the provider answers; it ends
 * once, by {@link ProviderSocket.close} or by itself.
 *
 * ```
 *                101                      take()
 *  dialling ───────────► open, idle ◄────────────────► open, busy
 *     │                       │     release(), abandon()    │
 *     │ refused, failed,      │ idle, age, owner, …         │ aborted, protocol
 *     │ not wanted any more   ▼                             │
 *     │                    closing ◄────────────────────────┘ our close frame
 *     ▼                       │ answered, or 1 s
 *  closed ◄───────────────────┴───────────── from everywhere: the provider closes, or is lost
 * ```
 */
import type { CompiledProvider, CompiledRoute } from '../route/snapshot.ts';
import { LaneSeats } from './lane-seats.ts';
import type { ProviderAnswer, SendResult } from './provider.ts';
import { toClientHeaders } from './response-headers.ts';
import { lossByClose, lossOf, NORMAL_CLOSE, type SocketLoss } from './socket-close.ts';
import { dialWebSocket, type SocketDialResult } from './socket-dial.ts';
import type { SocketCloseReason } from './socket-facts.ts';
import { carriesLanes, type Handshake, toTurnDial } from './socket-handshake.ts';
import type { Beating } from './socket-heartbeat.ts';
import type { Rider, SocketHolder } from './socket-rider.ts';
import type { SocketTools } from './socket-tools.ts';
import { SocketWire, type WireListener } from './socket-wire.ts';
import { endsTheOneBefore, isOfDeparted, judgeUnasked } from './unasked-event.ts';

type State =
  | { readonly kind: 'dialling'; readonly cancel: AbortController }
  | { readonly kind: 'open'; readonly wire: SocketWire; readonly openedAt: number }
  | { readonly kind: 'closing'; readonly openedAt: number; readonly reason: SocketCloseReason }
  | { readonly kind: 'closed' };

const LEFT = 'was left: the bridge has closed its WebSocket';

/** What is told of a socket that was there before: it has no headers for this turn. */
const REUSED: ProviderAnswer = { status: 101, httpVersion: '1.1', headers: {}, turnState: undefined };

/** Dialled when it is made. Among its tools' `sockets` until nothing of it is left. */
export class ProviderSocket implements Beating, WireListener {
  readonly handshake: Handshake;
  readonly route: string;
  readonly provider: string;
  /** The one lane it serves; undefined: all of them. */
  readonly #lane: string | undefined;
  readonly #maxAgeMs: number;
  readonly #tools: SocketTools;
  readonly #seats: LaneSeats;
  readonly #paused = new Set<Rider>();
  #holder: SocketHolder;
  #state: State;
  #turns = 0;
  #idleSince = 0;
  /** Set: it takes no further turn, and is closed when the last one has left. */
  #retiring: SocketCloseReason | undefined;

  constructor(
    { route, provider, lane }: { route: CompiledRoute; provider: CompiledProvider; lane: string },
    handshake: Handshake,
    holder: SocketHolder,
    tools: SocketTools,
  ) {
    const isShared = carriesLanes(provider);
    this.handshake = handshake;
    this.route = route.id;
    this.provider = provider.name;
    this.#lane = isShared ? undefined : lane;
    this.#maxAgeMs = provider.limits.maxConnectionAgeMs;
    this.#tools = tools;
    this.#seats = new LaneSeats(isShared);
    this.#holder = holder;
    const cancel = new AbortController();
    this.#state = { kind: 'dialling', cancel };
    tools.sockets.add(this);
    this.#dial(route, provider, cancel.signal).catch((error: unknown) => {
      tools.onMistake(error);
      this.close('lost');
    });
  }

  /** A turn is on it, or one waits for it to open. */
  get isBusy(): boolean {
    return this.#seats.taken > 0;
  }

  /** It has some response in memory, which a turn may want to continue. */
  get remembers(): boolean {
    return this.#seats.remembersAny;
  }

  /** A turn of this lane may take it. */
  isFreeFor(lane: string): boolean {
    const state = this.#state;
    if (this.#retiring !== undefined || (this.#lane !== undefined && this.#lane !== lane)) return false;
    const isReady =
      state.kind === 'dialling' ||
      (state.kind === 'open' && state.wire.isOpen && !this.#isOld(state.openedAt));
    return isReady && this.#seats.isFree(lane);
  }

  /** It is free for the lane, and the provider has this response in memory there. */
  holds(lane: string, responseId: string): boolean {
    return this.isFreeFor(lane) && this.#seats.remembers(responseId);
  }

  /** For the turn of a lane for which it is free. */
  take(lane: string, rider: Rider): void {
    this.#seats.take(lane, rider);
    this.#tools.idle.delete(this);
    if (this.#state.kind === 'open') queueMicrotask(() => this.#admit(lane, rider));
  }

  /** One text message. */
  send(frame: Buffer, maxUnsentBytes?: number): SendResult {
    return this.#state.kind === 'open' ? this.#state.wire.send(frame, maxUnsentBytes) : 'no';
  }

  /**
   * The turn has all it needs.
   *
   * @param responseId What a later turn may continue here; undefined: nothing new.
   * @param continued What the turn continued: without a new response the provider has forgotten it.
   */
  release(lane: string, rider: Rider, responseId: string | undefined, continued: string | undefined): void {
    const seat = this.#seats.leave(lane, rider);
    if (seat === undefined) return;
    this.resume(rider);
    seat.isInDoubt = rider.wasRefused;
    if (responseId !== undefined) seat.remembered = responseId;
    else if (seat.remembered === continued) seat.remembered = undefined;
    if (!this.isBusy) this.#rest();
  }

  /**
   * The turn wants no more of this. Its response is cancelled by closing the socket, which is the only way there is;
   * unless others ride on it.
   *
   * @param wasSent Its frame has gone out.
   */
  abandon(lane: string, rider: Rider, wasSent: boolean): void {
    const seat = this.#seats.leave(lane, rider);
    if (seat === undefined) return;
    this.resume(rider);
    if (wasSent && this.isBusy) {
      seat.occupant = 'draining';
      seat.remembered = undefined;
    } else if (!this.isBusy) {
      if (wasSent || this.#state.kind === 'dialling') this.close(this.#retiring ?? 'aborted');
      else this.#rest();
    }
  }

  /** Reads nothing until each turn that said so has taken it back or left. */
  pause(rider: Rider): void {
    this.#paused.add(rider);
    if (this.#state.kind === 'open') this.#state.wire.pause();
  }

  resume(rider: Rider): void {
    if (this.#paused.delete(rider) && this.#paused.size === 0 && this.#state.kind === 'open') {
      this.#state.wire.resume();
    }
  }

  handTo(holder: SocketHolder): void {
    this.#holder = holder;
  }

  /** It takes no further turn: closed now, or when the last one has left. */
  retire(reason: SocketCloseReason): void {
    this.#retiring ??= reason;
    if (!this.isBusy) this.close(reason);
  }

  /** Ends it. Turns that are on it hear that it is lost. May be called at any time. */
  close(reason: SocketCloseReason): void {
    const state = this.#state;
    const loss = lossOf(this.provider, 'connection_lost', LEFT);
    if (state.kind === 'dialling') {
      this.#end();
      state.cancel.abort();
      this.#dismiss(loss);
    } else if (state.kind === 'open') {
      this.#beginClosing(state.openedAt, reason, loss);
      state.wire.close(NORMAL_CLOSE);
    }
  }

  beat(now: number): void {
    if (this.#state.kind !== 'open') return;
    const { wire, openedAt } = this.#state;
    if (!wire.beat(now)) {
      this.#beginClosing(openedAt, 'lost', lossByClose(this.provider, 1006, 'ETIMEDOUT'));
      wire.terminate();
    } else if (!this.isBusy) {
      if (now - this.#idleSince >= this.#tools.limits.idleMs) this.close('idle');
      else if (this.#isOld(openedAt)) this.close('age');
    }
  }

  // From here on: what the provider does, and the steps between the states.

  async #dial(route: CompiledRoute, provider: CompiledProvider, cancel: AbortSignal): Promise<void> {
    const request = toTurnDial(route, provider, this.handshake, this.#tools);
    const result = await dialWebSocket(this.#tools.ways, request, cancel);
    if (this.#state.kind === 'dialling') this.#onDialled(result, route);
    else if (result.kind === 'open') result.ws.terminate();
  }

  #onDialled(result: SocketDialResult, route: CompiledRoute): void {
    if (result.kind === 'cancelled') return;
    const riders = this.#seats.riders();
    for (const [n, rider] of riders.entries()) rider.onDialled(n === 0 ? result.dial : undefined);
    // who heard of the dial may have left, and have been the last
    if (this.#state.kind !== 'dialling') return result.kind === 'open' ? result.ws.terminate() : undefined;
    if (result.kind === 'open') {
      this.#open(result, toClientHeaders(result.headers, route), this.#seats.riders());
      return;
    }
    this.#end();
    this.#dismiss(result.kind === 'failed' ? { fault: result.fault, mayBeStale: false } : undefined);
    if (result.kind === 'failed') return;
    const { status, body } = result;
    const { headers } = toClientHeaders(result.headers, route);
    for (const rider of riders) {
      rider.onRefused({ kind: 'refused', phase: 'upgrade', status, httpVersion: '1.1', headers, body });
    }
  }

  #open(
    { ws, socket }: Extract<SocketDialResult, { kind: 'open' }>,
    head: Pick<ProviderAnswer, 'headers' | 'turnState'>,
    riders: readonly Rider[],
  ): void {
    const { latency, answers, limits, attemptLimits, heartbeat, facts } = this.#tools;
    const { maxEventBytes } = attemptLimits;
    const wire = new SocketWire(ws, socket, this, { latency, answers, maxEventBytes, pingMs: limits.pingMs });
    this.#state = { kind: 'open', wire, openedAt: performance.now() };
    heartbeat.add(this);
    facts({ kind: 'provider-socket.opened', route: this.route, provider: this.provider, use: 'turns' });
    for (const [n, rider] of riders.entries()) rider.onOpen(n === 0 ? { ...REUSED, ...head } : REUSED);
    this.#turns += riders.length;
    if (!this.isBusy) this.#rest();
    if (this.#paused.size === 0) wire.resume();
  }

  #admit(lane: string, rider: Rider): void {
    if (this.#state.kind !== 'open' || !this.#seats.isTakenBy(lane, rider)) return;
    this.#turns += 1;
    rider.onOpen(REUSED);
  }

  onText(payload: Buffer): void {
    const seat = this.#seats.seatFor(payload);
    const { occupant } = seat ?? {};
    if (seat !== undefined && typeof occupant === 'object') {
      if (seat.isInDoubt && endsTheOneBefore(seat, payload)) occupant.onDoubtful();
      else occupant.onMessage(payload);
      return;
    }
    const meaning = judgeUnasked(payload);
    if (meaning === 'harmless' || (seat !== undefined && isOfDeparted(seat, meaning))) return;
    // some errors of a request do not name its lane: if only one waits to hear of its own, that is the one
    const waiting = meaning === 'error' ? this.#seats.riders().filter((rider) => !rider.hasHeard) : [];
    if (waiting.length === 1) waiting[0]?.onMessage(payload);
    else this.retire('protocol'); // whatever it is, a later turn must not take it for its own
  }

  onBroken(code: 'protocol_error' | 'no_room', complaint: string): void {
    const state = this.#state;
    const loss = lossOf(this.provider, code, complaint);
    if (state.kind === 'open') this.#beginClosing(state.openedAt, 'protocol', loss);
  }

  onClosed(code: number, systemReason: string | undefined): void {
    const state = this.#state;
    if (state.kind !== 'open' && state.kind !== 'closing') return;
    this.#end();
    const closeCode = code === 1006 ? undefined : code;
    this.#tools.facts({
      kind: 'provider-socket.closed',
      route: this.route,
      provider: this.provider,
      use: 'turns',
      reason: state.kind === 'closing' ? state.reason : closeCode === undefined ? 'lost' : 'remote',
      closeCode,
      ageMs: performance.now() - state.openedAt,
      turns: this.#turns,
    });
    if (state.kind === 'open') this.#dismiss(lossByClose(this.provider, code, systemReason));
  }

  #rest(): void {
    if (this.#state.kind !== 'open') return;
    if (this.#retiring !== undefined) this.close(this.#retiring);
    else if (this.#isOld(this.#state.openedAt)) this.close('age');
    else {
      this.#idleSince = performance.now();
      this.#tools.idle.add(this);
    }
  }

  #isOld(openedAt: number): boolean {
    return performance.now() - openedAt >= this.#maxAgeMs;
  }

  /** Nobody has any more to do with it; only the end of the connection is waited for. */
  #beginClosing(openedAt: number, reason: SocketCloseReason, loss: SocketLoss): void {
    this.#state = { kind: 'closing', openedAt, reason };
    this.#dismiss(loss);
  }

  #end(): void {
    this.#state = { kind: 'closed' };
    this.#tools.sockets.delete(this);
  }

  /** Holder, clocks and turns have it no more. */
  #dismiss(loss: SocketLoss | undefined): void {
    const riders = this.#seats.riders();
    this.#seats.clear();
    this.#paused.clear();
    this.#tools.heartbeat.delete(this);
    this.#tools.idle.delete(this);
    this.#holder.gone(this);
    if (loss !== undefined) for (const rider of riders) rider.onLost(loss);
  }
}
