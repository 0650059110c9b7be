/**
 * How far a turn is, as telemetry sees it: keeps the record and announces each step. A warm-up is no turn, unless it is
 * refused: then it is announced like any request that was.
 */
import type { EventType } from '../events/event-type.ts';
import type { ErrorAnswer } from '../frames/errors.ts';
import { translateMetadata } from '../frames/client-metadata.ts';
import type { ResponseCreate } from '../frames/response-create.ts';
import type { CompiledRoute, HeaderField } from '../route/snapshot.ts';
import { mapModel } from '../route/match.ts';
import type { AttemptPlan } from './attempt-plan.ts';
import type { NextAttempt } from './attempt-walk.ts';
import { toAnswerCode } from './error-type.ts';
import type {
  ContinuationResult,
  FinishReason,
  TokenUsage,
  TracePolicy,
  TurnFact,
  TurnOutcome,
  TurnRecord,
} from './facts.ts';
import type { ResponseFacts } from './output-items.ts';
import type { TurnCourse } from './plan.ts';
import { readDetails, sessionOf, toLevel, toWord } from './request-details.ts';
import type { TurnClient } from './turn-client.ts';
import type { TurnTools } from './turn-parts.ts';
import { modelLabel } from './model-label.ts';

type Tools = Pick<TurnTools, 'clock' | 'facts' | 'pseudonyms' | 'readsDetails'>;

/** Who asks what. */
export interface Asked {
  readonly create: ResponseCreate;
  readonly client: TurnClient;
  readonly tracePolicy: TracePolicy;
}

/** What a turn is going to do first, as it leaves its lane's queue. */
export interface FirstStep {
  readonly route: CompiledRoute | undefined;
  /** Undefined: a warm-up is answered here, which is no turn. */
  readonly continuation: ContinuationResult | undefined;
  /** Undefined: no provider is asked. */
  readonly attempt: AttemptPlan | undefined;
  /** Headers that a frame carries; undefined: they have not been read. */
  readonly ownHeaders: readonly HeaderField[] | undefined;
}

/** @param course undefined where the turn is refused without one. */
export function toFirstStep(first: NextAttempt, course: TurnCourse | undefined): FirstStep {
  const ownHeaders = course?.ownHeaders;
  switch (first.kind) {
    case 'attempt':
      return {
        route: course?.route,
        continuation: first.plan.continuation,
        attempt: first.plan,
        ownHeaders,
      };
    case 'refuse':
      return { route: first.route, continuation: first.continuation, attempt: undefined, ownHeaders };
    case 'warmup':
    case 'none':
      return { route: course?.route, continuation: undefined, attempt: undefined, ownHeaders };
  }
}

export class TurnProgress {
  readonly record: TurnRecord;
  readonly #tools: Tools;
  readonly #isWarmup: boolean;

  constructor(record: TurnRecord, tools: Tools, isWarmup: boolean) {
    this.record = record;
    this.#tools = tools;
    this.#isWarmup = isWarmup;
    this.#announce('turn.queued');
  }

  /** It has left its lane's queue, and this is what it is going to do. */
  planned(step: FirstStep, asked: Asked, startedAt: number): void {
    const { record } = this;
    const { create } = asked;
    record.startedAt = startedAt;
    record.route = step.route?.id;
    if (step.route !== undefined) record.model = modelLabel(step.route, create.model ?? '');
    if (step.continuation !== undefined) record.continuation = step.continuation;
    if (step.attempt !== undefined) this.attempting(step.attempt);
    this.#describe(step, asked);
    this.#announce('turn.started');
  }

  /** This provider is asked now. */
  attempting({ provider, transport, continuation }: AttemptPlan): void {
    const { record } = this;
    record.provider = provider.name;
    record.transport = transport;
    record.continuation = continuation;
  }

