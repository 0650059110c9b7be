/**
 * One response, from its request to its final event.
 *
 * ```
 *   queued ──start──▶ opening ──first event sent──▶ streaming ──terminal event──▶ ended
 *      │                 │                              │                           ▲
 *      └─────────────────┴── refused, lost, timed out, interrupted, cut, gone ──────┘
 * ```
 * Until the first event has gone to the client another attempt is possible (the seam is `#attemptEnded`); from
 * then on the turn is committed, and what fails becomes the response's own ending. There is exactly one ending.
 */
import { eventTypeOf, type EventType } from '../events/event-type.ts';
import { refusal, type ErrorAnswer } from '../frames/errors.ts';
import type { ResponseCreate } from '../frames/response-create.ts';
import { failedEvent, interruptedEvent } from '../frames/server-events.ts';
import type { AttemptEnd, ProviderAnswer } from '../provider/provider.ts';
import type { RouteGroup } from '../route/snapshot.ts';
import { fromAttemptEnd, fromErrorEvent, fromFailedResponse, type TurnFailure } from './failure.ts';
import type { TurnOutcome, TurnRecord } from './facts.ts';
import { readResponse, withBlankId } from './output-items.ts';
import { ParentLink } from './parent-link.ts';
import { planTurn } from './plan.ts';
import { Run, type RunPlan } from './run.ts';
import type { TurnParts, TurnTools } from './turn-parts.ts';
import { TurnProgress } from './turn-progress.ts';
import type { TurnState } from './turn-state.ts';
import { answerWarmup } from './warmup.ts';

export class Turn {
  readonly record: TurnRecord;
  readonly #progress: TurnProgress;
  readonly #tools: TurnTools;
  readonly #parts: Omit<TurnParts, 'create'>;
  readonly #parent: ParentLink;
  readonly #model: string;
  #create: ResponseCreate | undefined;
  #state: TurnState;

  /** Pins what the request continues from: it may be forgotten while the turn waits in its lane. */
  constructor(tools: TurnTools, parts: TurnParts) {
    this.#tools = tools;
    this.#parts = parts;
    this.record = parts.record;
    this.#progress = new TurnProgress(parts.record, tools, parts.create.isWarmup);
    this.#create = parts.create;
    this.#parent = new ParentLink(parts.memory, parts.create.previousResponseId);
    this.#model = parts.create.model ?? '';
    this.#state = { kind: 'queued', pinned: this.#parent.hold() };
  }

  /** The response's id, as the client knows it; undefined before `response.created` and after the end. */
  get responseId(): string | undefined {
    return this.#run?.response.id;
  }

  /** Plans the turn and opens its attempt; or refuses it, or answers the warm-up: then it has ended on return. */
  start(group: RouteGroup): void {
    try {
      this.#start(group);
    } catch (error) {
      this.#mistake(error);
    }
  }

  /** `response.interrupt`: stops the provider and ends the response as interrupted. */
  interrupt(): void {
    const run = this.#run;
    if (run === undefined || run.response.id === undefined) return;
    this.#progress.interrupted();
    const sketch = run.response.sketch(Date.now());
    const visibleId = run.plan.memory.kind === 'blank' ? '' : sketch.id;
    const event = interruptedEvent({ ...sketch, id: visibleId }, run.response.nextSequence());
    run.remember(run.response.id, undefined);
    run.abort();
    this.#send(run, event, eventTypeOf(event));
    this.#end('cancelled');
  }

