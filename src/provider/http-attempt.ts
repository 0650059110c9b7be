/**
 * One attempt at a provider over HTTP, as a state machine. undici's callbacks and the turn's wishes are its inputs;
 * what the turn hears is its output.
 *
 * ```
 *        a connection          headers 2xx              body ends
 *  opening ────────────► sent ─────────────► answering ─────────► ended ── onEnd(finished)
 *     │                    │ │                   │  │
 *     │                    │ │ other headers     │  └─ release() ─► releasing ─ body ends, 1 s or 64 KiB ─► ended, silent
 *     │                    │ └──────► refused ───┼─ body ends, 1 s or 64 KiB ─► ended ── onEnd(refused)
 *     │                    │                     │
 *     └──── error ─────────┴────── error ────────┴── error ──► ended ── onEnd(lost)
 *
 *  abort() leads from everywhere to ended, silently.
 * ```
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { PieceList } from '../events/piece-list.ts';
import type { CompiledProvider, CompiledRoute } from '../route/snapshot.ts';
import { AnswerFlow, type FlowListener } from './answer-flow.ts';
import { answerKindOf } from './answer-kind.ts';
import { type AttemptState, ENDED, isUnderWay, OPENING, type RefusedState, SENT } from './attempt-state.ts';
import { runGuarded, type AttemptTools } from './attempt-tools.ts';
import type { EventSink } from './event-mender.ts';
import { openReader } from './event-reader.ts';
import type {
  Attempt,
  AttemptEnd,
  AttemptListener,
  AttemptRequest,
  Dial,
  ProviderFaultCode,
  SendResult,
} from './provider.ts';
import { type FaultPhase, faultOf, toProviderFault } from './provider-fault.ts';
import { HeldAnswer } from './held-answer.ts';
import type { ProviderPool, Waiter } from './provider-pool.ts';
import { toClientHeaders, toText } from './response-headers.ts';

/** Where an attempt reports how far its request is: its pool. */
export type RequestRegister = Pick<ProviderPool, 'started' | 'ended' | 'httpVersion'>;

