/** What a turn sends to its client, and the books that are kept of it. */
import { eventTypeOf, type EventType } from '../events/event-type.ts';
import type { ErrorAnswer } from '../frames/errors.ts';
import {
  failedEvent,
  injectFailedEvent,
  interruptedEvent,
  steerFailedEvent,
} from '../frames/server-events.ts';
import type { OpenAsks } from './open-asks.ts';
import type { Run } from './run.ts';
import type { TurnSink } from './turn-client.ts';
import type { TurnProgress } from './turn-progress.ts';

export class TurnOutput {
  readonly #sink: TurnSink;
  readonly #progress: TurnProgress;
  #hasAnswered = false;

  constructor(sink: TurnSink, progress: TurnProgress) {
    this.#sink = sink;
    this.#progress = progress;
  }

  /** The first event follows: the provider's headers, and what was held back for it. */
  begin(run: Run): void {
    const { answer } = run;
    if (answer !== undefined) {
      const { turnState, headers } = answer;
      this.#answered(turnState === undefined ? headers : { ...headers, 'x-codex-turn-state': turnState });
    }
    for (const { payload, type, isProviders } of run.held.take()) {
      this.event(run, payload, type, isProviders && run.plan.isTagged);
    }
  }

  /** An error ends the turn: what its provider said before that, which a client on a socket may read with it. */
  preface(run: Run): void {
    for (const { payload, type, isProviders } of run.held.take()) {
      if (isProviders) this.event(run, payload, type, run.plan.isTagged);
    }
  }

  /** One event of the response. On the hot path. @param isTagged the lane's name is in it, where it has one. */
  event(run: Run, payload: Buffer, type: EventType, isTagged: boolean): void {
    this.#progress.sent(payload, type);
    run.response.sent(payload, type);
    this.#sink.event(payload, type, isTagged);
  }

  /** A sign of life, no event: it commits nothing. */
  keepAlive(run: Run, payload: Buffer, type: EventType): void {
    if (!this.#sink.takesKeepalives) return;
    this.#progress.keptAlive();
    this.#sink.event(payload, type, run.plan.isTagged);
  }

  /** An error, where no response was created. */
  refuse(answer: ErrorAnswer): void {
    this.#progress.refused(answer);
    this.#answered(answer.headers);
    this.#sink.refuse(answer);
  }

  /** The ending of a response whose provider cannot give one. */
  failed(run: Run, answer: ErrorAnswer): void {
    this.#progress.refused(answer);
    const event = failedEvent(run.response.sketch(Date.now()), run.response.nextSequence(), answer);
    this.event(run, event, eventTypeOf(event), false);
  }

  /** The ending of a response that the client interrupted. */
  interrupted(run: Run, isBlank: boolean): void {
    const sketch = run.response.sketch(Date.now());
    const id = isBlank ? '' : sketch.id;
    const event = interruptedEvent({ ...sketch, id }, run.response.nextSequence());
    this.event(run, event, eventTypeOf(event), false);
  }

  /** Nothing will come of these: neither the successor that a steer was accepted for, nor an answer. */
  asksLost(run: Run, { steers, injects }: OpenAsks['lost']): void {
    const { id } = run.response;
    const events = steers.map((steerId) => steerFailedEvent(id, undefined, 'abandoned', steerId));
    for (let n = 0; n < injects; n++) events.push(injectFailedEvent(id, undefined, 'completed'));
    for (const event of events) this.event(run, event, eventTypeOf(event), false);
  }

  #answered(headers: Readonly<Record<string, string>>): void {
    if (this.#hasAnswered) return;
    this.#hasAnswered = true;
    this.#sink.answered?.(headers);
  }
}
