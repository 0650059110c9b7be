/**
 * A turn from its first event on: the attempt that serves it, and the response that it streams. With steers, also the
 * responses that follow from them.
 *
 * ```
 *   streaming ──terminal event──▶ (asks open?) ──no──▶ ended
 *       ▲                             │ yes
 *       └──── response.created ─── lingering ──answered, nothing follows, lost, waited long enough──▶ ended
 * ```
 */
import type { EventType } from '../events/event-type.ts';
import { refusal } from '../frames/errors.ts';
import type { AttemptWalk } from './attempt-walk.ts';
import type { Clock, Timer } from './clock.ts';
import { readErrorEvent } from './error-event.ts';
import { fromErrorEvent, fromFailedResponse, fromQuotingEvent, type TurnFailure } from './failure.ts';
import type { TurnOutcome, TurnRecord } from './facts.ts';
import type { SendResult } from '../provider/provider.ts';
import { type AskKind, OpenAsks } from './open-asks.ts';
import { readResponse, withBlankId, type ResponseFacts } from './output-items.ts';
import type { ParentLink } from './parent-link.ts';
import type { Run } from './run.ts';
import type { TurnOutput } from './turn-output.ts';
import type { TurnProgress } from './turn-progress.ts';

/** What it works with, and who hears of its end. */
export interface ServingParts {
  readonly run: Run;
  readonly walk: AttemptWalk;
  readonly clock: Clock;
  readonly output: TurnOutput;
  readonly progress: TurnProgress;
  readonly parent: ParentLink;
  /** Ids of responses are kept from the client, so that it does not try to continue them. */
  readonly isBlank: boolean;
  readonly isHttp: boolean;
  /** Last of all, once. */
  readonly onEnd: (outcome: TurnOutcome, errorType?: string) => void;
  /** Something threw inside a timer. */
  readonly onMistake: (error: unknown) => void;
}

/** How the latest response ended. */
interface Ending {
  readonly outcome: TurnOutcome;
  readonly errorType: string | undefined;
  /** The response that can be continued; undefined: none. */
  readonly responseId: string | undefined;
}

/** How long a provider may take to end a response that it was asked to interrupt; then we end it. */
const INTERRUPT_MS = 5_000;
/** How long an ended response waits for the answer to a frame of the client's that may have come too late. */
const LATE_ANSWER_MS = 5_000;
/**
 * How long the lane waits for an event that may never come (open-asks.ts). A successor follows the end of the response
 * before it at once; a client that has its answer meanwhile waits no longer than that for the next turn to begin.
 */
const SUCCESSOR_MS = 1_000;

const ENDS: ReadonlySet<EventType['role']> = new Set(['error', 'failed', 'completed', 'incomplete']);

export class Serving {
  readonly #parts: ServingParts;
  readonly #record: TurnRecord;
  readonly #asks = new OpenAsks();
  /** There while it lingers. */
  #ending: Ending | undefined;
  #isPastSteering = false;
  /** Runs while the provider is to end what was interrupted, or to answer what came late. */
  #patience: Timer | undefined;

  constructor(parts: ServingParts) {
    this.#parts = parts;
    this.#record = parts.progress.record;
  }

  /** The turn is committed: what was held back goes out. Once, before the first event. */
  begin(): void {
    this.#parts.output.begin(this.#parts.run);
  }