/** One attempt; made by the transport, owned by the turn. */
export class HttpAttempt implements Attempt, Waiter, Dispatcher.DispatchHandler, FlowListener {
  // Of the request only this: an attempt that streams must not hold a body that was sent long ago.
  readonly #route: CompiledRoute;
  readonly #provider: CompiledProvider;
  readonly #listener: AttemptListener;
  readonly #register: RequestRegister;
  readonly #tools: AttemptTools;
  readonly #flow: AnswerFlow;
  readonly #held: HeldAnswer;
  #state: AttemptState = OPENING;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    { route, provider }: Pick<AttemptRequest, 'route' | 'provider'>,
    listener: AttemptListener,
    register: RequestRegister,
    tools: AttemptTools,
  ) {
    this.#route = route;
    this.#provider = provider;
    this.#listener = listener;
    this.#register = register;
    this.#tools = tools;
    this.#flow = new AnswerFlow(tools.callbacks, this);
    this.#held = new HeldAnswer(tools.answers);
  }

  /** Is there still someone who wants an answer? */
  get wanted(): boolean {
    return this.#state.kind !== 'ended';
  }

  pause(): void {
    if (isUnderWay(this.#state.kind)) this.#flow.hold();
  }

  resume(): void {
    this.#flow.flow();
  }

  abort(): void {
    if (this.#state.kind !== 'ended') this.#leave();
  }

  release(): void {
    const { kind } = this.#state;
    if ((kind === 'answering' || kind === 'refused') && !this.#flow.received) {
      this.#state = { kind: 'releasing', bytes: 0 };
      this.#held.close();
      this.#startTimer(this.#tools.limits.releaseMs, () => this.abort());
      this.#flow.stopDecoding();
      this.#flow.flow();
    } else if (kind !== 'releasing') {
      this.abort();
    }
  }

  /** A request cannot be added to over HTTP. */
  readonly send = (): SendResult => 'no';

  /** Ends the attempt with a fault of our own finding. */
  fail(code: ProviderFaultCode, detail?: string): void {
    this.#finish({
      kind: 'lost',
      fault: faultOf(this.#provider.name, code, undefined, detail),
      isStale: false,
    });
  }

  connectFailed(error: Error): void {
    this.run(() => {
      if (this.#state.kind === 'opening') {
        this.#lose(error, 'opening');
      }
    });
  }

  /** Runs a step of this attempt; never throws. See {@link runGuarded}. */
  run(step: () => void): void {
    runGuarded(step, () => this.#giveUp(), this.#tools.onMistake);
  }

  dialled(dial: Dial): void {
    this.run(() => this.#listener.onDialled?.(dial));
  }

  // What undici calls. Each call may come from within its parser, hence the count; see `AnswerFlow`.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#state.kind === 'ended') {
      // Dropped before it was sent: the connection stays good for others, which abort() would not leave it.
      throw new Error('aborted');
    }
    if (this.#state.kind === 'opening') this.#state = SENT;
    this.#register.started(this);
    this.#flow.start(controller);
  }

  onResponseStart(_controller: unknown, status: number, headers: IncomingHttpHeaders): void {
    if (status >= 200) {
      this.#inCallback(() => this.#onHeaders(status, headers)); // 1xx: an answer follows.
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state.kind === 'ended') {
      controller.abort(new Error('aborted'));
      return;
    }
    this.#tools.latency.read();
    this.#inCallback(() => this.#flow.push(chunk));
  }

  onResponseEnd(): void {
    this.#inCallback(() => this.#flow.end());
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#inCallback(() => {
      const state = this.#state;
      if (state.kind === 'refused') {
        this.#finishRefused(state); // Its status says more than the end of its body.
      } else if (isUnderWay(state.kind)) {
        this.#lose(error, state.kind);
      } else {
        this.abort();
      }
    });
  }

  // What the flow tells.

  onBytes(chunk: Buffer): void {
    this.run(() => this.#read(chunk));
  }

  onBodyEnd(): void {
    this.run(() => this.#readEnd());
  }

  onUndecodable(): void {
    this.run(() => {
      if (this.#state.kind === 'refused') {
        this.#finishRefused(this.#state);
      } else {
        this.fail('protocol_error', 'sent an answer that does not decode by its content encoding');
      }
    });
  }

  // Transitions.

  #read(chunk: Buffer): void {
    const state = this.#state;
    switch (state.kind) {
      case 'answering': {
        const complaint = state.reader.push(chunk);
        if (complaint !== undefined && this.#state === state) {
          this.fail(this.#held.faultCode, complaint);
        }
        return;
      }
      case 'refused': {
        const room = this.#tools.limits.maxRefusalBytes - state.body.bytes;
        state.body.add(chunk.subarray(0, room));
        if (chunk.length >= room) {
          this.#finishRefused(state);
        }
        return;
      }
      case 'releasing':
        state.bytes += chunk.length;
        if (state.bytes > this.#tools.limits.maxReleaseBytes) {
          this.abort();
        }
        return;
      default:
        return;
    }
  }

  #readEnd(): void {
    const state = this.#state;
    switch (state.kind) {
      case 'answering': {
        const complaint = state.reader.end();
        if (this.#state !== state) {
          return; // Let go while its last events were told.
        }
        if (complaint === undefined) {
          this.#finish({ kind: 'finished' });
        } else {
          this.fail(this.#held.faultCode, complaint);
        }
        return;
      }
      case 'refused':
        this.#finishRefused(state);
        return;
      default:
        this.abort();
    }
  }

  #onHeaders(status: number, headers: IncomingHttpHeaders): void {
    if (this.#state.kind !== 'sent') {
      return;
    }
    const { headers: passed, turnState } = toClientHeaders(headers, this.#route);
    const decodable = this.#flow.decode(toText(headers['content-encoding']));
    const head = { status, httpVersion: this.#register.httpVersion, headers: passed };
    if (status > 299) {
      return this.#refuse({ kind: 'refused', ...head, body: new PieceList() }, decodable);
    }
    const kind = answerKindOf(toText(headers['content-type']), decodable);
    if (kind.kind === 'other') {
      const what = `answered ${status}, but with ${kind.name} instead of text/event-stream`;
      return this.fail('protocol_error', what);
    }
    const sink: EventSink = (payload, type) => {
      if (this.#state.kind === 'answering') {
        this.#listener.onEvent(payload, type);
      }
    };
    const { maxEventBytes } = this.#tools.limits;
    const reader = openReader(kind.kind, this.#provider.dialect, sink, maxEventBytes, this.#held);
    this.#state = { kind: 'answering', reader };
    this.#listener.onAnswer({ ...head, turnState });
  }

  #refuse(state: RefusedState, decodable: boolean): void {
    this.#state = state;
    if (!decodable) {
      this.#finishRefused(state);
      return;
    }
    this.#startTimer(this.#tools.limits.refusalMs, () => this.#finishRefused(state));
    this.#flow.flow();
  }

  #finishRefused(state: RefusedState): void {
    this.#finish({ ...state, phase: 'request', body: state.body.take() });
  }

  /** After a mistake of our own: whoever still listens must hear of an end. */
  #giveUp(): void {
    if (this.#state.kind === 'releasing') {
      this.abort();
    } else {
      this.fail('connection_lost', 'was given up: the bridge made a mistake');
    }
  }

  #lose(error: Error, phase: FaultPhase): void {
    this.#finish({ kind: 'lost', fault: toProviderFault(this.#provider.name, error, phase), isStale: false });
  }

  #finish(end: AttemptEnd): void {
    if (this.#state.kind !== 'ended') {
      this.#leave();
      this.#listener.onEnd(end);
    }
  }

  /** To `ended`, from wherever: everything that was opened is let go, and a request under way is ended. */
  #leave(): void {
    this.#state = ENDED;
    this.#held.close();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#register.ended(this);
    this.#flow.abort();
  }

  #startTimer(ms: number, onTimeout: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.run(onTimeout), ms);
  }

  #inCallback(call: () => void): void {
    this.#tools.callbacks.depth += 1;
    this.run(call);
    this.#tools.callbacks.depth -= 1;
  }
}