  /** The client is gone, or was let go for a reason of ours: nothing more is sent. */
  disconnect(errorType?: 'slow_consumer'): void {
    if (this.#state.kind === 'ended') return;
    this.#run?.abort();
    this.#end('disconnected', errorType);
  }

  /**
   * The drain's deadline: the turn ends now. Before the first finished item the client is told to open another
   * connection and send everything, which costs the Codex CLI one hidden retry (measured).
   */
  cut(): void {
    if (this.#state.kind === 'ended') return;
    const run = this.#run;
    run?.abort();
    const isHttp = this.#parts.client.entry === 'http';
    if (run?.response.id !== undefined && (isHttp || run.response.hasFinishedItem)) {
      this.#sendFailed(run, refusal('server_draining', 'This bridge is shutting down.'));
    } else {
      const message = 'This bridge is shutting down; open a new connection.';
      this.#refuse(refusal('websocket_connection_limit_reached', message));
    }
    this.#end('drained', 'server_draining');
  }

  /** Refuses a turn that has no attempt; one that has goes on. */
  reject(failure: TurnFailure): void {
    if (this.#state.kind !== 'queued') return;
    this.#parent.forgetAfterFailure();
    this.#refuse(failure.answer);
    this.#end(failure.outcome, failure.errorType);
  }

  /** The client reads slowly: so do we. */
  pause(): void {
    if (this.#run === undefined) return;
    this.#progress.paused();
    this.#run.pause();
  }

  resume(): void {
    this.#run?.resume();
  }

  #start(group: RouteGroup): void {
    if (this.#state.kind !== 'queued' || this.#create === undefined) return;
    const startedAt = this.#tools.clock.now();
    const pinned = this.#state.pinned ?? this.#parent.hold();
    this.#state = { kind: 'queued', pinned };
    const { client } = this.#parts;
    const plan = planTurn(this.#create, client, group, this.#parts.memory, pinned);
    this.#state = { kind: 'queued', pinned: undefined };
    this.#parent.release(pinned);
    this.#progress.planned(plan, { ...this.#parts, create: this.#create }, startedAt);
    if (plan.kind === 'warmup') {
      answerWarmup(plan, this.#parts, this.#model, this.#parent.responseId);
      this.#progress.warmedUp(plan.route.id);
      this.#state = { kind: 'ended' };
      return this.#leave();
    }
    if (plan.kind === 'refuse') return this.reject(plan.failure);
    try {
      this.#open(plan, startedAt);
    } catch (error) {
      if (plan.memory.kind === 'chain') this.#parent.release(plan.memory.link);
      throw error;
    }
  }

  get #run(): Run | undefined {
    return this.#state.kind === 'opening' || this.#state.kind === 'streaming' ? this.#state.run : undefined;
  }

  #open(plan: RunPlan, startedAt: number): void {
    const { record } = this;
    record.attempts++;
    const subject = { ...this.#parts, model: this.#model, previousResponseId: this.#parent.responseId };
    const run: Run = new Run(this.#tools, subject, record, plan, {
      // a late result of a run that was let go finds another state
      onAnswer: (answer) => this.#within(run, () => this.#onAnswer(run, answer)),
      onEvent: (payload, type) => {
        if (this.#run !== run) return;
        try {
          this.#onEvent(run, payload, type);
        } catch (error) {
          this.#mistake(error);
        }
      },
      onDialled: (dial) => run.dialled(dial),
      onEnd: (end) => this.#within(run, () => this.#attemptEnded(run, end)),
      onTimeout: (failure) => this.#within(run, () => this.#fail(run, failure)),
    });
    this.#state = { kind: 'opening', run };
    record.overheadMs = this.#tools.clock.exact() - startedAt;
  }

  #onAnswer(run: Run, answer: ProviderAnswer): void {
    run.answered(answer);
    this.record.providerRequestId = answer.headers['x-request-id'];
    const { turnState, headers } = answer;
    this.#parts.sink.answered?.(
      turnState === undefined ? headers : { ...headers, 'x-codex-turn-state': turnState },
    );
    if (turnState !== undefined && this.#parts.client.entry === 'websocket') run.holdTurnState(turnState);
  }

  /** The hot path: most events pass with a few additions and a comparison. */
  #onEvent(run: Run, payload: Buffer, type: EventType): void {
    if (type.role === 'keepalive') return this.#keepAlive(run, payload, type);
    run.heard();
    switch (type.role) {
      case 'completed':
      case 'incomplete':
      case 'failed':
        return this.#finish(run, payload, type, type.role);
      case 'error':
        return this.#fail(run, fromErrorEvent(payload, run.plan.provider));
      case 'created':
        run.response.created(payload);
        this.record.responseId = run.response.id;
        break;
      case 'item-done':
        run.itemDone(payload);
        break;
      case 'item-added':
      case 'output':
      case 'metadata':
      case 'other':
        break;
    }
    this.#send(run, payload, type);
  }

  /** A sign of life, no event: it commits nothing and is not what `timeouts.firstEventSeconds` waits for. */
  #keepAlive(run: Run, payload: Buffer, type: EventType): void {
    run.timers.lives();
    if (!this.#parts.sink.takesKeepalives) return;
    this.#progress.keptAlive();
    this.#parts.sink.event(payload, type);
  }

  #send(run: Run, payload: Buffer, type: EventType): void {
    if (this.#state.kind === 'opening') {
      this.#state = { kind: 'streaming', run };
      this.#releaseBody();
      const turnState = run.takeTurnState();
      if (turnState !== undefined) this.#put(run, turnState, eventTypeOf(turnState));
    }
    this.#put(run, payload, type);
  }

  #put(run: Run, payload: Buffer, type: EventType): void {
    this.#progress.sent(payload, type);
    run.response.sent(payload, type);
    this.#parts.sink.event(payload, type);
  }

  /** The provider's terminal event: remembered before the client hears of it, which may answer at once. */
  #finish(run: Run, payload: Buffer, type: EventType, outcome: 'completed' | 'incomplete' | 'failed'): void {
    const facts = readResponse(payload);
    this.#progress.closing(facts, outcome, run.hasToolCall);
    if (outcome === 'failed') this.#parent.forgetAfterFailure();
    else if (facts.id !== undefined && facts.id !== '') run.remember(facts.id, facts.outputItems);
    run.release();
    this.#send(run, run.plan.memory.kind === 'blank' ? withBlankId(payload, facts) : payload, type);
    if (outcome !== 'failed') return this.#end(outcome);
    const failure = fromFailedResponse(facts.errorCode, run.plan.provider);
    this.#end(failure.outcome, failure.errorType);
  }

