/** A turn with an attempt under way: what belongs to it, opened and let go together. */
import { eventTypeOf, type EventType } from '../events/event-type.ts';
import { toRateLimitsEvents, toRemaining } from '../frames/rate-limits-event.ts';
import { turnStateEvent } from '../frames/server-events.ts';
import { exactCopy } from '../json/exact-copy.ts';
import type {
  Attempt,
  AttemptListener,
  Dial,
  ProviderAnswer,
  ProviderFault,
  SendResult,
} from '../provider/provider.ts';
import type { CompiledProvider, ProviderCapability } from '../route/snapshot.ts';
import { toAttemptRequest, type AttemptPlan, type AttemptSubject } from './attempt-plan.ts';
import type { ToldError } from './error-event.ts';
import { toFaultType } from './error-type.ts';
import type { TurnFailure } from './failure.ts';
import type { AttemptRecord, TurnFact, TurnRecord } from './facts.ts';
import { HeldEvents } from './held-events.ts';
import type { LaneMemory } from './lane-memory.ts';
import { isToolCall } from './output-items.ts';
import type { TurnCourse, TurnMemory } from './plan.ts';
import { ResponseSoFar } from './response-so-far.ts';
import { toTraceHeaders } from './trace-headers.ts';
import { newAttemptRecord } from './turn-record.ts';
import { TurnTimers } from './turn-timers.ts';
import type { TurnTools } from './turn-parts.ts';

/** What a run tells its turn. */
export interface RunListener extends AttemptListener {
  onTimeout(failure: TurnFailure): void;
}

/** Whose turn it is, and what it asks. */
export interface RunSubject extends AttemptSubject {
  readonly turn: TurnRecord;
  readonly memory: LaneMemory | undefined;
  /** What is to be remembered; the turn holds it. */
  readonly kept: TurnMemory;
  readonly turnStartedAt: number;
  /** The client reads `codex.rate_limits`; others have no use for it. */
  readonly takesRateLimits: boolean;
}

export class Run {
  readonly plan: AttemptPlan;
  readonly timers: TurnTimers;
  /** Events that came, or that we made of headers, before the first that commits the turn. */
  readonly held = new HeldEvents();
  readonly startedAt: number;
  readonly #tools: TurnTools;
  readonly #subject: RunSubject;
  readonly #routeId: string;
  readonly #maxItemBytes: number;
  readonly #record: AttemptRecord;
  readonly #attempt: Attempt;
  #response: ResponseSoFar;
  #answer: ProviderAnswer | undefined;
  #hasToolCall = false;