  /** What only turns announce: of a warm-up nobody has heard. */
  announce(fact: TurnFact): void {
    if (!this.#isWarmup) this.#tools.facts(fact);
  }

  /** One event goes to the client. On the hot path: additions and two comparisons. */
  sent(payload: Buffer, type: EventType): void {
    const { record } = this;
    if (record.firstEventAt === undefined) {
      record.firstEventAt = this.#tools.clock.now();
      this.#announce('turn.first-event');
    }
    if (record.firstOutputAt === undefined && (type.role === 'output' || type.role === 'item-added')) {
      record.firstOutputAt = this.#tools.clock.now();
      this.#announce('turn.first-output');
    }
    record.events++;
    record.bytesOut += payload.length;
  }

  /** A keep-alive of the provider goes to the client. */
  keptAlive(): void {
    this.record.keepalives++;
    this.record.firstKeepaliveAt ??= this.#tools.clock.now();
  }

  paused(): void {
    this.record.firstPausedAt ??= this.#tools.clock.now();
  }

  interrupted(): void {
    this.record.interruptedAt = this.#tools.clock.now();
  }

  /** This is what the client hears of a failure. */
  refused({ status, error }: ErrorAnswer): void {
    this.record.status = status;
    this.record.answerCode = toAnswerCode(error.code ?? error.type);
  }

  /** What the provider's terminal event says. */
  closing(facts: ResponseFacts, outcome: TurnOutcome, hasToolCall: boolean): void {
    const { record } = this;
    record.usage = together(record.usage, facts.usage);
    record.responseId = facts.id ?? record.responseId;
    record.responseModel = toWord(facts.model);
    record.responseTier = toLevel(facts.serviceTier);
    if (outcome !== 'cancelled') record.finishReason = finishReasonOf(outcome, facts, hasToolCall);
    if (outcome === 'failed') record.answerCode = toAnswerCode(facts.errorCode ?? 'server_error');
  }

  /** A warm-up was answered: the last that is heard of it. */
  warmedUp(route: string): void {
    this.record.endedAt = this.#tools.clock.now();
    this.record.outcome = 'completed';
    this.#tools.facts({ kind: 'warmup.answered', route, turn: this.record });
  }

  /** It ends before it has sent anything: if it never left its lane's queue, what was asked is told all the same. */
  leaves(asked: Asked): void {
    if (this.record.startedAt === undefined) this.#describe(undefined, asked);
  }

  /** Last of all. */
  ended(now: number, outcome: TurnOutcome, errorType: string | undefined): void {
    const { record } = this;
    record.endedAt = now;
    record.outcome = outcome;
    record.errorType = errorType;
    if (this.#isWarmup && !UNHEARD.has(outcome)) {
      this.#tools.facts({ kind: 'turn.queued', turn: record });
      this.#tools.facts({ kind: 'turn.ended', turn: record });
    }
    this.#announce('turn.ended');
  }

  #describe(step: FirstStep | undefined, { create, client, tracePolicy }: Asked): void {
    const { record } = this;
    const { pseudonyms, readsDetails } = this.#tools;
    const headers = ownHeaders(step, create, client);
    const idPolicy = step?.route?.telemetry.sessionIds ?? 'Hashed';
    record.session = pseudonyms.nameOf(sessionOf(create, headers, client.headers), idPolicy);
    if (!readsDetails) return;
    record.details = readDetails({
      create,
      headers,
      tracePolicy,
      idPolicy,
      pseudonyms,
      providerModel: step?.attempt && mapModel(step.attempt.provider, create.model ?? ''),
    });
  }

  #announce(
    kind: 'turn.queued' | 'turn.started' | 'turn.first-event' | 'turn.first-output' | 'turn.ended',
  ): void {
    if (!this.#isWarmup) this.#tools.facts({ kind, turn: this.record });
  }
}

/** Ends of a warm-up that are nobody's failure. */
const UNHEARD: ReadonlySet<TurnOutcome> = new Set(['completed', 'cancelled', 'disconnected', 'drained']);

/** Headers of this very request: an HTTP request's own, or those that a frame carries. */
function ownHeaders(
  step: FirstStep | undefined,
  create: ResponseCreate,
  client: TurnClient,
): readonly HeaderField[] {
  if (client.entry === 'http') return client.headers;
  if (step?.ownHeaders !== undefined) return step.ownHeaders;
  return create.clientMetadata === undefined
    ? []
    : translateMetadata(create.bytes, create.clientMetadata).headers;
}

/** A steered turn has several responses, and each of them was worked for. */
function together(earlier: TokenUsage | undefined, later: TokenUsage | undefined): TokenUsage | undefined {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  return {
    inputTokens: earlier.inputTokens + later.inputTokens,
    cachedTokens: earlier.cachedTokens + later.cachedTokens,
    cacheWriteTokens: earlier.cacheWriteTokens + later.cacheWriteTokens,
    outputTokens: earlier.outputTokens + later.outputTokens,
    reasoningTokens: earlier.reasoningTokens + later.reasoningTokens,
  };
}

function finishReasonOf(
  outcome: TurnOutcome,
  { incompleteReason }: ResponseFacts,
  hasToolCall: boolean,
): FinishReason {
  if (outcome === 'completed') return hasToolCall ? 'tool_call' : 'stop';
  if (outcome !== 'incomplete') return 'error';
  return incompleteReason === 'content_filter' ? 'content_filter' : 'length';
}
