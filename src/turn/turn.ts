/**
 * One request, from its place in the queue to the final event.
 *
 * ```
 *   queued ──▶ planning ──▶ opening ──first event──▶ serving ──▶ ended
 *     │           │         ▲     │                    │           ▲
 *     │           │         └─────┘ another attempt    │           │
 *     └───────────┴── refused, lost, timed out, interrupted, cut, gone
 * ```
 * Until the first event has gone to the client another attempt is possible (attempts.ts); from then on the turn is
 * committed, and what fails becomes the response's own ending (serving.ts). There is exactly one ending.
 */
import { refusal } from '../frames/errors.ts';
import type { ResponseCreate } from '../frames/response-create.ts';
import type { SendResult } from '../provider/provider.ts';
import type { RouteGroup } from '../route/snapshot.ts';
import { AttemptWalk } from './attempt-walk.ts';
import { Attempts } from './attempts.ts';
import type { TurnFailure } from './failure.ts';
import type { AskKind } from './open-asks.ts';
import type { TurnOutcome, TurnRecord } from './facts.ts';
import { ParentLink } from './parent-link.ts';
import { planTurn, toTurnMemory, toWarmupMemory, type TurnCourse, type TurnMemory } from './plan.ts';
import type { TurnParts, TurnTools } from './turn-parts.ts';
import { TurnOutput } from './turn-output.ts';
import { toFirstStep, TurnProgress } from './turn-progress.ts';
import { answerWarmup } from './warmup.ts';

/** Where a turn is, as far as its owner is concerned; what is between is in attempts.ts and serving.ts. */
type TurnState =
  | { readonly kind: 'queued' }
  | { readonly kind: 'planning' }
  | { readonly kind: 'running'; readonly attempts: Attempts }
  | { readonly kind: 'ended' };

export class Turn {
  readonly record: TurnRecord;
  readonly #progress: TurnProgress;
  readonly #output: TurnOutput;
  readonly #tools: TurnTools;
  readonly #parts: Omit<TurnParts, 'create'>;
  readonly #parent: ParentLink;
  #create: ResponseCreate | undefined;
  #state: TurnState = { kind: 'queued' };
  #kept: TurnMemory = { kind: 'none' };

  /** Pins what the request continues from: it may be forgotten while the turn waits in its lane. */
  constructor(tools: TurnTools, parts: TurnParts) {
    this.#tools = tools;
    const { create, ...rest } = parts;
    this.#parts = rest; // and not `parts`: it would keep the request's bytes until the end of the answer
    this.record = parts.record;
    this.#progress = new TurnProgress(parts.record, tools, create.isWarmup);
    this.#output = new TurnOutput(parts.sink, this.#progress);
    this.#create = create;
    this.#parent = new ParentLink(parts.memory, create.previousResponseId);
  }

  /** The response's id, as the client knows it; undefined before `response.created` and after the end. */
  get responseId(): string | undefined {
    return this.#attempts?.responseId;
  }

