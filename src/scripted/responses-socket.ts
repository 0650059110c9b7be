/** A WebSocket at `…/responses`: its frames, its lanes, and what it remembers. */
import { isObject, inputItems } from './request-view.ts';
import type { Conversation, ResponseStore } from './response-memory.ts';
import { answerToControl } from './control-frames.ts';
import { LaneMemory } from './response-memory.ts';
import type { ControlFrame, RecordedRequest, RequestBody, RequestEnd } from './recorded-request.ts';
import { RunningResponse } from './running-response.ts';
import type { Answer, JsonObject } from './script.ts';
import { refusedFrame, streamIdMistake, unknownPrevious } from './socket-errors.ts';
import type { FrameRefusal } from './socket-errors.ts';
import type { SocketWire } from './socket-wire.ts';
import { steerFailed, steerPending, steeredItems, steeredText, Steering } from './steering.ts';
import { defaultMaxAgeMs } from './websocket-settings.ts';
import type { WebSocketSettings } from './websocket-settings.ts';

/** The public API's limits. */
const maxNamedLanes = 32;
const maxInFlight = 16;
/** Frames that wait on one socket; the public API names no number. */
const maxWaiting = 64;

/** What a socket asks of its provider. */
export interface SocketHost {
  readonly store: ResponseStore;
  isStored(body: RequestBody): boolean;
  /** The next number of a response that no request asked for. */
  nextNumber(): number;
  record(frame: {
    readonly body: RequestBody;
    readonly rawBody: Buffer;
    readonly streamId: string | undefined;
    readonly socketId: number;
    readonly context: () => RequestBody;
    readonly closed: Promise<RequestEnd>;
  }): RecordedRequest;
  /** Notes a message of the answer, where that is wanted. */
  sent(request: RecordedRequest, text: string): void;
  recordControl(frame: ControlFrame): void;
  answerTo(request: RecordedRequest): Promise<Answer>;
  factsOf(request: RecordedRequest, answer: Answer): RunningResponse['facts'];
}

interface Turn {
  readonly request: RecordedRequest;
  readonly lane: string | undefined;
  /** The whole conversation's input. */
  setContext(context: RequestBody): void;
  settle(end: RequestEnd): void;
}

export class ResponsesSocket {
  private readonly wire: SocketWire;
  private readonly settings: WebSocketSettings;
  private readonly host: SocketHost;
  private readonly openedAt = performance.now();
  private readonly lanes = new Set<string>();
  private readonly waiting: Turn[] = [];
  /** By lane. */
  private readonly running = new Map<string | undefined, RunningResponse | 'starting'>();
  private readonly memory = new LaneMemory();
  private readonly steering = new Steering();
  /** Ids of responses that have ended here. Its size is bounded by the socket's age. */
  private readonly ended = new Set<string>();
  private idle: NodeJS.Timeout | undefined;

  constructor(wire: SocketWire, settings: WebSocketSettings, host: SocketHost) {
    this.wire = wire;
    this.settings = settings;
    this.host = host;
  }

  /** Serves the socket until it closes. */
  listen(): void {
    this.wire.onMessage((bytes, isBinary) => this.take(bytes, isBinary));
    this.wire.onClose(() => {
      clearTimeout(this.idle);
      for (const turn of this.waiting.splice(0)) turn.settle({ how: this.howGone(), at: performance.now() });
    });
    this.watchIdle();
  }