  /** Opens the attempt. The listener hears nothing before this has returned. */
  constructor(
    tools: TurnTools,
    subject: RunSubject,
    course: TurnCourse,
    plan: AttemptPlan,
    listener: RunListener,
  ) {
    const { turn } = subject;
    this.#tools = tools;
    this.#subject = subject;
    this.#routeId = course.route.id;
    this.plan = plan;
    this.startedAt = tools.clock.now();
    this.#record = newAttemptRecord(turn.attempts, plan, this.startedAt);
    this.#announce({ kind: 'attempt.started', turn, attempt: this.#record });
    // items are kept where a later turn may continue, and no more of them than may be remembered
    this.#maxItemBytes = subject.kept.kind === 'chain' ? course.route.continuation.maxBytesPerConnection : 0;
    const { model = '', previousResponseId } = course.create;
    this.#response = new ResponseSoFar(model, previousResponseId, this.#maxItemBytes);
    const trace = toTraceHeaders(this.#record.trace, plan.provider, tools.propagation);
    this.#attempt = tools.transport.open(toAttemptRequest(course, plan, subject, trace), listener);
    // after the attempt: a timer must not outlive a run that could not be opened
    const { turnStartedAt } = subject;
    this.timers = new TurnTimers(tools.clock, course.route.timeouts, turnStartedAt, (failure) =>
      listener.onTimeout(failure),
    );
  }

  /** The response that is under way; of a steered turn the latest. */
  get response(): ResponseSoFar {
    return this.#response;
  }

  get provider(): CompiledProvider {
    return this.plan.provider;
  }

  /** What the provider accepted the request with; undefined before it did. */
  get answer(): ProviderAnswer | undefined {
    return this.#answer;
  }

  /** A connection was opened for this attempt, or could not be. */
  dialled({ fault, ...times }: Dial): void {
    this.#record.dial = { ...times, errorType: fault && toFaultType(fault.code, fault.reason) };
  }

  /** A connection was opened for this attempt. */
  get wasDialled(): boolean {
    const { dial } = this.#record;
    return dial !== undefined && dial.errorType === undefined;
  }

  /** The provider accepted. What its headers say to the client as events waits for the first one. */
  accepted(answer: ProviderAnswer): void {
    this.#answer = answer;
    this.answered(answer);
    if (this.#subject.client.entry === 'http') return; // they are headers of its answer too
    if (answer.turnState !== undefined) this.#hold(turnStateEvent(answer.turnState));
    if (!this.#subject.takesRateLimits) return;
    for (const event of toRateLimitsEvents(answer.headers)) this.#hold(event);
  }

  /** The provider answered, with whatever status. */
  answered({ status, headers, httpVersion }: AnswerHead): void {
    const record = this.#record;
    record.answeredAt = this.#tools.clock.now();
    record.status = status;
    record.httpVersion = httpVersion;
    record.requestId = headers['x-request-id'];
    record.retryAfterS = secondsOf(headers['retry-after']);
    const window = toRemaining(headers);
    if (window === undefined) return;
    const provider = this.plan.provider.name;
    this.#tools.facts({ kind: 'provider.rate-limit', route: this.#routeId, provider, window });
  }

  /** An error event came. Over HTTP its answer has a status of its own, over a WebSocket there is none but the event's. */
  erred({ status, headers }: ToldError): void {
    if (this.plan.transport !== 'websocket') return;
    this.#record.status = status ?? this.#record.status;
    this.#record.retryAfterS = secondsOf(headers['retry-after']);
  }

  /** The attempt ended without an answer, or within it. */
  lost({ closeCode }: ProviderFault): void {
    this.#record.closeCode = closeCode;
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

  /** A finished item passes; where a later turn may continue it is kept, and counted as what it will be. */
  itemDone(payload: Buffer): void {
    const { turn, kept, memory } = this.#subject;
    if (turn.details !== undefined) this.#hasToolCall ||= isToolCall(payload);
    const before = this.#response.items.bytes;
    this.#response.itemDone(payload);
    if (kept.kind !== 'chain') return;
    const hasRoom = memory?.reserve(this.#response.items.bytes - before) ?? true;
    if (!hasRoom) this.forgetItems();
  }

  /** The response cannot be continued from here: what was kept of it is let go. */
  forgetItems(): void {
    this.#unreserve();
    this.#response.forgetItems();
  }

  /** The client steered the response that has ended: this event creates the one that follows. */
  succeeded(previousId: string | undefined): void {
    this.forgetItems();
    this.#response = new ResponseSoFar(this.#response.model, previousId, 0);
  }

  pause(): void {
    this.#attempt.pause();
    this.timers.pause();
  }

  resume(): void {
    this.timers.resume();
    this.#attempt.resume();
  }

  /** Passes a frame on that the provider's WebSocket takes in mid response; `no` where it does not. */
  send(frame: Buffer, capability: ProviderCapability): SendResult {
    const { provider, transport } = this.plan;
    const isTaken = transport === 'websocket' && provider.capabilities.has(capability);
    return isTaken ? this.#attempt.send(frame) : 'no';
  }

  /** Ends the attempt now, since nobody wants it any more. */
  abort(): void {
    this.#attempt.abort();
    this.#record.result = 'aborted';
  }

  /** It has failed, and ends now. @param isOver nothing more will come: the provider's WebSocket may serve again. */
  failed(errorType: string, result: 'error' | 'rejected' | 'fallback' = 'error', isOver = false): void {
    if (isOver) this.#attempt.release();
    else this.#attempt.abort();
    this.#record.result = result;
    this.#record.errorType = errorType;
  }

  /** The provider may finish its answer; nothing of it is needed any more. */
  release(responseId: string | undefined): void {
    this.#attempt.release(responseId);
  }

  /**
   * The lane's latest response is this one, if it can be continued from here.
   * @param fallback The items of the terminal event, for a provider that announced none by themselves.
   */
  remember(responseId: string, fallback: Buffer | undefined): void {
    const { kept, memory } = this.#subject;
    const { items, hasAllItems } = this.#response;
    if (kept.kind !== 'chain' || !hasAllItems) return;
    const output = items.count === 0 && fallback !== undefined ? exactCopy(fallback) : items.joined();
    memory?.remember(responseId, kept.link, output);
  }

  /** Lets go of everything. Once, when the attempt has ended. */
  close(now: number): void {
    const { turn } = this.#subject;
    this.timers.cancel();
    this.#unreserve();
    turn.maxGapMs = Math.max(turn.maxGapMs, this.timers.maxGapMs);
    turn.pausedMs += this.timers.pausedMs;
    this.#record.endedAt = now;
    this.#record.result ??= 'ok';
    this.#announce({ kind: 'attempt.ended', turn, attempt: this.#record });
  }

  #unreserve(): void {
    const { kept, memory } = this.#subject;
    if (kept.kind === 'chain') memory?.unreserve(this.#response.items.bytes);
  }

  #hold(event: Buffer): void {
    const type: EventType = eventTypeOf(event);
    this.held.ours(event, type);
  }

  /** A warm-up is no turn: nobody has heard of it. */
  #announce(fact: TurnFact): void {
    if (!this.#subject.turn.isWarmup) this.#tools.facts(fact);
  }
}

/** What an answer says before its body. */
type AnswerHead = Pick<ProviderAnswer, 'status' | 'headers' | 'httpVersion'>;

/** `retry-after` in seconds; a date says nothing to a machine that waits for seconds. */
function secondsOf(retryAfter: string | undefined): number | undefined {
  const seconds = retryAfter === undefined || retryAfter.trim() === '' ? NaN : Number(retryAfter);
  return seconds >= 0 && seconds < Infinity ? seconds : undefined;
}
