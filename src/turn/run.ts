/** A turn with an attempt under way: what belongs to it, opened and let go together. */
import { turnStateEvent } from '../frames/server-events.ts';
import { exactCopy } from '../json/exact-copy.ts';
import type { Attempt, AttemptListener, Dial, ProviderAnswer } from '../provider/provider.ts';
import { toFaultType } from './error-type.ts';
import type { TurnFailure } from './failure.ts';
import type { AttemptRecord, TurnRecord } from './facts.ts';
import type { TurnPlan } from './plan.ts';
import { isToolCall } from './output-items.ts';
import { ResponseSoFar } from './response-so-far.ts';
import type { TurnParts, TurnTools } from './turn-parts.ts';
import { toTraceHeaders } from './trace-headers.ts';
import { newAttemptRecord } from './turn-record.ts';
import { TurnTimers } from './turn-timers.ts';

export type RunPlan = Extract<TurnPlan, { kind: 'run' }>;

/** What is left of a plan once its request is on its way: the body is not kept. */
type PlanUnderWay = Pick<RunPlan, 'route' | 'provider' | 'memory'>;

/** What a run tells its turn. */
export interface RunListener extends AttemptListener {
  onTimeout(failure: TurnFailure): void;
}

export class Run {
  readonly plan: PlanUnderWay;
  readonly response: ResponseSoFar;
  readonly timers: TurnTimers;
  readonly #tools: TurnTools;
  readonly #memory: TurnParts['memory'];
  readonly #turn: TurnRecord;
  readonly #record: AttemptRecord;
  readonly #attempt: Attempt;
  #turnState: Buffer | undefined;
  #hasToolCall = false;

  /** Opens the attempt. The listener hears nothing before this has returned. */
  constructor(
    tools: TurnTools,
    { client, memory, model, previousResponseId }: RunSubject,
    turn: TurnRecord,
    plan: RunPlan,
    listener: RunListener,
  ) {
    this.#tools = tools;
    this.#memory = memory;
    this.#turn = turn;
    this.plan = { route: plan.route, provider: plan.provider, memory: plan.memory };
    this.#record = newAttemptRecord(turn.attempts, plan.provider, tools.clock.now());
    tools.facts({ kind: 'attempt.started', turn, attempt: this.#record });
    // items are kept where a later turn may continue, and no more of them than may be remembered
    const maxItemBytes = plan.memory.kind === 'chain' ? plan.route.continuation.maxBytesPerConnection : 0;
    this.response = new ResponseSoFar(model, previousResponseId, maxItemBytes);
    this.#attempt = tools.transport.open(
      {
        route: plan.route,
        provider: plan.provider,
        clientHeaders: plan.headers,
        clientQuery: client.query,
        via: client.via,
        trace: toTraceHeaders(this.#record.trace, plan.provider, tools.propagation),
        body: plan.body.views,
        bodyBytes: plan.body.bytes,
      },
      listener,
    );
    // after the attempt: a timer must not outlive a run that could not be opened
    this.timers = new TurnTimers(tools.clock, plan.route.timeouts, (failure) => listener.onTimeout(failure));
  }

  /** A connection was opened for this attempt, or could not be. */
  dialled({ fault, ...times }: Dial): void {
    this.#record.dial = { ...times, errorType: fault && toFaultType(fault.code, fault.reason) };
  }

  /** The provider answered. */
  answered({ status, headers, httpVersion }: AnswerHead): void {
    const record = this.#record;
    record.answeredAt = this.#tools.clock.now();
    record.status = status;
    record.httpVersion = httpVersion;
    record.requestId = headers['x-request-id'];
    record.retryAfterS = secondsOf(headers['retry-after']);
  }

  /** The provider sent an event. On the hot path. */
  heard(): void {
    const record = this.#record;
    record.events++;
    this.timers.heard();
    record.firstEventAt ??= this.timers.heardAt;
  }

  /** One of the items that passed asks the client to call a tool. Known only where details are read. */
  get hasToolCall(): boolean {
    return this.#hasToolCall;
  }

  /** The provider's turn state goes out with the first event: by itself it would commit the turn. */
  holdTurnState(turnState: string): void {
    this.#turnState = turnStateEvent(turnState);
  }

  /** The event that is held, once. */
  takeTurnState(): Buffer | undefined {
    const event = this.#turnState;
    this.#turnState = undefined;
    return event;
  }

  /** A finished item passes; where a later turn may continue it is kept, and counted as what it will be. */
  itemDone(payload: Buffer): void {
    if (this.#turn.details !== undefined) this.#hasToolCall ||= isToolCall(payload);
    const before = this.response.items.bytes;
    this.response.itemDone(payload);
    if (this.plan.memory.kind !== 'chain') return;
    const hasRoom = this.#memory?.reserve(this.response.items.bytes - before) ?? true;
    if (hasRoom) return;
    this.#memory?.unreserve(this.response.items.bytes);
    this.response.forgetItems();
  }

  pause(): void {
    this.#attempt.pause();
    this.timers.pause();
  }

  resume(): void {
    this.timers.resume();
    this.#attempt.resume();
  }

  /** Ends the attempt now. With an error type it failed, without one nobody wanted it any more. */
  abort(errorType?: string, result: 'error' | 'rejected' = 'error'): void {
    this.#attempt.abort();
    this.#record.result = errorType === undefined ? 'aborted' : result;
    this.#record.errorType = errorType;
  }

  /** The provider may finish its answer; nothing of it is needed any more. */
  release(): void {
    this.#attempt.release();
  }

  /**
   * The lane's latest response is this one, if it can be continued from here.
   * @param fallback The items of the terminal event, for a provider that announced none by themselves.
   */
  remember(responseId: string, fallback: Buffer | undefined): void {
    const { memory } = this.plan;
    const { items, hasAllItems } = this.response;
    if (memory.kind !== 'chain' || !hasAllItems) return;
    const output = items.count === 0 && fallback !== undefined ? exactCopy(fallback) : items.joined();
    this.#memory?.remember(responseId, memory.link, output);
  }

  /** Lets go of everything. Once, when the turn has ended. */
  close(now: number): void {
    this.timers.cancel();
    if (this.plan.memory.kind === 'chain') {
      this.#memory?.unreserve(this.response.items.bytes);
      this.#memory?.release(this.plan.memory.link);
    }
    this.#turn.maxGapMs = this.timers.maxGapMs;
    this.#turn.pausedMs = this.timers.pausedMs;
    this.#record.endedAt = now;
    this.#record.result ??= 'ok';
    this.#tools.facts({ kind: 'attempt.ended', turn: this.#turn, attempt: this.#record });
  }
}

/** What an answer says before its body. */
type AnswerHead = Pick<ProviderAnswer, 'status' | 'headers' | 'httpVersion'>;

/** `retry-after` in seconds; a date says nothing to a machine that waits for seconds. */
function secondsOf(retryAfter: string | undefined): number | undefined {
  const seconds = retryAfter === undefined || retryAfter.trim() === '' ? NaN : Number(retryAfter);
  return seconds >= 0 && seconds < Infinity ? seconds : undefined;
}

/** Whose turn it is, and what it asks. */
export interface RunSubject {
  readonly client: TurnParts['client'];
  readonly memory: TurnParts['memory'];
  readonly model: string;
  readonly previousResponseId: string | undefined;
}
