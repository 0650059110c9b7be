/**
 * The trace of a turn, written by hand from what it announces.
 *
 * ```
 *   response.create          SERVER    the turn, as its client saw it
 *   ├─ admission             INTERNAL  only when it waited in its lane
 *   └─ chat MODEL            CLIENT    the inference, all attempts
 *      └─ POST /v1/responses CLIENT    one attempt; WS /v1/responses over the provider's WebSocket
 *         └─ upstream connect CLIENT   only when a connection was dialled
 * ```
 * Nothing is done per event: what happened on the way is in the record, and is written when the turn ends. For a trace
 * that is not kept nothing is written; only the request's details were read for it, before anybody could know.
 */
import { SpanKind, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';
import type { AttemptRecord, TurnFact, TurnRecord } from '../../turn/facts.ts';
import { toClientContext } from './client-context.ts';
import { ModelNames } from './model-names.ts';
import {
  attemptAttributes,
  attemptStatus,
  dialAttributes,
  inferenceAttributes,
  inferenceFailed,
} from './provider-attributes.ts';
import { idsOf, known, type SpanTools } from './span-tools.ts';
import { isAborted, turnAttributes, turnStatus } from './turn-attributes.ts';
import { choiceEvent, type Choice } from './turn-choices.ts';
import type { WallTime } from './wall-clock.ts';

/** The spans of a turn that is under way. */
interface OpenTurn {
  /** As it was when the turn began: the clock of the day may be set meanwhile. */
  readonly time: WallTime;
  readonly span: Span;
  readonly context: Context;
  /** The client's, for providers. */
  readonly traceState: string;
  chat: { readonly span: Span; readonly context: Context; attempt: AttemptRecord } | undefined;
  attempt: Span | undefined;
  hasFailedOver: boolean;
  hasFallenBack: boolean;
}

/** Waiting for less than this is no waiting. */
const ADMISSION_MS = 5;

export class TurnSpans {
  readonly #tools: SpanTools;
  readonly #open = new Map<TurnRecord, OpenTurn>();
  readonly #models = new ModelNames();

  constructor(tools: SpanTools) {
    this.#tools = tools;
  }

  hear(fact: TurnFact): void {
    switch (fact.kind) {
      case 'turn.started':
        this.#begin(fact.turn);
        return;
      case 'attempt.started':
        this.#beginAttempt(fact.turn, fact.attempt);
        return;
      case 'attempt.ended':
        this.#endAttempt(fact.turn, fact.attempt);
        return;
      case 'turn.ended':
        this.#end(fact.turn);
        return;
      case 'warmup.answered':
        this.#warmedUp(fact.turn);
        return;
      case 'turn.failover':
      case 'turn.transport-fallback':
      case 'turn.failover-denied':
        this.#chosen(fact);
        return;
      case 'turn.queued': // it has neither a route nor a trace yet
      case 'turn.first-event': // their times are in the record
      case 'turn.first-output':
      case 'provider.ejected':
      case 'provider.returned':
      case 'provider.rate-limit':
      case 'bridge.mistake':
      case 'transcript.evicted':
        return;
    }
  }

  #begin(turn: TurnRecord): OpenTurn {
    const { tracer, propagator, clock, recent } = this.#tools;
    const time = clock.now();
    const { details } = turn;
    const { parent, links, traceState } = toClientContext(
      details?.clientTrace,
      details?.tracePolicy ?? 'Ignore',
      propagator,
    );
    const span = tracer.startSpan(
      turn.via === 'http' ? `POST ${turn.path}` : 'response.create',
      {
        kind: SpanKind.SERVER,
        startTime: time.at(turn.receivedAt),
        links: [...links, ...recent.linksOf(turn)],
      },
      parent,
    );
    const open: OpenTurn = {
      time,
      span,
      context: trace.setSpan(parent, span),
      traceState,
      chat: undefined,
      attempt: undefined,
      hasFailedOver: false,
      hasFallenBack: false,
    };
    this.#open.set(turn, open);
    turn.trace = idsOf(span, traceState);
    return open;
  }

  #beginAttempt(turn: TurnRecord, attempt: AttemptRecord): void {
    const open = this.#open.get(turn);
    if (open === undefined) return;
    const { tracer } = this.#tools;
    const startTime = open.time.at(attempt.startedAt);
    if (open.chat === undefined) {
      const name = `chat ${this.#models.nameOf(turn.details?.providerModel ?? turn.model, turn.model)}`;
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, startTime }, open.context);
      open.chat = { span, context: trace.setSpan(open.context, span), attempt };
    }
    open.chat.attempt = attempt;
    const options = { kind: SpanKind.CLIENT, startTime };
    open.attempt = tracer.startSpan(attemptName(attempt), options, open.chat.context);
    attempt.trace = idsOf(open.attempt, open.traceState);
  }

  #endAttempt(turn: TurnRecord, attempt: AttemptRecord): void {
    const open = this.#open.get(turn);
    const span = open?.attempt;
    if (open?.chat === undefined || span === undefined) return;
    open.attempt = undefined;
    const { dial } = attempt;
    if (dial !== undefined && span.isRecording()) {
      const context = trace.setSpan(open.chat.context, span);
      const connect = this.#short(open, 'upstream connect', SpanKind.CLIENT, context, dial.startedAt);
      connect.setAttributes(known(dialAttributes(attempt.origin, dial)));
      if (dial.errorType !== undefined) connect.setStatus({ code: SpanStatusCode.ERROR });
      connect.end(open.time.at(dial.endedAt));
    }
    if (span.isRecording()) {
      span.setAttributes(known(attemptAttributes(attempt)));
      span.setStatus(attemptStatus(attempt));
    }
    span.end(open.time.at(attempt.endedAt ?? attempt.startedAt));
  }

  /** Between the end of one attempt and the start of the next, or before the first. */
  #chosen(choice: Choice): void {
    const open = this.#open.get(choice.turn);
    if (open === undefined) return;
    if (choice.kind === 'turn.failover') open.hasFailedOver = true;
    if (choice.kind === 'turn.transport-fallback') open.hasFallenBack = true;
    const at = open.chat?.attempt.endedAt ?? choice.turn.startedAt ?? choice.turn.receivedAt;
    const { name, attributes } = choiceEvent(choice);
    open.span.addEvent(name, known(attributes), open.time.at(at));
  }

  #end(turn: TurnRecord): void {
    const open = this.#open.get(turn) ?? this.#begin(turn);
    this.#open.delete(turn);
    const { semconv, recent } = this.#tools;
    const endTime = open.time.at(turn.endedAt ?? turn.receivedAt);
    const { chat, span } = open;
    if (open.attempt !== undefined) {
      // it was never heard of again: only our own mistake does that
      open.attempt.setStatus({ code: SpanStatusCode.ERROR });
      open.attempt.end(endTime);
    }
    if (chat !== undefined) {
      if (chat.span.isRecording()) {
        chat.span.setAttributes(known(inferenceAttributes(turn, chat.attempt, semconv)));
        if (inferenceFailed(turn)) chat.span.setStatus({ code: SpanStatusCode.ERROR });
      }
      chat.span.end(endTime);
    }
    if (span.isRecording()) {
      this.#tellWait(turn, open);
      addEvents(turn, open);
      span.setAttributes(known(turnAttributes(turn, open)));
      span.setStatus(turnStatus(turn));
      recent.turnEnded(turn, span.spanContext());
    }
    span.end(endTime);
  }

  /** One span by itself: a warm-up is answered here, and asks no provider. */
  #warmedUp(turn: TurnRecord): void {
    const open = this.#begin(turn);
    this.#open.delete(turn);
    open.span.setAttributes(known(turnAttributes(turn)));
    open.span.end(open.time.at(turn.endedAt ?? turn.receivedAt));
  }

  /** Only now, though it was over long ago: who samples at the tail waits from a trace's first span on. */
  #tellWait({ receivedAt, startedAt, endedAt }: TurnRecord, open: OpenTurn): void {
    const waitedUntil = startedAt ?? endedAt ?? receivedAt;
    if (waitedUntil - receivedAt <= ADMISSION_MS) return;
    const span = this.#short(open, 'admission', SpanKind.INTERNAL, open.context, receivedAt);
    span.end(open.time.at(waitedUntil));
  }

  #short({ time }: OpenTurn, name: string, kind: SpanKind, context: Context, from: number): Span {
    return this.#tools.tracer.startSpan(name, { kind, startTime: time.at(from) }, context);
  }
}

function attemptName({ transport, path }: AttemptRecord): string {
  return `${transport === 'websocket' ? 'WS' : 'POST'} ${path}`;
}

/** At most five: what happened on the way, in the order of time as far as tools sort it. */
function addEvents(turn: TurnRecord, { span, time }: OpenTurn): void {
  const add = (name: string, at: number | undefined): void => {
    if (at !== undefined) span.addEvent(name, undefined, time.at(at));
  };
  add('first_event', turn.firstEventAt);
  add('first_output', turn.firstOutputAt);
  add('first_keepalive', turn.firstKeepaliveAt);
  add('backpressure', turn.firstPausedAt);
  add('cancel_received', turn.interruptedAt);
  if (turn.outcome !== undefined && isAborted(turn.outcome) && turn.interruptedAt === undefined)
    add(turn.errorType === 'slow_consumer' ? 'client_stalled' : 'client_gone', turn.endedAt);
}
