/**
 * One attempt at a provider over its WebSocket: a rider on a {@link ProviderSocket}.
 *
 * ```
 *            the socket is open          events …            release(): the socket serves again
 *  waiting ─────────────────────► riding ─────────► riding ──────────────────────────────────► ended, silent
 *     │ refused, not reached         │
 *     ▼                              ▼ lost, or beyond mending
 *   ended ── onEnd(refused | lost) ◄─┘                       abort(): from everywhere, silently
 * ```
 */
import { eventTypeOf } from '../events/event-type.ts';
import { type EventSink, beginsObject, type Mender, openMender } from './event-mender.ts';
import { NO_ROOM } from './event-reader.ts';
import { HeldAnswer } from './held-answer.ts';
import type { ProviderSocket } from './provider-socket.ts';
import type {
  Attempt,
  AttemptEnd,
  AttemptListener,
  Dial,
  ProviderAnswer,
  ProviderFaultCode,
  SendResult,
  SocketAttemptRequest,
} from './provider.ts';
import { faultOf } from './provider-fault.ts';
import type { SocketLoss } from './socket-close.ts';
import type { Rider } from './socket-rider.ts';
import type { SocketTools } from './socket-tools.ts';

type State =
  | { readonly kind: 'waiting'; readonly frame: Frame; readonly socket: ProviderSocket | undefined }
  | { readonly kind: 'riding'; readonly socket: ProviderSocket }
  | { readonly kind: 'ended' };

type Frame = Pick<SocketAttemptRequest, 'body' | 'bodyBytes'>;

/**
 * A client's frames in mid response wait for nobody: what the provider has not taken of this and other frames of the socket
 * may be so much. One that is larger goes out where nothing waits, as a steer with an image does.
 */
const MAX_UNSENT_BYTES = 1024 * 1024;

/** With this code a provider answers a turn on a socket beyond its age; the turn itself has not begun. */
const AGE_CODE = Buffer.from('"websocket_connection_limit_reached"');

/** One attempt; made by the transport, owned by the turn. */
export class SocketAttempt implements Attempt, Rider {
  readonly #provider: string;
  readonly #lane: string;
  readonly #continues: string | undefined;
  readonly #listener: AttemptListener;
  readonly #tools: Pick<SocketTools, 'onMistake'>;
  readonly #mender: Mender;
  readonly #held: HeldAnswer;
  #state: State;
  /** The socket was dialled for this attempt, or for one that waits beside it. */
  #isFirstOnSocket = false;
  #hasHeard = false;
  #wasRefused = false;

