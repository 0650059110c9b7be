/**
 * The attempts of a turn that has been planned: opens them one after the other until one serves, and hears what becomes of
 * each. What was let go is heard no more.
 */
import type { EventType } from '../events/event-type.ts';
import type { ErrorAnswer } from '../frames/errors.ts';
import type { AttemptEnd } from '../provider/provider.ts';
import { readErrorEvent } from './error-event.ts';
import { toFallback, type AttemptPlan } from './attempt-plan.ts';
import type { AttemptWalk, NextAttempt } from './attempt-walk.ts';
import { judgeEnd, judgeFirstEvent, judgeTimeout, type Judgement } from './failover-cause.ts';
import {
  fromAttemptEnd,
  fromErrorEvent,
  fromFailedResponse,
  saysForgotten,
  type ToldEnding,
  type TurnFailure,
} from './failure.ts';
import type { FailoverDenial, TurnOutcome } from './facts.ts';
import { readResponse } from './output-items.ts';
import type { ParentLink } from './parent-link.ts';
import type { TurnMemory } from './plan.ts';
import { lostResponse } from './plan-refusals.ts';
import { Run, type RunListener } from './run.ts';
import { Serving } from './serving.ts';
import type { TurnOutput } from './turn-output.ts';
import type { TurnParts, TurnTools } from './turn-parts.ts';
import type { TurnProgress } from './turn-progress.ts';

/** What they work with, and who hears of their end. */
export interface AttemptsParts {
  readonly tools: TurnTools;
  readonly parts: Omit<TurnParts, 'create'>;
  readonly walk: AttemptWalk;
  /** What is to be remembered; held by whoever made it. */
  readonly kept: TurnMemory;
  readonly parent: ParentLink;
  readonly output: TurnOutput;
  readonly progress: TurnProgress;
  readonly listener: AttemptsListener;
}

export interface AttemptsListener {
  /** The client hears the first event: the request is needed no more. */
  onCommitted(): void;
  /** No provider hears of the warm-up. Nothing more comes. */
  onWarmup(): void;
  /** The client was told. Nothing more comes. */
  onEnd(outcome: TurnOutcome, errorType?: string): void;
  /** Our own code threw. */
  onMistake(error: unknown): void;
}

/** How an attempt failed, for its record. */
interface AttemptFailure extends ToldEnding {
  readonly answer?: TurnFailure['answer'];
  /** Nothing more comes of it: its connection may serve again. */
  readonly isOver?: boolean;
}

export class Attempts {
  readonly #own: AttemptsParts;
  /** The attempt under way; undefined between two. */
  #run: Run | undefined;
  /** There once the client has heard an event: from then on there is no other attempt. */
  #serving: Serving | undefined;
  #isPaused = false;

  constructor(parts: AttemptsParts) {
    this.#own = parts;
  }

  /** The response's id, as the client knows it; undefined before `response.created`. */
  get responseId(): string | undefined {
    return this.#run?.response.id;
  }

  /** There once the client has heard an event. */
  get serving(): Serving | undefined {
    return this.#serving;
  }

  /** Opens the next attempt, or ends the turn without one. None must be under way. */
  take(next: Exclude<NextAttempt, { kind: 'none' }>): void {
    switch (next.kind) {
      case 'attempt':
        return this.#open(next.plan);
      case 'warmup':
        return this.#own.listener.onWarmup();
      case 'refuse':
        this.#own.progress.record.continuation = next.continuation;
        return this.#refuse(next.failure);
    }
  }

  pause(): void {
    this.#isPaused = true;
    this.#run?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#run?.resume();
  }

  /** Nobody wants an answer any more. */
  abort(): void {
    this.#run?.abort();
  }

  /** We cannot go on: the client hears why. */
  giveUp(errorType: string, answer: ErrorAnswer): void {
    const run = this.#run;
    run?.failed(errorType);
    if (run?.response.id === undefined) this.#own.output.refuse(answer);
    else this.#own.output.failed(run, answer);
  }

