/**
 * How far a turn is, as telemetry sees it: keeps the record and announces each step. A warm-up is no turn, unless it is
 * refused: then it is announced like any request that was.
 */
import type { EventType } from '../events/event-type.ts';
import type { ErrorAnswer } from '../frames/errors.ts';
import { translateMetadata } from '../frames/client-metadata.ts';
import type { ResponseCreate } from '../frames/response-create.ts';
import type { HeaderField } from '../route/snapshot.ts';
import { mapModel } from '../route/match.ts';
import { toAnswerCode } from './error-type.ts';
import type { FinishReason, TracePolicy, TurnOutcome, TurnRecord } from './facts.ts';
import type { ResponseFacts } from './output-items.ts';
import type { TurnPlan } from './plan.ts';
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
  planned(plan: TurnPlan, asked: Asked, startedAt: number): void {
    const { record } = this;
    const { create } = asked;
    record.startedAt = startedAt;
    record.route = plan.route?.id;
    if (plan.route !== undefined) record.model = modelLabel(plan.route, create.model ?? '');
    if (plan.kind !== 'warmup') record.continuation = plan.continuation;
    if (plan.kind === 'run') record.provider = plan.provider.name;
    this.#describe(plan, asked);
    this.#announce('turn.started');
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
    record.usage = facts.usage;
    record.responseId = facts.id ?? record.responseId;
    record.responseModel = toWord(facts.model);
    record.responseTier = toLevel(facts.serviceTier);
    record.finishReason = finishReasonOf(outcome, facts, hasToolCall);
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
    if (this.#isWarmup && (outcome === 'rejected' || outcome === 'bridge_error')) {
      this.#tools.facts({ kind: 'turn.queued', turn: record });
      this.#tools.facts({ kind: 'turn.ended', turn: record });
    }
    this.#announce('turn.ended');
  }

  #describe(plan: TurnPlan | undefined, { create, client, tracePolicy }: Asked): void {
    const { record } = this;
    const { pseudonyms, readsDetails } = this.#tools;
    const headers = ownHeaders(plan, create, client);
    const idPolicy = plan?.route?.telemetry.sessionIds ?? 'Hashed';
    record.session = pseudonyms.nameOf(sessionOf(create, headers, client.headers), idPolicy);
    if (!readsDetails) return;
    record.details = readDetails({
      create,
      headers,
      tracePolicy,
      idPolicy,
      pseudonyms,
      providerModel: plan?.kind === 'run' ? mapModel(plan.provider, create.model ?? '') : undefined,
    });
  }

  #announce(
    kind: 'turn.queued' | 'turn.started' | 'turn.first-event' | 'turn.first-output' | 'turn.ended',
  ): void {
    if (!this.#isWarmup) this.#tools.facts({ kind, turn: this.record });
  }
}

/** Headers of this very request: an HTTP request's own, or those that a frame carries. */
function ownHeaders(
  plan: TurnPlan | undefined,
  create: ResponseCreate,
  client: TurnClient,
): readonly HeaderField[] {
  if (client.entry === 'http') return client.headers;
  if (plan?.kind === 'run') return plan.ownHeaders;
  return create.clientMetadata === undefined
    ? []
    : translateMetadata(create.bytes, create.clientMetadata).headers;
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
