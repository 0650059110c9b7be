/**
 * From steps to events: numbered, with ids, `done` equal to what the deltas said, and exactly one terminal event
 * unless a script says otherwise. Pure; time and sockets belong to whoever plays the actions.
 */
import { brokenAfter, closing } from './actions.ts';
import type { Action } from './actions.ts';
import { fillIn, fillInValue } from './fill-in.ts';
import { customCallEvents, functionCallEvents, messageEvents, reasoningEvents } from './item-events.ts';
import type { ItemEvents } from './item-events.ts';
import { isPause } from './pause.ts';
import type { Pause } from './pause.ts';
import { isObject, modelOf } from './request-view.ts';
import { countedUsage, responseObject } from './response-object.ts';
import type { ResponseFacts, ResponseProgress } from './response-object.ts';
import type { Answer, CompleteStep, ErrorStep, JsonObject, Quirk, Step, ToolCallStep } from './script.ts';

/** Events after which a client reads no further. `response.done` is an alias that some providers use. */
const terminalTypes: ReadonlySet<unknown> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
  'response.done',
  'error',
]);

/** Whether an event ends a response. */
export function isTerminal(event: JsonObject): boolean {
  return terminalTypes.has(event['type']);
}

/** Everything that happens for one answer, in order; `response.completed` is added when no end was named. */
export function actionsOf(answer: Answer, facts: ResponseFacts): Iterable<Action> {
  return openResponse(answer, facts).actions;
}

/** A response under way, for those who may end it early. */
export interface OpenResponse {
  readonly actions: Iterable<Action>;
  /** Numbers an event that no step of the script is about. */
  numbered(event: JsonObject): Action;
  /** What ends it here and now: `response.incomplete` with the items done so far. */
  cut(reason: string): Iterable<Action>;
}

/** As {@link actionsOf}. */
export function openResponse(answer: Answer, facts: ResponseFacts): OpenResponse {
  const writer = new ResponseWriter(facts, new Set(answer.quirks ?? []));
  return {
    actions: brokenAfter(writer.play(answer.steps ?? []), answer.breakAfter),
    numbered: (event) => writer.event(event),
    cut: (reason) => writer.terminal('incomplete', { incompleteReason: reason }),
  };
}

/** Of an answer with a status, which writes no events: the pauses before it. */
export function* pausesOf(answer: Answer): Generator<Pause> {
  for (const action of actionsOf({ steps: [...(answer.steps ?? []), { end: true }] }, noFacts)) {
    if (isPause(action)) yield action;
  }
}

/** Nothing of a response is ever written from these. */
const noFacts: ResponseFacts = { number: 0, responseId: '', createdAt: 0, body: {}, requestBytes: 0 };

/** Whether a step ends its answer, so that no `response.completed` is implied. */
function isEnd(step: Step): boolean {
  if ('event' in step) return isTerminal(step.event);
  return ['complete', 'incomplete', 'fail', 'error', 'end', 'stall', 'reset', 'close'].some(
    (name) => name in step,
  );
}

class ResponseWriter {
  private readonly facts: ResponseFacts;
  private readonly quirks: ReadonlySet<Quirk>;
  private readonly output: JsonObject[] = [];
  private nextSequence = 0;
  private nextIndex = 0;
  private began = false;
  private outputBytes = 0;
  private reasoningBytes = 0;

  constructor(facts: ResponseFacts, quirks: ReadonlySet<Quirk>) {
    this.facts = facts;
    this.quirks = quirks;
  }

  *play(steps: readonly Step[]): Generator<Action> {
    for (const step of steps) yield* this.step(step);
    if (!steps.some(isEnd)) yield* this.step({ complete: {} });
  }

  private step(step: Step): Iterable<Action> {
    if ('text' in step) {
      const text = fillIn(step.text, this.facts);
      this.outputBytes += Buffer.byteLength(text) * (step.repeat ?? 1);
      return this.item(messageEvents({ ...step, text }, this.place('msg')));
    }
    if ('toolCall' in step) return this.toolCall(step);
    if ('reasoning' in step) {
      this.reasoningBytes += Buffer.byteLength(step.reasoning.summary);
      return this.item(reasoningEvents(step.reasoning, this.place('rs')));
    }
    if ('item' in step) return this.rawItem(step.item);
    if ('begin' in step) return this.begin();
    if ('event' in step) return this.rawEvent(step.event);
    if ('raw' in step) return [{ kind: 'raw', text: fillIn(step.raw, this.facts) }];
    if ('comment' in step) return [{ kind: 'comment', text: step.comment }];
    if ('wait' in step) return [{ kind: 'wait', ms: step.wait }];
    if ('until' in step) return [{ kind: 'until', promise: step.until }];
    if ('open' in step) return [{ kind: 'open' }];
    return this.end(step);
  }

  private end(step: Exclude<Step, { text: string }>): Iterable<Action> {
    if ('complete' in step) return this.complete(step.complete);
    if ('incomplete' in step) return this.terminal('incomplete', { incompleteReason: step.incomplete });
    if ('fail' in step) return this.terminal('failed', { error: { ...step.fail }, usage: null });
    if ('error' in step) return [this.event(errorEvent(step.error))];
    if ('stall' in step) return [{ kind: 'stall' }];
    if ('reset' in step) return [{ kind: 'reset' }];
    if ('close' in step) return [closing(step.close)];
    if ('binary' in step) return [{ kind: 'binary', text: step.binary }];
    return [{ kind: 'end' }];
  }