  /** Lets go of everything. Once, when the turn has ended. */
  close(now: number): void {
    const run = this.#run;
    this.#run = undefined;
    this.#serving?.close();
    if (run !== undefined && this.#serving === undefined) this.#own.walk.undecided(run.plan, run.startedAt);
    run?.close(now);
  }

  #open(plan: AttemptPlan): void {
    const { tools, parts, walk, kept, progress } = this.#own;
    const { record } = progress;
    const { client, memory, sink, lane, sockets } = parts;
    const fallback = toFallback(plan);
    if (fallback !== undefined) {
      progress.announce({
        kind: 'turn.transport-fallback',
        turn: record,
        provider: plan.provider.name,
        known: plan.reason === 'transport_fallback' ? 'now' : 'beforehand',
        reason: fallback,
      });
    }
    record.attempts++;
    progress.attempting(plan);
    const subject = {
      client,
      lane,
      sockets,
      memory,
      kept,
      turn: record,
      turnStartedAt: record.startedAt ?? tools.clock.now(),
      takesRateLimits: client.entry === 'websocket' && sink.takesKeepalives, // who knows one knows the other
    };
    const run: Run = new Run(
      tools,
      subject,
      walk.course,
      plan,
      this.#listen(() => run),
    );
    this.#run = run;
    if (this.#isPaused) run.pause();
  }

  /** A late result of a run that was let go is for nobody. */
  #listen(subject: () => Run): RunListener {
    const within = (react: (run: Run) => void): void => {
      const run = subject();
      if (this.#run !== run) return;
      try {
        react(run);
      } catch (error) {
        this.#own.listener.onMistake(error);
      }
    };
    return {
      onDialled: (dial) => subject().dialled(dial),
      onAnswer: (answer) =>
        within((run) => {
          run.accepted(answer);
          this.#own.progress.record.providerRequestId = answer.headers['x-request-id'];
        }),
      // the hot path
      onEvent: (payload, type) => {
        const run = this.#run;
        if (run === undefined || run !== subject()) return;
        try {
          if (type.role === 'keepalive') this.#keepAlive(run, payload, type);
          else if (this.#serving !== undefined) this.#serving.event(payload, type);
          else this.#firstEvent(run, payload, type);
        } catch (error) {
          this.#own.listener.onMistake(error);
        }
      },
      onEnd: (end) => within((run) => this.#ended(run, end)),
      onTimeout: (failure) => within((run) => this.#timedOut(run, failure)),
    };
  }

  /** A sign of life, no event: it commits nothing and is not what `timeouts.firstEventSeconds` waits for. */
  #keepAlive(run: Run, payload: Buffer, type: EventType): void {
    run.timers.lives();
    this.#own.output.keepAlive(run, payload, type);
  }

  /** Nothing has gone to the client yet. */
  #firstEvent(run: Run, payload: Buffer, type: EventType): void {
    if (run.held.takes(payload, type)) return run.timers.lives();
    const { provider, transport } = run.plan;
    if (type.role === 'error') {
      run.heard();
      const failure = fromErrorEvent(payload, provider);
      run.erred(readErrorEvent(payload));
      // a provider's WebSocket serves on after an error, as ours does
      const told = { ...failure, isOver: transport === 'websocket' };
      const judgement = judgeFirstEvent(payload, type, provider, transport);
      return this.#goOn(run, judgement, told, () => {
        // over HTTP it would begin an answer that there is none of
        if (this.#own.parts.client.entry === 'websocket') this.#own.output.preface(run);
        this.#fail(run, failure, told.isOver);
      });
    }
    if (type.role === 'failed') {
      const told = fromFailedResponse(readResponse(payload).errorCode, provider);
      const judgement = judgeFirstEvent(payload, type, provider, transport);
      return this.#goOn(run, judgement, { ...told, isOver: true }, () => this.#serve(run, payload, type));
    }
    this.#own.walk.served(run.plan, run.wasDialled);
    this.#serve(run, payload, type);
  }

  /** The first event goes to the client. */
  #serve(run: Run, payload: Buffer, type: EventType): void {
    const { tools, parts, listener, ...own } = this.#own;
    own.walk.committed();
    this.#serving = new Serving({
      ...own,
      run,
      clock: tools.clock,
      isBlank: own.kept.kind === 'blank',
      isHttp: parts.client.entry === 'http',
      onEnd: (outcome, errorType) => listener.onEnd(outcome, errorType),
      onMistake: (error) => listener.onMistake(error),
    });
    listener.onCommitted();
    this.#serving.begin();
    this.#serving.event(payload, type);
  }

  /** The attempt ended by itself, before a terminal event. */
  #ended(run: Run, end: AttemptEnd): void {
    const failure = fromAttemptEnd(end, run.provider);
    if (end.kind === 'refused') run.answered(end);
    if (end.kind === 'lost') run.lost(end.fault);
    if (this.#serving !== undefined) return this.#serving.fail(failure);
    const attempt = { transport: run.plan.transport, isAnswered: run.answer !== undefined };
    const judgement = judgeEnd(end, run.provider, attempt);
    this.#goOn(run, judgement, failure, () => this.#fail(run, failure));
  }

  #timedOut(run: Run, failure: TurnFailure): void {
    if (this.#serving !== undefined) return this.#serving.fail(failure);
    if (failure.errorType !== 'first_event_timeout') return this.#fail(run, failure); // the turn's own time is over
    this.#goOn(run, judgeTimeout(), failure, () => this.#fail(run, failure));
  }

  /**
   * An attempt ended before its first event: another one, or the end of the turn.
   * @param giveUp tells the client of this one
   */
  #goOn(run: Run, judgement: Judgement, failure: AttemptFailure, giveUp: () => void): void {
    const { walk, progress, tools } = this.#own;
    walk.learn(run.plan, judgement, run.startedAt);
    const next =
      (saysForgotten(failure) ? walk.expand(run.plan) : undefined) ?? walk.next(run.plan, judgement);
    if (next.kind === 'none') return this.#deny(run, next.denial, giveUp);
    // else the same provider was to be asked by other means: what failed was its WebSocket
    const isMove = next.kind === 'attempt' && next.plan.reason === 'failover';
    if (isMove) this.#failRun(run, failure);
    else run.failed(failure.errorType, 'fallback', failure.isOver);
    this.#run = undefined;
    run.close(tools.clock.now());
    if (next.kind === 'attempt' && next.plan.reason === 'failover' && judgement.cause !== undefined) {
      const names = { from: run.provider.name, to: next.plan.provider.name };
      const turn = progress.record;
      progress.announce({ kind: 'turn.failover', turn, ...names, cause: judgement.cause });
    }
    this.take(next);
  }

  #deny(run: Run, reason: FailoverDenial | undefined, giveUp: () => void): void {
    const { walk, progress, parts, parent } = this.#own;
    const { record } = progress;
    if (reason !== undefined) {
      const provider = run.provider.name;
      const providers = walk.course.route.providers.length;
      progress.announce({ kind: 'turn.failover-denied', turn: record, provider, providers, reason });
    }
    if (reason !== 'pinned' || parts.client.entry === 'http') return giveUp();
    // another provider can serve the client, once it sends everything
    const lost = lostResponse(walk.course.route, parent.responseId ?? '');
    record.continuation = lost.continuation;
    this.#fail(run, lost.failure);
  }

  /** The turn ends with its attempt, before the client has heard of a response. */
  #fail(run: Run, failure: TurnFailure, isOver = false): void {
    this.#failRun(run, { ...failure, isOver });
    this.#refuse(failure);
  }

  #failRun(run: Run, { errorType, outcome, isOver }: AttemptFailure): void {
    run.failed(errorType, outcome === 'rejected' ? 'rejected' : 'error', isOver);
  }

  #refuse({ answer, outcome, errorType }: TurnFailure): void {
    const { parent, output, listener } = this.#own;
    parent.forgetAfterFailure();
    output.refuse(answer);
    listener.onEnd(outcome, errorType);
  }
}