  private take(bytes: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.wire.close(1003, 'text messages only');
      return;
    }
    const frame = parsed(bytes);
    if (frame === undefined) this.refuse({ code: 'invalid_json', message: 'not a JSON object' });
    else if (frame['type'] === 'response.create') this.create(frame, bytes);
    else this.control(frame, bytes);
  }

  private create(frame: JsonObject, rawBody: Buffer): void {
    const { type: _type, stream_id: streamId, ...body } = frame;
    const refusal = this.refusalOf(streamId);
    if (refusal !== undefined) {
      this.refuse(refusal);
      if (refusal.code === 'websocket_connection_limit_reached') this.wire.close(1001, 'connection limit');
      return;
    }
    const lane = streamId as string | undefined;
    if (lane !== undefined) this.lanes.add(lane);
    let context: RequestBody = body;
    const { promise: closed, resolve } = Promise.withResolvers<RequestEnd>();
    const request = this.host.record({
      body,
      rawBody,
      streamId: lane,
      socketId: this.wire.id,
      context: () => context,
      closed,
    });
    this.waiting.push({
      request,
      lane,
      settle: resolve,
      setContext: (whole) => {
        context = whole;
      },
    });
    this.startWaiting();
  }

  private refusalOf(streamId: unknown): FrameRefusal | undefined {
    const mistake = streamIdMistake(streamId, this.settings.lanes !== false);
    if (mistake !== undefined) return mistake;
    const lane = streamId as string | undefined;
    const echo = lane === undefined ? {} : { streamId: lane };
    if (performance.now() - this.openedAt >= (this.settings.maxAgeMs ?? defaultMaxAgeMs)) {
      const message = 'This connection has reached its age limit. Open a new one.';
      return { code: 'websocket_connection_limit_reached', message };
    }
    if (lane !== undefined && !this.lanes.has(lane) && this.lanes.size >= maxNamedLanes) {
      const message = `a connection has at most ${String(maxNamedLanes)} named lanes`;
      return { code: 'websocket_stream_limit_reached', message, param: 'stream_id', ...echo };
    }
    const isBusy = this.running.has(lane) || this.waiting.some((turn) => turn.lane === lane);
    if (isBusy && this.settings.busy === 'refuse') {
      const message = 'a response is in flight: send the next request after its terminal event';
      return { code: 'response_already_in_flight', message, ...echo };
    }
    if (this.waiting.length >= maxWaiting) {
      return { code: 'rate_limit_exceeded', message: 'too many requests wait here', status: 429, ...echo };
    }
    return undefined;
  }

  /** First come, first served, but never two in one lane and never too many at once. */
  private startWaiting(): void {
    clearTimeout(this.idle);
    for (let at = 0; at < this.waiting.length && this.running.size < maxInFlight;) {
      const turn = this.waiting[at];
      if (turn === undefined || this.running.has(turn.lane)) {
        at += 1;
        continue;
      }
      this.waiting.splice(at, 1);
      this.running.set(turn.lane, 'starting');
      void this.run(turn);
    }
    if (this.running.size === 0) this.watchIdle();
  }

  private watchIdle(): void {
    const { closeAfterIdleMs } = this.settings;
    if (closeAfterIdleMs === undefined || this.wire.gone.aborted) return;
    this.idle = setTimeout(() => this.wire.close(1001, 'idle'), closeAfterIdleMs);
  }

  /** One request from its start to its end, and the successors that steers bring about. Never rejects. */
  private async run(turn: Turn): Promise<void> {
    const { request, lane } = turn;
    let end: RequestEnd['how'] = 'finished';
    let reason: string | undefined;
    try {
      const previous = request.body['previous_response_id'];
      const known = typeof previous === 'string' ? this.conversationOf(previous) : [];
      if (known === undefined) this.refuse(unknownPrevious(String(previous), lane));
      else {
        const steers = typeof previous === 'string' ? this.steering.take(previous) : [];
        const input = [...known, ...steeredItems(steers), ...inputItems(request.body)];
        if (known.length + steers.length > 0) turn.setContext({ ...request.body, input });
        const answer = request.body['generate'] === false ? {} : await this.host.answerTo(request);
        end = await this.respond(answer, this.host.factsOf(request, answer), lane, request);
      }
    } catch (error) {
      // A mistake of the script, which must not look like a clean end.
      end = 'broken';
      reason = error instanceof Error ? error.message : String(error);
      this.wire.reset();
    }
    turn.settle({ how: end, at: performance.now(), ...(reason === undefined ? {} : { reason }) });
    this.running.delete(lane);
    this.startWaiting();
  }

  private conversationOf(id: string): Conversation | undefined {
    return this.memory.get(id) ?? this.host.store.get(id);
  }

  private async respond(
    answer: Answer,
    facts: RunningResponse['facts'],
    lane: string | undefined,
    request: RecordedRequest,
  ): Promise<RequestEnd['how']> {
    const response = new RunningResponse(answer, facts, lane, this.wire, {
      ended: () => this.remember(response, lane),
      sent: (text) => this.host.sent(request, text),
    });
    this.running.set(lane, response);
    const end = await response.play();
    if (end !== 'ended') return end === 'gone' ? this.howGone() : 'broken';
    await this.succeed(response, lane, request);
    return 'finished';
  }

  private howGone(): 'broken' | 'client-closed' {
    return this.wire.isBrokenOff ? 'broken' : 'client-closed';
  }

  /** What comes after a response that was steered. */
  private async succeed(
    response: RunningResponse,
    lane: string | undefined,
    request: RecordedRequest,
  ): Promise<void> {
    const id = response.facts.responseId;
    const steers = this.steering.waiting(id);
    if (steers.length === 0) return;
    if (response.watch.outcome !== 'held' || response.cutBecause === 'interrupted') {
      for (const steer of this.steering.take(id)) {
        const input = steer.items;
        await response.say(
          steerFailed({ previous_response_id: id, input }, 'successor_creation_failed', 'it ended otherwise'),
        );
      }
      return;
    }
    if (response.watch.calls.length > 0) {
      for (const steer of steers) await response.say(steerPending(steer, response));
      return;
    }
    const input = steeredItems(this.steering.take(id));
    const number = this.host.nextNumber();
    const body = { ...response.facts.body, previous_response_id: id, input };
    const known = this.conversationOf(id) ?? [];
    await this.respond(
      { steps: [{ text: steeredText(input) }] },
      {
        ...response.facts,
        number,
        responseId: `resp_${String(number).padStart(4, '0')}`,
        body,
        context: { ...body, input: [...known, ...input] },
      },
      lane,
      request,
    );
  }

  /** Right before its last event is sent: the client may go on from it as soon as it reads that. */
  private remember(response: RunningResponse, lane: string | undefined): void {
    const { watch, facts } = response;
    const previous = facts.body['previous_response_id'];
    for (const id of watch.allIds) this.ended.add(id);
    if (watch.outcome === 'held') {
      const whole = [...inputItems(facts.context ?? facts.body), ...watch.output];
      this.memory.put(lane, watch.allIds, whole);
      if (this.host.isStored(facts.body)) this.host.store.put(watch.allIds, whole);
    } else if (typeof previous === 'string') this.memory.evict(lane, previous);
  }

  private control(frame: JsonObject, rawBody: Buffer): void {
    const type = typeof frame['type'] === 'string' ? frame['type'] : '';
    this.host.recordControl({ type, socketId: this.wire.id, frame, rawBody });
    const answer = answerToControl(frame, {
      settings: this.settings,
      steering: this.steering,
      socketId: this.wire.id,
      find: (id) => this.find(id),
      hasEnded: (id) => typeof id === 'string' && this.ended.has(id),
    });
    if (answer.kind === 'refused') this.refuse(answer.refusal);
    else if (answer.kind === 'event') void this.wire.text(JSON.stringify(answer.event));
  }

  private find(id: unknown): RunningResponse | undefined {
    return [...this.running.values()]
      .filter((each) => each !== 'starting')
      .find((each) => typeof id === 'string' && each.watch.allIds.includes(id) && !this.ended.has(id));
  }

  private refuse(refusal: FrameRefusal): void {
    void this.wire.text(JSON.stringify(refusedFrame(refusal, this.settings.errorsWithoutType === true)));
  }
}

function parsed(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
