/**
 * How far a turn is, as telemetry sees it: keeps the record and announces each step. A warm-up is no turn, unless it is
 * refused: then it is announced like any request that was.
 */
import type { EventType } from '../events/event-type.ts';
import type { TurnOutcome, TurnRecord } from './facts.ts';
import type { ResponseFacts } from './output-items.ts';
import type { TurnPlan } from './plan.ts';
import type { TurnTools } from './turn-parts.ts';
import { modelLabel } from './turn-record.ts';

type Tools = Pick<TurnTools, 'clock' | 'facts'>;

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
  planned(plan: TurnPlan, model: string, startedAt: number): void {
    const { record } = this;
    record.startedAt = startedAt;
    record.route = plan.route?.id;
    if (plan.route !== undefined) record.model = modelLabel(plan.route, model);
    if (plan.kind !== 'warmup') record.continuation = plan.continuation;
    if (plan.kind === 'run') record.provider = plan.provider.name;
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

  /** What the provider's terminal event says. */
  closing(facts: ResponseFacts): void {
    this.record.usage = facts.usage;
    this.record.responseId = facts.id ?? this.record.responseId;
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

  #announce(
    kind: 'turn.queued' | 'turn.started' | 'turn.first-event' | 'turn.first-output' | 'turn.ended',
  ): void {
    if (!this.#isWarmup) this.#tools.facts({ kind, turn: this.record });
  }
}