  constructor(request: SocketAttemptRequest, listener: AttemptListener, tools: SocketTools) {
    const { provider, lane, previousResponseId, body, bodyBytes } = request;
    this.#provider = provider.name;
    this.#lane = lane;
    this.#continues = previousResponseId;
    this.#listener = listener;
    this.#tools = tools;
    this.#state = { kind: 'waiting', frame: { body, bodyBytes }, socket: undefined };
    this.#held = new HeldAnswer(tools.answers);
    const sink: EventSink = (payload, type) => {
      if (this.#state.kind === 'riding') listener.onEvent(payload, type);
    };
    this.#mender = openMender(provider.dialect, sink);
  }

  /** It has its seat on this socket, and waits until that is open. */
  board(socket: ProviderSocket): void {
    if (this.#state.kind === 'waiting') this.#state = { ...this.#state, socket };
  }

  /** Ends it with a fault of our own finding. */
  fail(code: ProviderFaultCode, detail?: string): void {
    this.#run(() => this.#lose(code, detail));
  }

  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  get wasRefused(): boolean {
    return this.#wasRefused;
  }

  pause(): void {
    if (this.#state.kind !== 'ended') this.#state.socket?.pause(this);
  }

  resume(): void {
    if (this.#state.kind !== 'ended') this.#state.socket?.resume(this);
  }

  abort(): void {
    const state = this.#state;
    this.#leave();
    if (state.kind !== 'ended') state.socket?.abandon(this.#lane, this, state.kind === 'riding');
  }

  release(responseId?: string): void {
    const state = this.#state;
    if (state.kind !== 'riding') {
      this.abort();
      return;
    }
    this.#leave();
    state.socket.release(this.#lane, this, responseId, this.#continues);
  }

  send(frame: Buffer): SendResult {
    return this.#state.kind === 'riding' ? this.#state.socket.send(frame, MAX_UNSENT_BYTES) : 'no';
  }

  // What the socket tells.

  onDialled(dial: Dial | undefined): void {
    this.#isFirstOnSocket = true;
    if (dial !== undefined) this.#run(() => this.#listener.onDialled?.(dial));
  }

  onOpen(answer: ProviderAnswer): void {
    const state = this.#state;
    if (state.kind !== 'waiting' || state.socket === undefined) return;
    this.#state = { kind: 'riding', socket: state.socket };
    // a copy beside what is counted elsewhere, and no sooner than it is needed: the library makes another and keeps that
    const sent = state.socket.send(toMessage(state.frame));
    if (sent === 'full') return this.fail('no_room', NO_ROOM);
    this.#run(() => this.#listener.onAnswer(answer)); // of what cannot be sent a loss is heard
  }

  /** Once for each event, so there are no closures here. */
  onMessage(payload: Buffer): void {
    try {
      this.#read(payload);
    } catch (error) {
      this.#giveUp(error);
    }
  }

  onDoubtful(): void {
    this.#run(() => this.#asLost('sent the end of a response that may be another’s'));
  }

  onRefused(end: Extract<AttemptEnd, { kind: 'refused' }>): void {
    this.#run(() => this.#finish(end));
  }

  onLost({ fault, mayBeStale }: SocketLoss): void {
    const isStale = mayBeStale && this.#state.kind === 'riding' && !this.#isFirstOnSocket && !this.#hasHeard;
    this.#run(() => this.#finish({ kind: 'lost', fault, isStale }));
  }

  // Transitions.

  #read(payload: Buffer): void {
    const state = this.#state;
    if (state.kind !== 'riding' || !beginsObject(payload)) return;
    const type = eventTypeOf(payload);
    if (type.role === 'error' && payload.includes(AGE_CODE)) {
      state.socket.retire('age');
      if (!this.#isFirstOnSocket && !this.#hasHeard) {
        state.socket.release(this.#lane, this, undefined, undefined);
        this.#asLost('takes no more turns on this WebSocket: it is too old');
        return;
      }
    }
    this.#hasHeard = true;
    this.#wasRefused = type.role === 'error';
    const complaint = this.#mender.mend(payload, type);
    if (complaint !== undefined) this.#lose('protocol_error', complaint);
    else if (this.#mender.keptBytes > 0 && !this.#held.keeps(this.#mender.keptBytes)) {
      this.#lose('no_room', NO_ROOM);
    }
  }

  /** Nothing of the turn has begun, and this socket serves no more: as if it had been closed before. */
  #asLost(detail: string): void {
    const state = this.#state;
    if (state.kind !== 'riding') return;
    state.socket.retire('protocol'); // unless it has another reason already
    state.socket.abandon(this.#lane, this, true);
    const fault = faultOf(this.#provider, 'socket_closed', undefined, detail);
    this.#finish({ kind: 'lost', fault, isStale: true });
  }

  #lose(code: ProviderFaultCode, detail?: string): void {
    const state = this.#state;
    if (state.kind === 'ended') return;
    state.socket?.abandon(this.#lane, this, state.kind === 'riding');
    this.#finish({ kind: 'lost', fault: faultOf(this.#provider, code, undefined, detail), isStale: false });
  }

  #finish(end: AttemptEnd): void {
    if (this.#state.kind === 'ended') return;
    this.#leave();
    this.#listener.onEnd(end);
  }

  #leave(): void {
    this.#state = { kind: 'ended' };
    this.#held.close();
  }

  /** Runs a step; a mistake in it ends this attempt and nothing else. */
  #run(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#giveUp(error);
    }
  }

  /** After a mistake of our own, or of the turn that listens: whoever still does must hear of an end. */
  #giveUp(error: unknown): void {
    this.#tools.onMistake(error);
    try {
      this.#lose('connection_lost', 'was given up: the bridge made a mistake');
    } catch (another) {
      this.#tools.onMistake(another);
    }
  }
}

function toMessage({ body, bodyBytes }: Frame): Buffer {
  const [only] = body;
  return body.length === 1 && only !== undefined ? only : Buffer.concat(body, bodyBytes);
}