  /** Plans the turn and opens its first attempt; or refuses it, or answers the warm-up: then it has ended on return. */
  start(group: RouteGroup): void {
    const create = this.#create;
    if (this.#state.kind !== 'queued' || create === undefined) return;
    this.#state = { kind: 'planning' };
    this.#guard(() => this.#start(group, create));
  }

  /** `response.interrupt`: the response ends as interrupted. @param frame as the client sent it. */
  interrupt(frame: Buffer): void {
    this.#guard(() => this.#attempts?.serving?.interrupt(frame));
  }

  /** Passes a frame of the client's on to the response that runs. `no`: its provider does not take it; `over`: it has ended. */
  tell(frame: Buffer, kind: AskKind): SendResult | 'over' {
    return this.#attempts?.serving?.tell(frame, kind) ?? 'no';
  }

  /** The client is gone, or was let go for a reason of ours: nothing more is sent. */
  disconnect(errorType?: 'slow_consumer'): void {
    if (this.#state.kind === 'ended' || this.#attempts?.serving?.drop() === true) return;
    this.#attempts?.abort();
    this.#end('disconnected', errorType);
  }

  /**
   * The drain's deadline: the turn ends now. Before the first finished item the client is told to open another
   * connection and send everything, which costs the Codex CLI one hidden retry (measured).
   */
  cut(): void {
    if (this.#state.kind === 'ended' || this.#attempts?.serving?.cut() === true) return;
    this.#attempts?.abort();
    const message = 'This bridge is shutting down; open a new connection.';
    this.#output.refuse(refusal('websocket_connection_limit_reached', message));
    this.#end('drained', 'server_draining');
  }

  /** Refuses a turn that has no attempt; one that has goes on. */
  reject(failure: TurnFailure): void {
    if (this.#state.kind !== 'queued' && this.#state.kind !== 'planning') return;
    this.#parent.forgetAfterFailure();
    this.#output.refuse(failure.answer);
    this.#end(failure.outcome, failure.errorType);
  }

  /** The client reads slowly: so do we. */
  pause(): void {
    if (this.#attempts === undefined) return;
    this.#progress.paused();
    this.#attempts.pause();
  }

  resume(): void {
    this.#attempts?.resume();
  }

  #start(group: RouteGroup, create: ResponseCreate): void {
    const { clock, providers } = this.#tools;
    const startedAt = clock.now();
    const asked = { ...this.#parts, create };
    const course = planTurn(create, this.#parts.client, group, this.#parts.memory, this.#parent.hold());
    if (course.kind === 'refuse') {
      this.#progress.planned(toFirstStep(course, undefined), asked, startedAt);
      return this.reject(course.failure);
    }
    const walk = new AttemptWalk(providers, this.#parts, course);
    const first = walk.first();
    this.#progress.planned(toFirstStep(first, course), asked, startedAt);
    if (first.kind === 'refuse') return this.reject(first.failure);
    if (first.kind === 'warmup') return this.#answerHere(course);
    if (first.kind === 'none') throw new Error('a turn has a first attempt, or is refused');
    providers.budgets.turnStarted(course.route.id);
    this.#kept = toTurnMemory(course, this.#parts.memory);
    const attempts = this.#attemptsOf(walk);
    this.#state = { kind: 'running', attempts };
    attempts.take(first);
    this.record.overheadMs = clock.exact() - startedAt;
  }

  get #attempts(): Attempts | undefined {
    return this.#state.kind === 'running' ? this.#state.attempts : undefined;
  }

  #attemptsOf(walk: AttemptWalk): Attempts {
    return new Attempts({
      tools: this.#tools,
      parts: this.#parts,
      walk,
      kept: this.#kept,
      parent: this.#parent,
      output: this.#output,
      progress: this.#progress,
      listener: {
        onCommitted: () => this.#releaseBody(),
        onWarmup: () => this.#answerHere(walk.course), // a course held here would be held to the end
        onEnd: (outcome, errorType) => this.#end(outcome, errorType),
        onMistake: (error) => this.#mistake(error),
      },
    });
  }

  /** A warm-up that no provider hears of. */
  #answerHere(course: TurnCourse): void {
    const { memory } = this.#parts;
    const kept = toWarmupMemory(course, memory);
    answerWarmup(kept, this.#parts, course.create.model ?? '', this.#parent.responseId);
    this.#progress.warmedUp(course.route.id);
    this.#state = { kind: 'ended' };
    this.#leave();
  }

  /** Runs what was announced or asked; if our own code throws, this turn ends and nothing else does. */
  #guard(react: () => void): void {
    try {
      react();
    } catch (error) {
      this.#mistake(error);
    }
  }

  #mistake(error: unknown): void {
    this.#tools.facts({ kind: 'bridge.mistake', error });
    if (this.#state.kind === 'ended') return;
    const answer = refusal('internal_error', 'The bridge made a mistake, which it logged. Try again.');
    try {
      if (this.#attempts === undefined) this.#output.refuse(answer);
      else this.#attempts.giveUp('internal_error', answer);
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
    try {
      if (state.kind === 'running') state.attempts.close(now);
      if (this.#create !== undefined) this.#progress.leaves({ ...this.#parts, create: this.#create });
      this.#progress.ended(now, outcome, errorType);
    } finally {
      this.#leave(); // whatever is made of its record, its lane goes on
    }
  }

  #leave(): void {
    this.#parent.release();
    if (this.#kept.kind === 'chain') this.#parts.memory?.release(this.#kept.link);
    this.#kept = { kind: 'none' };
    this.#releaseBody();
    this.#parts.onEnded();
  }
}