  /**
   * The attempt ended by itself, before a terminal event. While the turn is `opening` nothing has reached the
   * client: this is where another attempt will be chosen once routes have failover.
   */
  #attemptEnded(run: Run, end: AttemptEnd): void {
    if (end.kind === 'refused') run.answered(end);
    this.#fail(run, fromAttemptEnd(end, run.plan.provider));
  }

  #fail(run: Run, failure: TurnFailure): void {
    run.abort(failure.errorType, failure.outcome === 'rejected' ? 'rejected' : 'error');
    this.#parent.forgetAfterFailure();
    this.#tell(run, failure.answer);
    this.#end(failure.outcome, failure.errorType);
  }

  /** As an error before the response exists, as its ending after. */
  #tell(run: Run | undefined, answer: ErrorAnswer): void {
    if (run?.response.id === undefined) this.#refuse(answer);
    else this.#sendFailed(run, answer);
  }

  #refuse(answer: ErrorAnswer): void {
    this.#progress.refused(answer);
    this.#parts.sink.refuse(answer);
  }

  #sendFailed(run: Run, answer: ErrorAnswer): void {
    this.#progress.refused(answer);
    const event = failedEvent(run.response.sketch(Date.now()), run.response.nextSequence(), answer);
    this.#send(run, event, eventTypeOf(event));
  }

  /** Runs what a run announced, unless the run was let go meanwhile. */
  #within(run: Run, react: () => void): void {
    if (this.#run !== run) return;
    try {
      react();
    } catch (error) {
      this.#mistake(error);
    }
  }

  /** Our own code threw: this turn ends, and nothing else does. */
  #mistake(error: unknown): void {
    this.#tools.facts({ kind: 'bridge.mistake', error });
    if (this.#state.kind === 'ended') return;
    const run = this.#run;
    try {
      run?.abort('internal_error');
      this.#tell(run, refusal('internal_error', 'The bridge made a mistake, which it logged. Try again.'));
    } catch (second) {
      this.#tools.facts({ kind: 'bridge.mistake', error: second }); // then the client hears no more of it
    }
    this.#end('bridge_error', 'internal_error');
  }

  #releaseBody(): void {
    if (this.#create === undefined) return;
    this.#create = undefined;
    this.#parts.onBodyDone();
  }

  #end(outcome: TurnOutcome, errorType?: string): void {
    const now = this.#tools.clock.now();
    const state = this.#state;
    this.#state = { kind: 'ended' };
    if (state.kind === 'queued') this.#parent.release(state.pinned);
    try {
      if (state.kind === 'opening' || state.kind === 'streaming') state.run.close(now);
      if (this.#create !== undefined) this.#progress.leaves({ ...this.#parts, create: this.#create });
      this.#progress.ended(now, outcome, errorType);
    } finally {
      this.#leave(); // whatever is made of its record, its lane goes on
    }
  }

  #leave(): void {
    this.#releaseBody();
    this.#parts.onEnded();
  }
}