  private *begin(): Generator<Action> {
    if (this.began) return;
    this.began = true;
    if (this.quirks.has('noCreated')) return;
    yield this.event({ type: 'response.created', response: this.response('in_progress', {}) });
    yield this.event({ type: 'response.in_progress', response: this.response('in_progress', {}) });
  }

  private *item(events: ItemEvents): Generator<Action> {
    yield* this.begin();
    for (const event of events.opening) yield this.event(event);
    for (const delta of events.deltas) {
      if (events.delayMs > 0) yield { kind: 'wait', ms: events.delayMs };
      yield this.event(delta);
    }
    if (events.done === undefined) return;
    for (const event of events.closing) yield this.event(event);
    this.output.push(events.done.item);
    if (!this.quirks.has('noItemDone'))
      yield this.event({ type: 'response.output_item.done', ...events.done });
  }

  private toolCall({ toolCall }: ToolCallStep): Iterable<Action> {
    const isCustom = (toolCall.kind ?? (toolCall.input === undefined ? 'function' : 'custom')) === 'custom';
    const place = this.place(isCustom ? 'ctc' : 'fc');
    const given = toolCall.arguments ?? {};
    const spoken = isCustom
      ? (toolCall.input ?? '')
      : typeof given === 'string'
        ? given
        : JSON.stringify(given);
    this.outputBytes += Buffer.byteLength(spoken);
    const call = {
      name: toolCall.name,
      callId: toolCall.callId ?? `call_${suffixOf(this.facts.number, place.index)}`,
      namespace: toolCall.namespace,
      spoken,
    };
    return this.item(isCustom ? customCallEvents(call, place) : functionCallEvents(call, place));
  }

  private rawItem(item: JsonObject): Iterable<Action> {
    const { id, index } = this.place('item');
    const whole = { id, ...(fillInValue(item, this.facts) as JsonObject) };
    this.outputBytes += Buffer.byteLength(JSON.stringify(whole));
    return this.item({
      opening: [{ type: 'response.output_item.added', output_index: index, item: whole }],
      deltas: [],
      delayMs: 0,
      closing: [],
      done: { output_index: index, item: whole },
    });
  }

  /** A recorded conversation brings its own response.created; then none is invented before it or after. */
  private rawEvent(event: JsonObject): Iterable<Action> {
    if (event['type'] === 'response.created') this.began = true;
    return [this.event(fillInValue(event, this.facts) as JsonObject)];
  }

  private *complete(step: CompleteStep): Generator<Action> {
    const usage = step.usage === null ? null : { ...this.usage(), ...step.usage };
    yield* this.terminal('completed', { usage }, step.response);
  }

  *terminal(
    status: 'completed' | 'incomplete' | 'failed',
    progress: Partial<ResponseProgress>,
    overlay: JsonObject = {},
  ): Generator<Action> {
    yield* this.begin();
    const response = { ...this.response(status, { usage: this.usage(), ...progress }), ...overlay };
    if (this.quirks.has('emptyOutput')) response['output'] = [];
    if (this.quirks.has('noUsage')) delete response['usage'];
    if (this.quirks.has('changingId')) response['id'] = `${this.facts.responseId}_final`;
    const isAlias = status === 'completed' && this.quirks.has('responseDoneAlias');
    yield this.event({ type: isAlias ? 'response.done' : `response.${status}`, response });
  }

  private response(status: ResponseProgress['status'], progress: Partial<ResponseProgress>): JsonObject {
    if (status === 'in_progress' && this.quirks.has('bareCreated')) {
      const { responseId: id, createdAt } = this.facts;
      return { id, object: 'response', created_at: createdAt, status, model: modelOf(this.facts.body) };
    }
    const output = status === 'in_progress' ? [] : [...this.output];
    return responseObject(this.facts, {
      status,
      output,
      usage: null,
      error: null,
      incompleteReason: undefined,
      ...progress,
    });
  }

  private usage(): JsonObject {
    return countedUsage(this.facts.requestBytes, this.outputBytes, this.reasoningBytes);
  }

  event(event: JsonObject): Action {
    if (this.quirks.has('noSequence')) return { kind: 'event', event };
    const given = event['sequence_number'];
    const number = typeof given === 'number' ? given : this.nextSequence;
    this.nextSequence = number + 1;
    // `type` first and the number beside it, as the public API writes them.
    return { kind: 'event', event: { type: event['type'], sequence_number: number, ...event } };
  }

  private place(prefix: string): { id: string; index: number } {
    const index = this.nextIndex;
    this.nextIndex += 1;
    return { id: `${prefix}_${suffixOf(this.facts.number, index)}`, index };
  }
}

function suffixOf(number: number, index: number): string {
  return `${String(number).padStart(4, '0')}_${String(index)}`;
}

/** Both forms in which providers send errors within a stream. */
function errorEvent(step: ErrorStep): JsonObject {
  const { code = null, message, param = null, status, headers } = step;
  const around = { ...(status === undefined ? {} : { status }), ...(isObject(headers) ? { headers } : {}) };
  if (step.form === 'flat') return { type: 'error', ...around, code, message, param };
  return { type: 'error', ...around, error: { type: step.type ?? 'server_error', code, message, param } };
}