  /** One event of the provider's, no keep-alive. On the hot path. */
  event(payload: Buffer, type: EventType): void {
    const { run } = this.#parts;
    if (this.#ending !== undefined) return this.#lateEvent(this.#ending, payload, type);
    run.heard();
    switch (type.role) {
      case 'failed': {
        const quoting = fromQuotingEvent(payload, run.provider);
        return quoting === undefined ? this.#finish(payload, type, type.role) : this.fail(quoting);
      }
      case 'completed':
      case 'incomplete':
        return this.#finish(payload, type, type.role);
      case 'error':
        run.erred(readErrorEvent(payload));
        return this.fail(fromErrorEvent(payload, run.provider));
      case 'created':
        this.#created(payload);
        break;
      case 'item-done':
        run.itemDone(payload);
        break;
      case 'other':
        this.#asks.heard(payload, type);
        break;
      case 'item-added':
      case 'output':
      case 'metadata':
      case 'keepalive':
        break;
    }
    this.#pass(payload, type);
  }

  /** Passes input on for the response that runs. `no`: its provider does not take it; `over`: it has ended. */
  tell(frame: Buffer, kind: AskKind): SendResult | 'over' {
    if (this.#ending !== undefined) return 'over';
    if (this.#asks.isFull) return 'full';
    const result = this.#parts.run.send(frame, kind);
    if (result === 'sent') this.#asks.sent(kind);
    return result;
  }

  /** The response ends as interrupted: by its provider where that takes the frame, in time. */
  interrupt(frame: Buffer): void {
    const { run, progress } = this.#parts;
    const isLate = run.response.id === undefined || this.#ending !== undefined;
    if (isLate || this.#record.interruptedAt !== undefined) return;
    progress.interrupted();
    if (run.send(frame, 'Interrupt') === 'sent') this.#wait(INTERRUPT_MS, () => this.#stop());
    else this.#stop();
  }

  /** What the provider sends ends here, and so does the response, unless it has ended already. */
  fail(failure: TurnFailure): void {
    const { run, parent } = this.#parts;
    // what was to be interrupted has come to its end, one way or the other
    if (this.#ending === undefined && this.#record.interruptedAt !== undefined) return this.#stop();
    run.failed(failure.errorType, failure.outcome === 'rejected' ? 'rejected' : 'error');
    if (this.#ending !== undefined) return this.#giveUp(this.#ending);
    parent.forgetAfterFailure();
    this.#tell(failure);
    this.#end(failure.outcome, failure.errorType);
  }

  /** The drain's deadline. @returns false where the client is better told to come again: nothing is finished yet. */
  cut(): boolean {
    const { run, isHttp, output } = this.#parts;
    if (
      this.#ending === undefined &&
      (run.response.id === undefined || !(isHttp || run.response.hasFinishedItem))
    )
      return false;
    run.abort();
    if (this.#ending !== undefined) this.#end(this.#ending.outcome, this.#ending.errorType);
    else {
      output.failed(run, refusal('server_draining', 'This bridge is shutting down.'));
      this.#end('drained', 'server_draining');
    }
    return true;
  }

  /** The client is gone. @returns false where its response has not ended: then nothing is done */
  drop(): boolean {
    if (this.#ending === undefined) return false;
    this.#parts.run.abort();
    this.#end(this.#ending.outcome, this.#ending.errorType);
    return true;
  }

  /** Timers are let go. Its owner ends the run. May be called twice. */
  close(): void {
    this.#patience?.cancel();
  }

  #pass(payload: Buffer, type: EventType): void {
    const { output, run } = this.#parts;
    output.event(run, payload, type, run.plan.isTagged);
  }

  #created(payload: Buffer): void {
    const { run } = this.#parts;
    run.response.created(payload);
    this.#record.responseId = run.response.id;
  }

  /** The provider's terminal event: remembered before the client hears of it, which may answer at once. */
  #finish(payload: Buffer, type: EventType, role: 'completed' | 'incomplete' | 'failed'): void {
    const { run, progress, parent, isBlank } = this.#parts;
    const facts = readResponse(payload);
    const wasInterrupted = role === 'incomplete' && this.#record.interruptedAt !== undefined;
    progress.closing(facts, wasInterrupted ? 'cancelled' : role, run.hasToolCall);
    this.#patience?.cancel();
    if (role === 'failed') parent.forgetAfterFailure();
    const ending = this.#toEnding(facts, wasInterrupted ? 'cancelled' : role);
    const shown = isBlank ? withBlankId(payload, facts) : payload;
    if (this.#asks.isOpen) {
      this.#ending = ending;
      this.#pass(shown, type);
      return this.#linger(ending);
    }
    if (ending.responseId !== undefined) this.#keep(ending.responseId, facts.outputItems);
    run.release(ending.responseId);
    this.#pass(shown, type);
    this.#end(ending.outcome, ending.errorType);
  }

  #toEnding({ id, errorCode }: ResponseFacts, outcome: TurnOutcome): Ending {
    if (outcome === 'failed') {
      return { ...fromFailedResponse(errorCode, this.#parts.run.provider), responseId: undefined };
    }
    const isNamed = id !== '' && !this.#parts.isBlank;
    return { outcome, errorType: undefined, responseId: isNamed ? id : undefined };
  }

  /** A later turn may go on from this response, wherever it is known. */
  #keep(responseId: string, outputItems: Buffer | undefined): void {
    const { run, walk } = this.#parts;
    walk.ended(run.plan, responseId);
    const isWhole = !this.#asks.isSteered && !this.#isPastSteering;
    if (isWhole) run.remember(responseId, outputItems);
  }

  /** It waits for what becomes of the client's frames. */
  #linger(ending: Ending): void {
    if (this.#asks.hasUnanswered) this.#wait(LATE_ANSWER_MS, () => this.#giveUp(ending));
    else if (this.#asks.mayFollow) this.#wait(SUCCESSOR_MS, () => this.#leave(ending, undefined));
    else this.#patience?.cancel(); // accepted steers have the time that any silence has (timeouts.idleSeconds)
  }

  #lateEvent(ending: Ending, payload: Buffer, type: EventType): void {
    const { run } = this.#parts;
    run.heard();
    if (type.role === 'created') {
      this.#patience?.cancel();
      this.#ending = undefined;
      this.#isPastSteering = true;
      this.#asks.succeeded();
      run.succeeded(ending.responseId);
      this.#created(payload);
      return this.#pass(payload, type);
    }
    if (ENDS.has(type.role)) return this.#noSuccessor(ending, payload, type);
    this.#asks.heard(payload, type);
    if (!this.#asks.isOpen) return this.#leave(ending, () => this.#pass(payload, type));
    this.#pass(payload, type);
    this.#linger(ending);
  }

  /** The provider says that it cannot make the successor: in its words, or in ours. */
  #noSuccessor(ending: Ending, payload: Buffer, type: EventType): void {
    const { run } = this.#parts;
    const isOurs = type.role === 'error' || fromQuotingEvent(payload, run.provider) !== undefined;
    if (isOurs) return this.#giveUp(ending);
    run.abort();
    this.#pass(payload, type);
    this.#end(ending.outcome, ending.errorType);
  }

  /** Everything that was open is settled. @param tell the last event of it */
  #leave(ending: Ending, tell: (() => void) | undefined): void {
    if (ending.responseId !== undefined) this.#keep(ending.responseId, undefined);
    this.#parts.run.release(ending.responseId);
    tell?.();
    this.#end(ending.outcome, ending.errorType);
  }

  /** Nothing more will come of the client's frames. */
  #giveUp(ending: Ending): void {
    const { run, output } = this.#parts;
    run.abort();
    output.asksLost(run, this.#asks.lost);
    this.#end(ending.outcome, ending.errorType);
  }

  /** The client wants no more of the response: we end it. */
  #stop(): void {
    const { run, output, isBlank } = this.#parts;
    if (run.response.id !== undefined && !this.#isPastSteering && !this.#asks.isSteered)
      run.remember(run.response.id, undefined);
    run.abort();
    output.interrupted(run, isBlank);
    this.#end('cancelled');
  }

  /** As an error before the response exists, as its ending after. */
  #tell({ answer }: TurnFailure): void {
    const { run, output } = this.#parts;
    if (run.response.id === undefined) output.refuse(answer);
    else output.failed(run, answer);
  }

  #wait(ms: number, react: () => void): void {
    this.#patience?.cancel();
    this.#patience = this.#parts.clock.setTimer(ms, () => {
      try {
        react();
      } catch (error) {
        this.#parts.onMistake(error);
      }
    });
  }

  #end(outcome: TurnOutcome, errorType?: string): void {
    this.close();
    this.#parts.onEnd(outcome, errorType);
  }
}
